"""The alarm evaluator that the fault tests rely on."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devstack.supervisor.alarms import ALARM_OFF, ALARM_ON, NO_DATA, Datapoint, Metric
from devstack.supervisor.metrics import read_embedded_metrics
from tests.support.alarms import apply_metric_filter, template_alarm

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
PROPERTIES: dict[str, Any] = {
    "Namespace": "N",
    "MetricName": "M",
    "Dimensions": [{"Name": "service", "Value": {"Ref": "Service"}}],
    "Statistic": "Sum",
    "ComparisonOperator": "GreaterThanThreshold",
    "Threshold": 2,
    "Period": 60,
    "EvaluationPeriods": 3,
}
METRIC = Metric("N", "M", frozenset({("service", "s")}))


def state(values: dict[int, float | list[float]], **changes: Any) -> str:
    """Return the state by the values of each minute, counted back from now."""
    datapoints = [
        Datapoint(METRIC, NOW - timedelta(minutes=minutes), value)
        for minutes, minute_values in values.items()
        for value in (minute_values if isinstance(minute_values, list) else [minute_values])
    ]
    return template_alarm({**PROPERTIES, **changes}, {"Service": "s"}).state(datapoints, NOW)


@pytest.mark.parametrize(
    ("values", "changes", "expected"),
    [
        ({0: 3, 1: 3, 2: 3}, {}, ALARM_ON),
        ({0: 3, 1: 2, 2: 3}, {}, ALARM_OFF),
        ({0: 3, 1: 2, 2: 3}, {"DatapointsToAlarm": 2}, ALARM_ON),
        ({0: 3, 3: 9}, {"DatapointsToAlarm": 2}, ALARM_OFF),
        ({0: [1, 2]}, {"EvaluationPeriods": 1}, ALARM_ON),
        ({0: [1, 2]}, {"EvaluationPeriods": 1, "Statistic": "Maximum"}, ALARM_OFF),
        ({0: [4, 1]}, {"EvaluationPeriods": 1, "Statistic": "Average"}, ALARM_ON),
        ({0: [9, 9]}, {"EvaluationPeriods": 1, "Statistic": "SampleCount"}, ALARM_OFF),
        ({0: 2}, {"EvaluationPeriods": 1, "ComparisonOperator": "GreaterThanOrEqualToThreshold"}, ALARM_ON),
        ({0: 2}, {"EvaluationPeriods": 1, "ComparisonOperator": "LessThanThreshold"}, ALARM_OFF),
        ({}, {}, NO_DATA),
        ({}, {"TreatMissingData": "breaching"}, ALARM_ON),
        ({}, {"TreatMissingData": "notBreaching"}, ALARM_OFF),
        ({0: 3}, {}, ALARM_OFF),
        ({0: 3}, {"TreatMissingData": "breaching"}, ALARM_ON),
        ({0: 1}, {"TreatMissingData": "breaching"}, ALARM_OFF),
    ],
)
def test_state_follows_from_the_periods(values: dict[int, Any], changes: dict[str, Any], expected: str) -> None:
    assert state(values, **changes) == expected


@pytest.mark.parametrize(("slow", "expected"), [(0, ALARM_OFF), (1, ALARM_OFF), (2, ALARM_ON)])
def test_percentile_is_the_nearest_rank(slow: int, expected: str) -> None:
    changes = {"EvaluationPeriods": 1, "ExtendedStatistic": "p95"}
    properties = {name: value for name, value in PROPERTIES.items() if name != "Statistic"}
    datapoints = [Datapoint(METRIC, NOW, 9.0 if number < slow else 1.0) for number in range(20)]
    assert template_alarm({**properties, **changes}, {"Service": "s"}).state(datapoints, NOW) == expected


def test_other_metrics_do_not_change_the_state() -> None:
    alarm = template_alarm({**PROPERTIES, "EvaluationPeriods": 1, "TreatMissingData": "notBreaching"}, {"Service": "s"})
    point = Datapoint(METRIC, NOW, 3)
    assert alarm.state([point], NOW) == ALARM_ON
    for other in (
        replace(METRIC, namespace="O"),
        replace(METRIC, name="O"),
        replace(METRIC, dimensions=frozenset()),
        replace(METRIC, dimensions=METRIC.dimensions | {("function", "f")}),
    ):
        assert alarm.state([replace(point, metric=other)], NOW) == ALARM_OFF


def test_unsupported_property_raises_an_error() -> None:
    with pytest.raises(AssertionError, match="EvaluateLowSampleCountPercentile"):
        template_alarm({**PROPERTIES, "EvaluateLowSampleCountPercentile": "ignore"}, {"Service": "s"})


def test_datapoints_are_read_from_log_lines() -> None:
    directive = {"Namespace": "N", "Dimensions": [["service"], []], "Metrics": [{"Name": "M"}]}
    line = {"_aws": {"Timestamp": 1_795_000_000_000, "CloudWatchMetrics": [directive]}, "service": "s", "M": [1.0, 2.0]}
    datapoints = read_embedded_metrics("a line\n" + json.dumps(line))
    assert [(point.metric.dimensions, point.value) for point in datapoints] == [
        (METRIC.dimensions, 1.0),
        (METRIC.dimensions, 2.0),
        (frozenset(), 1.0),
        (frozenset(), 2.0),
    ]
    transformations = [{"MetricNamespace": "N", "MetricName": "M", "MetricValue": "1"}]
    properties = {"FilterPattern": '?"[ERROR]" ?"timed out"', "MetricTransformations": transformations}
    assert len(apply_metric_filter(properties, ["[ERROR] x", "Task timed out", "ERROR", "all is well"], NOW)) == 2
    with pytest.raises(ValueError, match="another kind"):
        apply_metric_filter({**properties, "FilterPattern": "{ $.level = ERROR }"}, [], NOW)
