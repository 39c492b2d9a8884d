"""Evaluates alarms as CloudWatch does, as far as the template uses it: datapoints in, the alarm's state out.

After CloudWatch's user guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data". Here,
periods end at the time of evaluation, not at full minutes, and data before the evaluation periods is ignored.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

ALARM_OFF, ALARM_ON, NO_DATA = "OK", "ALARM", "INSUFFICIENT_DATA"

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
    """An alarm on one metric."""

    properties: Mapping[str, Any]
    """As the template and DescribeAlarms have them."""
    metric: Metric

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> "Alarm":
        """Return the alarm with these properties."""
        dimensions = {dimension["Name"]: dimension["Value"] for dimension in properties.get("Dimensions", [])}
        metric = Metric(properties["Namespace"], properties["MetricName"], frozenset(dimensions.items()))
        return cls(properties, metric)

    @property
    def length(self) -> timedelta:
        """How far back it looks."""
        return timedelta(seconds=self.properties["Period"] * self.properties["EvaluationPeriods"])

    @property
    def takes_silence_for_failure(self) -> bool:
        """Whether it goes off where there is no data."""
        return self.properties.get("TreatMissingData") == "breaching"

    def state(self, datapoints: Iterable[Datapoint], now: datetime) -> str:
        """Return the state after the datapoints; `now` is the end of the last period."""
        windows = self._windows(datapoints, now)
        verdicts = [self._verdict(values) for values in windows]
        if not any(windows) and None in verdicts:
            return NO_DATA
        needed = self.properties.get("DatapointsToAlarm", len(windows))
        return ALARM_ON if verdicts.count(True) >= needed else ALARM_OFF

    def reason(self, datapoints: Iterable[Datapoint], now: datetime) -> str:
        """Return the values that lead to the state, newest first, in one line."""
        values = [self._statistic(window) for window in self._windows(datapoints, now) if window]
        shown = ", ".join(f"{value:g}" for value in values[:3]) or "no data"
        statistic = self.properties.get("ExtendedStatistic") or self.properties["Statistic"]
        seconds, limit = self.length.total_seconds(), self.properties["Threshold"]
        span = f"{seconds / 3600:g} h" if seconds >= 3600 else f"{seconds / 60:g} min"
        return f"{self.metric.name}: {statistic} {shown} in {span}; threshold {limit:g}"

    def _windows(self, datapoints: Iterable[Datapoint], now: datetime) -> list[list[float]]:
        """Return the values of each period, the last one first."""
        length, periods = timedelta(seconds=self.properties["Period"]), self.properties["EvaluationPeriods"]
        points = [point for point in datapoints if point.metric == self.metric]
        ends = [now - length * number for number in range(periods)]
        return [[point.value for point in points if end - length < point.at <= end] for end in ends]

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


def short_alarm_name(stack_name: str, name: str) -> str:
    """Return an alarm's name as in docs/operations.md: without the stack's name and CloudFormation's suffix."""
    return name.removeprefix(f"{stack_name}-").rpartition("-")[0].removesuffix("Alarm") or name
