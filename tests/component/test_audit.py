"""The audit: a sample of tasks is answered by the baseline too, after their delivery, once, and within the budget."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pointsman.adapters.task_table import TaskTable
from pointsman.execution.budget import OPEN
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.model_health import Admission, ModelState
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.records import AuditedAnswer
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.services.audit import is_sampled
from pointsman.services.call import close_unknown
from pointsman.services.intake import QueueMessage
from pointsman.values.status import Status
from pointsman.values.usage import Usage
from pointsman_cli import openclaw, stacks
from pointsman_cli.main import main
from pointsman_cli.stacks import StackConnection
from tests.support.attempts import (
    GEMINI,
    HAIKU,
    SONNET,
    Crash,
    answered,
    asked,
    configured,
    dies,
    during_the_call,
    finished,
    started,
    step,
)
from tests.support.aws import Aws, MotoLedger
from tests.support.fakes import NOON, FakeClock
from tests.support.router import Router
from tests.support.schemas import check_printed

type Configure = Callable[..., Router]
ALL = {"share": 1.0}


@pytest.fixture
def configure(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Configure:
    def make(audit: dict[str, Any] = ALL, **own: Any) -> Router:
        return configured(aws, ledger, task_table, audit=audit, **own)

    return make


def audited(router: Router) -> AuditedAnswer:
    audit = router.task().audit
    assert audit is not None
    return audit


def to_audit(router: Router, run: WorkflowState) -> WorkflowState:
    """Play a task up to its audit, delivery included."""
    run = step(router, run)
    assert run.next is Next.DELIVER_SAMPLED
    router.intake.delivery.finish(run.task_id, run.generation, None)
    return replace(run, next=Next.RUN)


def audits(router: Router, ledger: MotoLedger) -> list[dict[str, Any]]:
    rows = ledger.reader.rows(NOON, router.clock.now() + timedelta(days=1))
    return [row for row in rows if row["kind"] == "attempt" and row["purpose"] == "audit"]


def test_the_baseline_answers_what_has_been_delivered(configure: Configure, ledger: MotoLedger) -> None:
    router = configure()
    router.model.then(answered("cheap"))
    run = to_audit(router, started(router, "implementation", metadata={"ticket": "A-1"}))
    before = router.task()
    assert (before.status, before.delivered_at is not None, before.audit) == (Status.COMPLETED, True, None)

    router.model.then(answered("d" * 9_000))
    assert step(router, run).next is Next.DELIVER
    task = router.task()
    assert asked(router) == [HAIKU, SONNET]
    first, second = router.model.questions
    assert (second.prompt, second.system) == (first.prompt, first.system)
    assert task.audit is not None
    assert router.intake.payloads.fetch(task.answer) == "cheap"
    assert (task.audit.model, task.audit.outcome, task.audit.cost_nano) == (SONNET, "answered", 4_000_000)
    assert task.audit.answer.ref == "tasks/t-1/audit.1"
    assert (task.attempts, task.cost_nano, task.model) == (1, before.cost_nano, HAIKU)
    (row,) = audits(router, ledger)
    assert (row["outcome"], row["tier"], row["metadata"]) == ("answered", "implementation", {"ticket": "A-1"})
    counters = ledger.reader.counters("2026-11")
    assert (counters["month"], counters["month" + OPEN]) == (task.cost_nano + 4_000_000, 0)
    assert len(router.bus.events) == 1


def test_the_sample_is_the_share_and_the_same_whenever_it_is_asked(configure: Configure) -> None:
    router = configure({"share": 0.3})
    run = started(router, "implementation")
    runs = [replace(run, task_id=f"t-{number}", generation=1 + number % 2) for number in range(2_000)]
    sample = [is_sampled(run, 0.3) for run in runs]
    assert 0.26 < sum(sample) / len(sample) < 0.34
    assert sample == [is_sampled(run, 0.3) for run in runs]
    assert all(is_sampled(entry, 0.4) for entry, chosen in zip(runs, sample, strict=True) if chosen)
    assert not any(is_sampled(run, 0.0) for run in runs)
    assert all(is_sampled(run, 1.0) for run in runs)


def test_a_task_outside_the_sample_ends_with_its_delivery(configure: Configure) -> None:
    router = configure({"share": 0.0})
    router.model.then(answered())
    assert step(router, started(router, "implementation")).next is Next.DELIVER


def test_neither_a_failed_task_nor_one_of_the_baseline_s_own_is_audited(configure: Configure) -> None:
    router = configure()
    router.model.then(CallResult(Outcome.REFUSED))
    assert finished(router, started(router, "implementation")).next is Next.FAIL
    router.model.then(answered())
    router.run(QueueMessage("m-2", json.dumps({"prompt": "b", "task_id": "t-2", "tier": "reasoning"})))
    finished(router, WorkflowState.from_state(json.loads(router.workflow.executions["t-2"])))
    assert asked(router) == [HAIKU, SONNET]
    assert router.task("t-2").audit is None


@pytest.mark.parametrize(("model", "private", "models"), [(GEMINI, True, [HAIKU]), (GEMINI, False, [HAIKU, GEMINI])])
def test_a_private_task_is_not_audited_by_a_free_model(
    configure: Configure, model: str, private: bool, models: list[str]
) -> None:
    router = configure({"share": 1, "model": model})
    router.model.then(answered(), answered())
    finished(router, started(router, "implementation", private=private))
    assert asked(router) == models


def test_beyond_the_budget_the_audit_is_left_out(configure: Configure, ledger: MotoLedger) -> None:
    router = configure(budget={"month_usd": "0.005", "when_exhausted": "hold"})
    router.model.then(answered())
    end = finished(router, started(router, "implementation"))
    assert (end.next, asked(router), router.task().audit) == (Next.DELIVER, [HAIKU], None)
    assert audits(router, ledger) == []
    assert router.clock.now() - NOON < timedelta(minutes=1)


def test_a_provider_in_trouble_is_asked_once(configure: Configure, ledger: MotoLedger) -> None:
    router = configure()
    router.model.then(answered(), CallResult(Outcome.RATE_LIMITED, retry_after=600))
    finished(router, started(router, "implementation"))
    assert asked(router) == [HAIKU, SONNET]
    assert router.clock.now() - NOON < timedelta(minutes=1)
    assert audited(router).outcome == "rate_limited"


def test_a_crash_in_the_audit_is_unknown_at_its_reserved_cost_and_never_repeated(
    configure: Configure, ledger: MotoLedger
) -> None:
    router = configure()
    router.model.then(answered())
    run = to_audit(router, started(router, "implementation"))
    during_the_call(router, dies)
    with pytest.raises(Crash):
        step(router, run)
    for again in (run, replace(run, attempt=run.attempt + 1, crashes=1)):
        assert step(router, again).next is Next.DELIVER
    assert asked(router) == [HAIKU]
    (row,) = audits(router, ledger)
    assert "outcome" not in row

    for intent in ledger.open_intents(NOON, NOON + timedelta(hours=1)):
        close_unknown(router.intake.ctx, intent)  # as the sweep does
    (row,) = audits(router, ledger)
    assert (row["outcome"], row["cost_known"], row["cost_nano"]) == ("unknown", False, row["reserved_nano"])
    assert audited(router).outcome == "unknown"
    assert ledger.reader.counters("2026-11")["month" + OPEN] == 0


def test_concurrent_audits_of_one_task_run_once(configure: Configure, ledger: MotoLedger) -> None:
    router = configure()
    router.model.then(answered(), answered())
    finished(router, started(router, "implementation"))
    (row,) = audits(router, ledger)
    first = ledger.find_intent(RowKey(row["day_shard"], row["row"]))
    assert first is not None
    late = replace(first, key=RowKey(first.key.day_shard, f"{first.key.row}.again"))
    reservation = ledger.reserve(late, Admission(), ModelState(SONNET))
    assert (reservation.made, reservation.attempt_used, len(audits(router, ledger))) == (False, True, 1)


def test_audit_whose_answer_cannot_be_stored_is_charged(
    configure: Configure, ledger: MotoLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = configure()
    router.model.then(answered(), answered("d" * 9_000))
    run = to_audit(router, started(router, "implementation"))

    def fails(*_: Any) -> Any:
        raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")

    monkeypatch.setattr(type(router.intake.payloads), "keep_large", fails)
    assert step(router, run).next is Next.DELIVER
    assert audited(router).answer.ref is None
    assert audits(router, ledger)[0]["cost_nano"] == 4_000_000


def test_after_a_second_try_the_answer_that_was_delivered_is_audited(configure: Configure) -> None:
    router = configure({"share": 1, "model": "claude-sonnet-4-5"}, verify={"code_generation": {"min_chars": 10}})
    router.model.then(answered(), answered("long enough by far"), CallResult(Outcome.ANSWERED, "x", Usage(1, 1)))
    run = started(router, "implementation", type="code_generation")
    finished(router, run)
    assert asked(router) == [HAIKU, SONNET, "claude-sonnet-4-5"]
    assert (router.task().model, audited(router).answer.inline) == (SONNET, "x")


@pytest.fixture
def stack(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command find these stores."""
    connection = StackConnection("the test stack", aws.session, aws.settings(), {}, openclaw.read_config(None))
    clock = FakeClock(NOON + timedelta(hours=1))
    connection.__dict__["runtime"] = replace(
        connection.runtime, context=replace(connection.runtime.context, clock=clock)
    )
    monkeypatch.setattr(stacks, "connect", lambda *_: connection)
    check_printed(monkeypatch)


@pytest.mark.usefixtures("stack")
def test_the_command_shows_the_sample_and_both_answers(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    router = configure()
    assert main(["audit"]) == 0
    assert capsys.readouterr().err == "No task was audited in the last 7 days.\n"
    router.model.then(answered("cheap"), answered("d" * 9_000))
    finished(router, started(router, "implementation"))

    assert main(["audit"]) == 0
    shown = capsys.readouterr().out
    assert [word in shown for word in ("t-1", HAIKU, SONNET, "answered", "$0.004")] == [True] * 5
    assert main(["audit", "t-1"]) == 0
    shown = capsys.readouterr().out
    assert [text in shown for text in ("Is it done?", "cheap", "d" * 9_000)] == [True] * 3
    assert main(["audit", "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)
    (pair,) = listing["pairs"]
    assert (listing["audits"], listing["cost_nano_usd"], pair["judgement"]) == (1, 4_000_000, None)
    assert (pair["prompt"], pair["delivered"]["answer"]) == ("Is it done?", "cheap")
    assert (pair["baseline"]["model"], pair["baseline"]["answer"]) == (SONNET, "d" * 9_000)
    assert main(["audit", "t-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"] == [pair]

    assert main(["status", "t-1", "--json"]) == 0
    task = json.loads(capsys.readouterr().out)
    assert (task["audit"]["outcome"], task["audit"]["cost_nano_usd"], len(task["attempts"])) == (
        "answered",
        4_000_000,
        1,
    )


@pytest.mark.usefixtures("stack")
def test_a_task_without_an_audit_has_nothing_to_compare(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    router = configure({"share": 0})
    router.model.then(answered())
    finished(router, started(router, "implementation"))
    assert main(["audit", "t-1"]) == 3
    assert capsys.readouterr().err == "pointsman: task t-1 has no audit\n"


@pytest.mark.usefixtures("stack")
@pytest.mark.parametrize(
    ("second", "said"),
    [
        (answered("long enough by far"), "passed, after a first answer failed min_chars"),
        (CallResult(Outcome.REFUSED), "not verified: failed min_chars"),
    ],
)
def test_status_says_what_the_checks_said(
    configure: Configure, capsys: pytest.CaptureFixture[str], second: CallResult, said: str
) -> None:
    router = configure({"share": 0}, verify={"code_generation": {"min_chars": 10}})
    router.model.then(answered(), second)
    finished(router, started(router, "implementation", type="code_generation"))
    assert main(["status", "t-1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["checked", said] in [line.split(maxsplit=1) for line in lines]
    assert [line.split()[-2:] for line in lines if line.startswith("1 ")] == [["failed", "min_chars"]]


@pytest.mark.usefixtures("stack")
def test_command_keeps_which_answer_a_person_finds_better(
    configure: Configure, capsys: pytest.CaptureFixture[str]
) -> None:
    router = configure()
    router.model.then(answered("cheap"), answered("dear"))
    finished(router, started(router, "implementation"))
    assert main(["audit", "t-1", "--better", "baseline", "--json"]) == 0
    (pair,) = json.loads(capsys.readouterr().out)["pairs"]
    assert pair["judgement"]["better"] == "baseline"
    judgement = audited(router).judgement
    assert judgement is not None
    assert judgement["better"] == "baseline"
    assert main(["audit", "t-1", "--better", "left"]) != 0
    assert main(["audit", "--better", "same"]) != 0
    assert capsys.readouterr().err.count("--better") == 2
