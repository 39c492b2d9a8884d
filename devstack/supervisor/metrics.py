"""The datapoints of a local stack: what the functions log, and what its queues and its workflow show.

The emulator has neither metric filters, nor embedded metrics, nor metrics of SQS and Step Functions. Each comes from
what the emulator does have, by the rules of CloudWatch.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

from devstack.info import StackInfo
from devstack.supervisor.alarms import Datapoint, Metric

_direct = build_opener(ProxyHandler({}))
_TERM = re.compile(r'\?"([^"]+)"')
type Clients = Mapping[str, Any]
"""AWS clients by service."""


def read_embedded_metrics(output: str) -> list[Datapoint]:
    """Return the datapoints that a function printed in CloudWatch's embedded metric format."""
    datapoints: list[Datapoint] = []
    for line in output.splitlines():
        document = _embedded(line)
        if document is None:
            continue
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


def _embedded(line: str) -> dict[str, Any] | None:
    if '"_aws"' not in line:
        return None
    try:
        document = json.loads(line)
    except ValueError:  # another line that has the word in it
        return None
    return document if isinstance(document, dict) and "_aws" in document else None


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """Makes a datapoint of each line that has one of its terms."""

    metric: Metric
    value: float
    terms: tuple[str, ...]

    @classmethod
    def of(cls, properties: Mapping[str, Any]) -> "MetricFilter":
        """Return the filter with the names of DescribeMetricFilters.

        Raises:
            ValueError: Its pattern is not of the kind `?"this" ?"or that"`.
        """
        pattern = properties["filterPattern"]
        terms = tuple(_TERM.findall(pattern))
        if " ".join(f'?"{term}"' for term in terms) != pattern:
            raise ValueError(f"another kind of pattern: {pattern}")
        (change,) = properties["metricTransformations"]
        return cls(Metric(change["metricNamespace"], change["metricName"]), float(change["metricValue"]), terms)

    def datapoints(self, lines: Iterable[str], at: datetime) -> list[Datapoint]:
        """Return the datapoints of lines."""
        return [Datapoint(self.metric, at, self.value) for line in lines if any(term in line for term in self.terms)]


def logged_datapoints(
    logs: Any, since: datetime, until: datetime, on_unreadable: Callable[[str], None]
) -> Iterator[Datapoint]:
    """Yield the datapoints of what was logged from one moment until before another.

    `on_unreadable` gets what is wrong with a filter that cannot be applied.
    """
    filters: dict[str, list[MetricFilter]] = {}
    for page in logs.get_paginator("describe_metric_filters").paginate():
        for found in page["metricFilters"]:
            group_filters = filters.setdefault(found["logGroupName"], [])
            try:
                group_filters.append(MetricFilter.of(found))
            except ValueError as error:
                on_unreadable(f"filter {found['filterName']} is not applied: {error}")
    window = {"startTime": _milliseconds(since), "endTime": _milliseconds(until) - 1}
    for group, group_filters in filters.items():
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, **window):
            for event in page["events"]:
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                yield from read_embedded_metrics(event["message"])
                for metric_filter in group_filters:
                    yield from metric_filter.datapoints([event["message"]], at)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def measured_datapoints(
    stack: StackInfo, clients: Clients, metrics: Iterable[Metric], since: datetime, now: datetime
) -> Iterator[Datapoint]:
    """Yield the datapoints of those metrics that AWS's services send by themselves."""
    for metric in metrics:
        dimensions = dict(metric.dimensions)
        match metric.namespace, metric.name:
            case "AWS/SQS", "ApproximateNumberOfMessagesVisible":
                visible = _visible(clients["sqs"], dimensions["QueueName"])
                yield Datapoint(metric, now, float(visible))
            case "AWS/SQS", "ApproximateAgeOfOldestMessage":
                if (age := _oldest_age(stack, clients["sqs"], dimensions["QueueName"], now)) is not None:
                    yield Datapoint(metric, now, age)
            case "AWS/States", "ExecutionsFailed":
                ends = _failures(clients["stepfunctions"], dimensions["StateMachineArn"])
                yield from (Datapoint(metric, end, 1.0) for end in ends if since <= end < now)


def is_measured(metric: Metric) -> bool:
    """Return whether there is a way to a metric's datapoints; the functions' own are logged."""
    known = {"ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage", "ExecutionsFailed"}
    return not metric.namespace.startswith("AWS/") or metric.name in known


def _visible(sqs: Any, queue: str) -> int:
    url, name = sqs.get_queue_url(QueueName=queue)["QueueUrl"], "ApproximateNumberOfMessages"
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name])


def _oldest_age(stack: StackInfo, sqs: Any, queue: str, now: datetime) -> float | None:
    """Return the age of a queue's oldest message in seconds; None: it has none.

    SQS's own API says it to nobody but a receiver, who takes the message; the emulator shows its queues.
    """
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    query = urlencode({"QueueUrl": url, "X-Amz-Credential": f"{stack.access_key}/local"})
    with _direct.open(f"{stack.endpoint}/_ministack/sqs/messages?{query}", timeout=10) as answer:
        accounts = json.loads(answer.read())["messages"]
    sent = [
        int(message["Attributes"]["SentTimestamp"]) / 1000
        for regions in accounts.values()
        for queues in regions.values()
        for messages in queues.values()
        for message in messages
    ]
    return max(now.timestamp() - min(sent), 0.0) if sent else None


def _failures(states: Any, machine: str) -> Iterator[datetime]:
    """Yield when executions failed. They are listed by their start, which may be days before."""
    pages = states.get_paginator("list_executions").paginate(stateMachineArn=machine, statusFilter="FAILED")
    for page in pages:
        yield from (execution["stopDate"] for execution in page["executions"])
