"""The evaluator of alarms that the fault tests rely on."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.alarms import ALARM, INSUFFICIENT, OK, Alarm, Datapoint, Metric, embedded, filtered

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STATED: dict[str, Any] = {
    "Namespace": "N",
    "MetricName": "M",
    "Dimensions": [{"Name": "service", "Value": {"Ref": "Service"}}],
    "Statistic": "Sum",
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 2,
    "Period": 60,
    "EvaluationPeriods": 3,
}
MINE = Metric("N", "M", frozenset({("service", "s")}))


def state(values: dict[int, float | list[float]], **changes: Any) -> str:
    """Return the state by the values of each minute, counted back from now."""
    policy = [
        Datapoint(MINE, NOW - timedelta(minutes=back), value)
        for back, some in values.items()
        for value in (some if isinstance(some, list) else [some])
    ]
    return Alarm.of({**STATED, **changes}, {"Service": "s"}).state(policy, NOW)


@pytest.mark.parametrize(
    ("values", "changes", "expected"),
    [
        ({0: 3, 1: 3, 2: 3}, {}, ALARM),
        ({0: 3, 1: 2, 2: 3}, {}, OK),
        ({0: 3, 1: 2, 2: 3}, {"DatapointsToAlarm": 2}, ALARM),
        ({0: 3, 3: 9}, {"DatapointsToAlarm": 2}, OK),
        ({0: [1, 2]}, {"EvaluationPeriods": 1}, ALARM),
        ({0: [1, 2]}, {"EvaluationPeriods": 1, "Statistic": "Maximum"}, OK),
        ({0: [4, 1]}, {"EvaluationPeriods": 1, "Statistic": "Average"}, ALARM),
        ({0: [9, 9]}, {"EvaluationPeriods": 1, "Statistic": "SampleCount"}, OK),
        ({0: 2}, {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}, ALARM),
        ({0: 2}, {"EvaluationPeriods": 1, "ComparisonOperator": "LessThanThreshold"}, OK),
        ({}, {}, INSUFFICIENT),
        ({}, {"TreatMissingData": "breaching"}, ALARM),
        ({}, {"TreatMissingData": "notBreaching"}, OK),
        ({0: 3}, {}, OK),
        ({0: 3}, {"TreatMissingData": "breaching"}, ALARM),
        ({0: 1}, {"TreatMissingData": "breaching"}, OK),
    ],
)
def test_the_state_follows_from_the_periods(values: dict[int, Any], changes: dict[str, Any], expected: str) -> None:
    assert state(values, **changes) == expected


@pytest.mark.parametrize(("slow", "expected"), [(0, OK), (1, OK), (2, ALARM)])
def test_a_percentile_is_the_nearest_rank(slow: int, expected: str) -> None:
    one = {"EvaluationPeriods": 1, "ExtendedStatistic": "p95"}
    stated = {name: value for name, value in STATED.items() if name != "Statistic"}
    policy = [Datapoint(MINE, NOW, 9.0 if number < slow else 1.0) for number in range(20)]
    assert Alarm.of({**stated, **one}, {"Service": "s"}).state(policy, NOW) == expected


def test_another_metric_is_none_of_its_business() -> None:
    watch = Alarm.of({**STATED, "EvaluationPeriods": 1, "TreatMissingData": "notBreaching"}, {"Service": "s"})
    point = Datapoint(MINE, NOW, 3)
    assert watch.state([point], NOW) == ALARM
    for other in (
        replace(MINE, namespace="O"),
        replace(MINE, name="O"),
        replace(MINE, dimensions=frozenset()),
        replace(MINE, dimensions=MINE.dimensions | {("function", "f")}),
    ):
        assert watch.state([replace(point, metric=other)], NOW) == OK


def test_what_it_cannot_evaluate_is_no_alarm_that_is_well() -> None:
    with pytest.raises(AssertionError, match="EvaluateLowSampleCountPercentile"):
        Alarm.of({**STATED, "EvaluateLowSampleCountPercentile": "ignore"}, {"Service": "s"})


def test_datapoints_are_read_from_logs() -> None:
    directive = {"Namespace": "N", "Dimensions": [["service"], []], "Metrics": [{"Name": "M"}]}
    line = {"_aws": {"Timestamp": 1_795_000_000_000, "CloudWatchMetrics": [directive]}, "service": "s", "M": [1.0, 2.0]}
    found = embedded("a line\n" + json.dumps(line))
    assert [(point.metric.dimensions, point.value) for point in found] == [
        (MINE.dimensions, 1.0),
        (MINE.dimensions, 2.0),
        (frozenset(), 1.0),
        (frozenset(), 2.0),
    ]
    made = [{"MetricNamespace": "N", "MetricName": "M", "MetricValue": "1"}]
    stated = {"FilterPattern": '?"[ERROR]" ?"timed out"', "MetricTransformations": made}
    assert len(filtered(stated, ["[ERROR] x", "Task timed out", "ERROR", "all is well"], NOW)) == 2
    with pytest.raises(AssertionError, match="another kind"):
        filtered({**stated, "FilterPattern": "{ $.level = ERROR }"}, [], NOW)
