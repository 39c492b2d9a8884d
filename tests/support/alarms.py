"""Evaluates the template's alarms as CloudWatch does, as far as they use it: datapoints in, the alarm's state out.

After CloudWatch's user guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data". Here,
periods end at the time of evaluation, not at full minutes, and data before the evaluation periods is ignored.
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

STACK = "pointsman"
"""The stack's name in these tests."""

type Names = dict[str, str]
"""The values of `!Ref` and `!GetAtt`, by `Resource` and `Resource.Attribute`."""


@dataclass(frozen=True)
class Metric:
    """A metric; each set of dimensions is a different one."""

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

    properties: dict[str, Any]
    metric: Metric

    @classmethod
    def of(cls, properties: dict[str, Any], names: Names) -> "Alarm":
        """Return the alarm of a resource; fail on a property that this module cannot evaluate."""
        assert properties.keys() <= UNDERSTOOD, f"cannot evaluate {properties.keys() - UNDERSTOOD}"
        dimensions = {
            dimension["Name"]: resolve(dimension["Value"], names) for dimension in properties.get("Dimensions", [])
        }
        metric = Metric(
            resolve(properties["Namespace"], names), properties["MetricName"], frozenset(dimensions.items())
        )
        return cls(properties, metric)

    def state(self, datapoints: Iterable[Datapoint], now: datetime) -> str:
        """Return the state after the datapoints; `now` is the end of the last period."""
        length, periods = timedelta(seconds=self.properties["Period"]), self.properties["EvaluationPeriods"]
        points = [point for point in datapoints if point.metric == self.metric]
        ends = [now - length * number for number in range(periods)]
        windows = [[point.value for point in points if end - length < point.at <= end] for end in ends]
        verdicts = [self._verdict(values) for values in windows]
        if not any(windows) and None in verdicts:
            return INSUFFICIENT
        return ALARM if verdicts.count(True) >= self.properties.get("DatapointsToAlarm", periods) else OK

    def _verdict(self, values: list[float]) -> bool | None:
        """Return whether a period breaches; None if it has no data, which counts as neither."""
        if not values:
            without_data: dict[str, bool | None] = {"breaching": True, "notBreaching": False, "missing": None}
            return without_data[self.properties.get("TreatMissingData", "missing")]
        return COMPARISONS[self.properties["ComparisonOperator"]](self._statistic(values), self.properties["Threshold"])

    def _statistic(self, values: list[float]) -> float:
        if extended := self.properties.get("ExtendedStatistic"):
            percent = float(extended.removeprefix("p"))
            return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
        return STATISTICS[self.properties["Statistic"]](values)


def read_embedded_metrics(output: str) -> list[Datapoint]:
    """Return the datapoints that a function printed in CloudWatch's embedded metric format."""
    datapoints: list[Datapoint] = []
    for line in output.splitlines():
        if '"_aws"' not in line:
            continue
        document = json.loads(line)
        at = datetime.fromtimestamp(document["_aws"]["Timestamp"] / 1000, UTC)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = frozenset((name, document[name]) for name in names)
                for definition in directive["Metrics"]:
                    metric = Metric(directive["Namespace"], definition["Name"], dimensions)
                    values = document[definition["Name"]]
                    datapoints += [
                        Datapoint(metric, at, value) for value in (values if isinstance(values, list) else [values])
                    ]
    return datapoints


def apply_metric_filter(properties: dict[str, Any], lines: Iterable[str], at: datetime) -> list[Datapoint]:
    """Return the datapoints that a metric filter makes of log lines; its pattern is `?"this" ?"or that"`."""
    terms = re.findall(r'\?"([^"]+)"', properties["FilterPattern"])
    assert " ".join(f'?"{term}"' for term in terms) == properties["FilterPattern"], "another kind of pattern"
    (transformation,) = properties["MetricTransformations"]
    metric = Metric(resolve(transformation["MetricNamespace"]), transformation["MetricName"])
    value = float(transformation["MetricValue"])
    return [Datapoint(metric, at, value) for line in lines if any(term in line for term in terms)]


def resolve(value: Any, names: Names = {}) -> str:  # noqa: B006
    """Return a string of the template with its `!Ref`, `!GetAtt` and `!Sub` resolved; the stack is `STACK`."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Fn::Sub":
        known = {"AWS::StackName": STACK, **names}
        return re.sub(r"\$\{([^}]+)}", lambda match: known[match[1]], argument)
    return names[argument if function == "Ref" else ".".join(argument)]
