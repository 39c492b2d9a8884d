"""`pointsman rerun` and `correct --rerun`: an ended task anew, linked to the old one, in the same sender's name."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from pointsman.adapters.task_table import TaskTable
from pointsman.contracts.sender import Sender
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.records import TaskRecord
from pointsman.execution.workflow_state import WorkflowState
from pointsman.services.intake import QueueMessage
from pointsman.services.replay import Replay, ReplayOptions
from pointsman.services.rerun import NotRerunnableError, Rerun, RerunOptions
from pointsman.values.effort import Effort
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli import openclaw, stacks
from pointsman_cli.main import main
from pointsman_cli.stacks import StackConnection
from tests.support.attempts import HAIKU, SONNET, answered, finished
from tests.support.aws import TABLES, Aws, MotoLedger
from tests.support.fakes import FakeDeadLetterQueue
from tests.support.router import Router, build
from tests.support.schemas import check_document

type Cli = Callable[..., tuple[int, Any]]


@dataclass
class Office:
    router: Router

    @property
    def use_case(self) -> Rerun:
        intake = self.router.intake
        stores = (intake.ctx, intake.tasks, intake.payloads, self.router.workflow)
        return Rerun(*stores, intake.model_health, intake.classifier)

    def rerun(self, new: str = "t-2", old: str = "t-1", **options: Any) -> TaskRecord:
        record = self.router.task(old)
        body = self.router.intake.payloads.fetch(record.body)
        return self.use_case(record, body, RerunOptions(**options), new, "operator")

    def run(self, task_id: str) -> WorkflowState:
        return WorkflowState.from_state(json.loads(self.router.workflow.executions[task_id]))


@pytest.fixture
def office(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Office:
    office = Office(build(aws, ledger, task_table))
    body = {"prompt": "Fix it.", "task_id": "t-1", "type": "code_generation", "deadline": "2026-11-22T13:00:00Z"}
    message = QueueMessage("m-1", json.dumps({**body, "metadata": {"ticket": "OPS-1"}}), sender=Sender("key:ci"))
    assert office.router.run(message) == {}
    return office


def ended(office: Office) -> None:
    office.router.model.then(CallResult(Outcome.REFUSED))
    finished(office.router, office.run("t-1"))
    assert office.router.task().status is Status.FAILED


def test_task_runs_anew_in_the_same_senders_name(office: Office) -> None:
    ended(office)
    office.rerun()
    record = office.router.task("t-2")
    assert (record.status, record.rerun_of, record.sender) == (Status.STARTED, "t-1", "key:ci")
    assert (record.metadata, record.decision) == ({"ticket": "OPS-1"}, office.router.task().decision)
    assert record.deadline > "2026-11-23"
    office.router.model.then(answered())
    finished(office.router, office.run("t-2"))
    assert (office.router.task("t-2").status, office.router.task().status) == (Status.COMPLETED, Status.FAILED)
    assert json.loads(office.router.bus.events[-1][1])["task_id"] == "t-2"


def test_options_change_type_tier_model_and_effort(office: Office) -> None:
    ended(office)
    assert office.rerun("t-2", type=TaskType.ARCHITECTURE).tier is Tier.REASONING
    assert office.rerun("t-3", tier=Tier.REASONING).type is TaskType.CODE_GENERATION
    office.rerun("t-4", model=SONNET, effort=Effort.HIGH)
    assert [hop.model for hop in office.run("t-4").plan] == [SONNET]
    assert office.run("t-3").here.model == SONNET
    body = json.loads(office.router.intake.payloads.fetch(office.router.task("t-4").body))
    assert (body["effort"], "deadline" in body) == ("high", False)
    with pytest.raises(NotRerunnableError, match="claude-haiku"):
        office.rerun("t-5", model="claude-haiku")
    assert office.router.tasks.read("t-5") is None


def test_task_that_has_not_ended_is_not_run_anew(office: Office) -> None:
    with pytest.raises(NotRerunnableError, match="has not ended"):
        office.rerun()
    office.router.tasks.cancel("t-1", 1, office.router.clock.now())
    assert office.rerun().status is Status.CLAIMED


def test_rerun_that_was_begun_and_not_started_is_carried_on_by_a_replay(office: Office) -> None:
    ended(office)
    office.router.workflow.failures.append(RuntimeError("gone"))
    with pytest.raises(RuntimeError):
        office.rerun()
    assert (office.router.task("t-2").status, "t-2" in office.router.workflow.executions) == (Status.CLAIMED, False)
    intake = office.router.intake
    office.router.clock.advance(61)
    replay = Replay(
        ctx=intake.ctx,
        tasks=intake.tasks,
        payloads=intake.payloads,
        workflow=office.router.workflow,
        model_health=intake.model_health,
        classifier=intake.classifier,
        dead_letters=FakeDeadLetterQueue(),
        queue=office.router.queue,
        reply_places=frozenset(),
    )
    assert "t-2" in set(intake.tasks.replayable())
    (item,) = replay(ReplayOptions(ids=frozenset({"t-2"}), execute=True), "operator")
    assert (item.replayed, item.generation) == (True, 1)
    assert office.run("t-2").here.model == HAIKU


@pytest.fixture
def cli(aws: Aws, office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    connection = StackConnection("the test stack", aws.session, aws.settings(), {}, openclaw.read_config(None))
    monkeypatch.setitem(connection.runtime.stores.__dict__, "workflow", office.router.workflow)
    monkeypatch.setattr(stacks, "connect", lambda *_: connection)

    def run(*arguments: str) -> tuple[int, Any]:
        code = main([*arguments, "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_commands_link_both_tasks(office: Office, cli: Cli) -> None:
    assert cli("rerun", "t-1")[0] == 4
    ended(office)
    code, started = cli("rerun", "t-1", "--tier", "reasoning")
    check_document("rerun", started)
    assert (code, started["rerun_of"], started["model"]) == (0, "t-1", SONNET)
    code, task = cli("status", "@last")
    check_document("status", task)
    check_document("status", cli("status", "t-1")[1])
    check_document("result", cli("result", "t-1")[1])
    assert (task["task_id"], task["rerun_of"], task["tier"]) == (started["task_id"], "t-1", "reasoning")
    code, corrected = cli("correct", "t-1", "--type", "architecture", "--rerun")
    check_document("correct", corrected)
    assert (code, corrected["rerun"]["tier"], corrected["correction"]["type"]) == (0, "reasoning", "architecture")
    check_document("correct", cli("correct", "t-1", "--type", "test_writing")[1])


def test_prompt_that_is_gone_is_said(office: Office, cli: Cli, aws: Aws) -> None:
    ended(office)
    gone = {
        "UpdateExpression": "SET body_ref = :gone REMOVE body",
        "ExpressionAttributeValues": {":gone": {"S": "gone"}},
    }
    aws.client("dynamodb").update_item(TableName=TABLES.tasks, Key={"task_id": {"S": "t-1"}}, **gone)
    code, error = cli("rerun", "t-1")
    assert (code, "its prompt is gone" in error["error"]["message"]) == (3, True)
