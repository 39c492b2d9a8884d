"""What CloudWatch does with the template's alarms, as far as they use it: datapoints in, the alarm's state out.

After CloudWatch's user guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data". Periods
end at the instant of looking, not at full minutes, and nothing before the evaluation periods is looked at.
"""

import json
import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": lambda value, limit: value > limit,
    "GreaterThanOrEqualToThreshold": lambda value, limit: value >= limit,
    "LessThanThreshold": lambda value, limit: value < limit,
    "LessThanOrEqualToThreshold": lambda value, limit: value <= limit,
}
STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "Sum": sum,
    "Maximum": max,
    "Minimum": min,
    "Average": lambda values: sum(values) / len(values),
    "SampleCount": lambda values: float(len(values)),
}
DOES_NOT_CHANGE_THE_STATE = {"Namespace", "MetricName", "Dimensions", "AlarmDescription", "AlarmActions"}
UNDERSTOOD = DOES_NOT_CHANGE_THE_STATE | {
    *("Statistic", "ExtendedStatistic", "ComparisonOperator", "Threshold"),
    *("Period", "EvaluationPeriods", "DatapointsToAlarm", "TreatMissingData"),
}

type Names = dict[str, str]
"""What `!Ref` and `!GetAtt` come to, by `Resource` and `Resource.Attribute`."""


@dataclass(frozen=True)
class Metric:
    """A metric is another one under each set of dimensions."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Datapoint:
    """One value of a metric."""

    metric: Metric
    at: datetime
    value: float


@dataclass(frozen=True)
class Alarm:
    """One of the template's alarms."""

    stated: dict[str, Any]
    """Its properties."""
    metric: Metric

    @classmethod
    def of(cls, properties: dict[str, Any], names: Names) -> "Alarm":
        """Return the alarm of a resource's properties; one that this cannot evaluate is an error."""
        assert properties.keys() <= UNDERSTOOD, f"nobody evaluates {properties.keys() - UNDERSTOOD} here"
        dimensions = {each["Name"]: _resolved(each["Value"], names) for each in properties.get("Dimensions", [])}
        metric = Metric(properties["Namespace"], properties["MetricName"], frozenset(dimensions.items()))
        return cls(properties, metric)

    def state(self, policy: Iterable[Datapoint], now: datetime) -> str:
        """Return the state that the datapoints lead to, `now` being the end of the last period."""
        length, periods = timedelta(seconds=self.stated["Period"]), self.stated["EvaluationPeriods"]
        mine = [point for point in policy if point.metric == self.metric]
        ends = [now - length * number for number in range(periods)]
        windows = [[point.value for point in mine if end - length < point.at <= end] for end in ends]
        verdicts = [self._verdict(values) for values in windows]
        if not any(windows) and None in verdicts:
            return INSUFFICIENT
        return ALARM if verdicts.count(True) >= self.stated.get("DatapointsToAlarm", periods) else OK

    def _verdict(self, values: list[float]) -> bool | None:
        """Return whether a period breaches; None: it has no data, and that says nothing."""
        if not values:
            treated: dict[str, bool | None] = {"breaching": True, "notBreaching": False, "missing": None}
            return treated[self.stated.get("TreatMissingData", "missing")]
        return COMPARISONS[self.stated["ComparisonOperator"]](self._statistic(values), self.stated["Threshold"])

    def _statistic(self, values: list[float]) -> float:
        if extended := self.stated.get("ExtendedStatistic"):
            percent = float(extended.removeprefix("p"))
            return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
        return STATISTICS[self.stated["Statistic"]](values)


def embedded(output: str) -> list[Datapoint]:
    """Return the datapoints in what a function printed, in CloudWatch's embedded metric format."""
    policy: list[Datapoint] = []
    for line in output.splitlines():
        if '"_aws"' not in line:
            continue
        document = json.loads(line)
        at = datetime.fromtimestamp(document["_aws"]["Timestamp"] / 1000, UTC)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, document[name]) for name in names)
                for stated in directive["Metrics"]:
                    metric = Metric(directive["Namespace"], stated["Name"], dimensions)
                    values = document[stated["Name"]]
                    policy += [
                        Datapoint(metric, at, value) for value in (values if isinstance(values, list) else [values])
                    ]
    return policy


def filtered(properties: dict[str, Any], lines: Iterable[str], at: datetime) -> list[Datapoint]:
    """Return the datapoints that a metric filter takes from a log's lines; its pattern is `?"this" ?"or that"`."""
    terms = re.findall(r'\?"([^"]+)"', properties["FilterPattern"])
    assert " ".join(f'?"{term}"' for term in terms) == properties["FilterPattern"], "another kind of pattern"
    (made,) = properties["MetricTransformations"]
    metric = Metric(made["MetricNamespace"], made["MetricName"])
    return [Datapoint(metric, at, float(made["MetricValue"])) for line in lines if any(term in line for term in terms)]


def _resolved(value: Any, names: Names) -> str:
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    return names[argument if function == "Ref" else ".".join(argument)]
