"""The template's alarms and metric filters, for the evaluator of the local stack's supervisor."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from devstack.supervisor.alarms import Alarm, Datapoint
from devstack.supervisor.metrics import MetricFilter

DOES_NOT_CHANGE_THE_STATE = {"Namespace", "MetricName", "Dimensions", "AlarmDescription", "AlarmActions"}
UNDERSTOOD = DOES_NOT_CHANGE_THE_STATE | {
    *("Statistic", "ExtendedStatistic", "ComparisonOperator", "Threshold"),
    *("Period", "EvaluationPeriods", "DatapointsToAlarm", "TreatMissingData"),
}

STACK = "pointsman"
"""The stack's name in these tests."""

type Names = dict[str, str]
"""The values of `!Ref` and `!GetAtt`, by `Resource` and `Resource.Attribute`."""


def template_alarm(properties: dict[str, Any], names: Names) -> Alarm:
    """Return the alarm of a resource; fail on a property that the evaluator does not know."""
    assert properties.keys() <= UNDERSTOOD, f"cannot evaluate {properties.keys() - UNDERSTOOD}"
    dimensions = [
        {"Name": dimension["Name"], "Value": resolve(dimension["Value"], names)}
        for dimension in properties.get("Dimensions", [])
    ]
    return Alarm.of({**properties, "Namespace": resolve(properties["Namespace"], names), "Dimensions": dimensions})


def apply_metric_filter(properties: dict[str, Any], lines: Iterable[str], at: datetime) -> list[Datapoint]:
    """Return the datapoints that a resource's metric filter makes of log lines."""
    (change,) = properties["MetricTransformations"]
    described = {
        "filterPattern": properties["FilterPattern"],
        "metricTransformations": [
            {
                "metricNamespace": resolve(change["MetricNamespace"]),
                "metricName": change["MetricName"],
                "metricValue": change["MetricValue"],
            }
        ],
    }
    return MetricFilter.of(described).datapoints(lines, at)


def resolve(value: Any, names: Names = {}) -> str:  # noqa: B006
    """Return a string of the template with its `!Ref`, `!GetAtt` and `!Sub` resolved; the stack is `STACK`."""
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Fn::Sub":
        known = {"AWS::StackName": STACK, **names}
        return re.sub(r"\$\{([^}]+)}", lambda match: known[match[1]], argument)
    return names[argument if function == "Ref" else ".".join(argument)]
