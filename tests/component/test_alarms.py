"""From fault to notification: each alarm says so with its fault and not without it, and tells the topic."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from devstack.supervisor.alarms import ALARM_OFF, ALARM_ON, Alarm, Datapoint
from devstack.supervisor.metrics import read_embedded_metrics
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.values.usage import Usage
from tests.support.alarms import apply_metric_filter, template_alarm
from tests.support.aws import Aws
from tests.support.cloudformation import load
from tests.support.functions import LOG, Functions, deploy
from tests.support.paths import ROOT

# pytest sets its own filters over those of handlers.py.
pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")
RESOURCES = load()["Resources"]
ALARMS = {name: it["Properties"] for name, it in RESOURCES.items() if it["Type"] == "AWS::CloudWatch::Alarm"}
NAMES = {"DeadLetterQueue.QueueName": "dead-letters", "TaskQueue.QueueName": "tasks", "RunTaskStateMachine": "machine"}
ON_THE_STACK = {"WorkflowFailedAlarm"}
"""Whose fault is made in tests/stack/workflow/test_alarms.py."""
FLASH, HAIKU = "gemini-3.5-flash-lite", "claude-haiku-5-5"
HOUR = timedelta(hours=1)

type Deploy = Callable[..., Functions]


@pytest.fixture
def functions(aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Deploy:
    """Return what deploys the functions; `pointsman` is that part of their openclaw.json."""

    def start(**pointsman: Any) -> Functions:
        return deploy(aws, monkeypatch, lambda: capsys.readouterr().out, {"pointsman": pointsman})

    return start


def alarm(name: str) -> Alarm:
    return template_alarm(ALARMS[name], NAMES)


def told(functions: Functions) -> list[Datapoint]:
    """Return the datapoints of all that the functions printed."""
    lines = [line for printed in functions.printed.values() for line in printed]
    return read_embedded_metrics("\n".join(lines))


def crashes(functions: Functions, now: datetime) -> list[Datapoint]:
    """Return the datapoints that the log groups' filters make of what the functions printed."""
    filters = [it["Properties"] for it in RESOURCES.values() if it["Type"] == "AWS::Logs::MetricFilter"]
    policy: list[Datapoint] = []
    for name, lines in functions.printed.items():
        policy += [
            point
            for pattern in filters
            if pattern["LogGroupName"]["Ref"] == LOG[name]
            for point in apply_metric_filter(pattern, lines, now)
        ]
    return policy


def answered(model: str = HAIKU, **usage: int) -> CallResult:
    return CallResult(
        Outcome.ANSWERED, text="Left.", usage=Usage(**(usage or {"input": 20, "output": 3})), answered_by=model
    )


def test_every_alarm_is_tested_and_notifies_the_topic() -> None:
    tested = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    for name, fields in ALARMS.items():
        snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in name.removesuffix("Alarm"))[1:]
        assert any(name.startswith(f"{snake}_alarm") for name in tested) or name in ON_THE_STACK, name
        assert fields["AlarmActions"] == [{"Ref": "ReportTopic"}]
        paragraph = name.removesuffix("Alarm")
        assert f"docs/operations.md ({paragraph})" in fields["AlarmDescription"]
        assert f"**{paragraph}.** " in (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert len(ALARMS) == 10


def test_dead_letters_alarm(functions: Deploy) -> None:
    shop, metric = functions(), alarm("DeadLettersAlarm").metric
    sqs, url = shop.aws.client("sqs"), shop.aws.dlq_url

    def state() -> str:
        query = {"QueueUrl": url, "AttributeNames": [metric.name.replace("Visible", "")]}
        ((_, number),) = sqs.get_queue_attributes(**query)["Attributes"].items()
        now = shop.clock.now()
        return alarm("DeadLettersAlarm").state([Datapoint(metric, now, float(number))], now)

    shop.do("good", answered(), tier="implementation")
    assert state() == ALARM_OFF
    shop.send_raw('{"task_id": "bad", "tier": "reasoning"}')
    shop.route_messages()
    assert state() == ALARM_ON


def test_oldest_message_alarm(functions: Deploy) -> None:
    shop, watch = functions(), alarm("OldestMessageAlarm")

    def state() -> str:
        now = shop.clock.now()
        age = shop.oldest(now)
        return watch.state([Datapoint(watch.metric, now, age)] if age is not None else [], now)

    shop.send("t-1", tier="implementation")
    assert state() == ALARM_OFF
    shop.clock.sleep(16 * 60)
    assert state() == ALARM_ON
    shop.route_messages()
    assert state() == ALARM_OFF


def test_function_errors_alarm_by_a_crash(functions: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, watch = functions(), alarm("FunctionErrorsAlarm")
    shop.do("t-1", answered(), tier="implementation")
    assert watch.state(crashes(shop, shop.clock.now()), shop.clock.now()) == ALARM_OFF
    monkeypatch.setattr("pointsman.services.call.price_call", lambda *_: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        shop.do("t-2", answered(), tier="implementation")
    assert watch.state(crashes(shop, shop.clock.now()), shop.clock.now()) == ALARM_ON


def test_function_errors_alarm_by_a_cost_above_its_reservation(functions: Deploy) -> None:
    shop, watch = functions(), alarm("FunctionErrorsAlarm")
    shop.do("t-1", answered(input=1_000_000), tier="implementation")
    now = shop.clock.now()
    assert watch.state(crashes(shop, now), now) == ALARM_ON


def test_function_errors_alarm_is_silent_about_providers_and_senders(functions: Deploy) -> None:
    shop, watch = functions(), alarm("FunctionErrorsAlarm")
    down = CallResult(Outcome.UNAVAILABLE, detail="503")
    lost = CallResult(Outcome.UNKNOWN, detail="[read timeout]")
    shop.do("t-1", down, lost, answered(), tier="implementation")
    shop.send_raw("{")
    shop.route_messages()
    now = shop.clock.now()
    assert watch.state(crashes(shop, now), now) == ALARM_OFF


def test_month_spend_alarm(functions: Deploy) -> None:
    watch = alarm("MonthSpendAlarm")
    shop = functions(budget={"month_usd": "0.0005"})
    shop.run("sweep", {})
    assert watch.state(told(shop), shop.clock.now()) == ALARM_OFF
    shop.do("t-1", answered(input=3_000, output=280), tier="implementation", max_output_tokens=300)
    shop.run("sweep", {})
    assert watch.state(told(shop), shop.clock.now()) == ALARM_ON


def test_free_to_paid_hops_alarm(functions: Deploy) -> None:
    shop, watch = functions(), alarm("FreeToPaidHopsAlarm")
    down = CallResult(Outcome.TOO_LONG, detail="400")
    for number in range(watch.properties["Threshold"] + 1):
        assert watch.state(told(shop), shop.clock.now()) == ALARM_OFF
        shop.do(f"t-{number}", down, answered(), tier="orchestration")
    assert watch.state(told(shop), shop.clock.now()) == ALARM_ON


def test_orchestration_slow_alarm(functions: Deploy) -> None:
    shop, watch = functions(quotas={FLASH: {"rpd": 500}}), alarm("OrchestrationSlowAlarm")
    shop.do("fast", answered(FLASH), tier="orchestration")
    shop.do("paid", answered(HAIKU), tier="implementation")
    shop.send("slow", tier="orchestration")
    shop.clock.sleep(3)  # nobody takes it
    shop.model.then(answered(FLASH))
    shop.route_messages()
    shop.play("slow")
    now = shop.clock.now()
    fast, slow = (point for point in told(shop) if point.metric == watch.metric)
    assert fast.value < 2_000 < 3_000 < slow.value
    assert watch.state([fast, slow], now) == ALARM_OFF, "one hour is not enough"
    assert watch.state(hours([fast, slow], 2), now) == ALARM_ON
    assert watch.state(hours([*[fast] * 19, slow], 2), now) == ALARM_OFF, "one in twenty may be slow"


def hours(policy: list[Datapoint], number: int) -> list[Datapoint]:
    """Return the same in each of so many hours."""
    return [replace(point, at=point.at - HOUR * back) for point in policy for back in range(number)]


def test_quota_used_alarm(functions: Deploy) -> None:
    shop, watch = functions(quotas={FLASH: {"rpd": 2}}), alarm("QuotaUsedAlarm")
    shop.do("t-1", answered(FLASH), tier="orchestration")
    shop.run("sweep", {})
    assert watch.state(told(shop), shop.clock.now()) == ALARM_OFF
    shop.do("t-2", answered(FLASH), tier="orchestration")
    shop.run("sweep", {})
    assert watch.state(told(shop), shop.clock.now()) == ALARM_ON


def test_unknown_cost_alarm(functions: Deploy) -> None:
    shop, watch = functions(), alarm("UnknownCostAlarm")
    shop.do("t-1", CallResult(Outcome.UNAVAILABLE, detail="503"), answered(), tier="implementation")
    assert watch.state(told(shop), shop.clock.now()) == ALARM_OFF
    shop.do("t-2", CallResult(Outcome.UNKNOWN, detail="read timeout"), answered(), tier="implementation")
    assert watch.state(told(shop), shop.clock.now()) == ALARM_ON


def test_report_missing_alarm(functions: Deploy) -> None:
    shop, watch = functions(), alarm("ReportMissingAlarm")
    assert watch.state([], shop.clock.now()) == ALARM_ON
    shop.run("cost_report", {})
    now = shop.clock.now()
    assert watch.state(told(shop), now + timedelta(hours=25)) == ALARM_OFF
    assert watch.state(told(shop), now + timedelta(hours=27)) == ALARM_ON


def test_the_functions_own_metrics_are_those_that_are_watched_and_shown(functions: Deploy) -> None:
    """Each metric with each set of dimensions is billed from the eleventh on."""
    shop = functions(quotas={FLASH: {"rpd": 10}})
    shop.do("t-1", CallResult(Outcome.TOO_LONG), answered(input=1_000_000), tier="orchestration")
    shop.do("t-2", CallResult(Outcome.UNKNOWN), answered(), tier="implementation")
    for name in ("sweep", "cost_report"):
        shop.run(name, {})
    metrics = {point.metric for point in [*told(shop), *crashes(shop, shop.clock.now())]}
    assert metrics == {alarm(name).metric for name in ALARMS if alarm(name).metric.namespace == "Pointsman/pointsman"}
    assert len(metrics) == 7
