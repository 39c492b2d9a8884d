"""A day with held, failed and rejected tasks, as every command and tool of the operator tells it."""

import asyncio
import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest

from pointsman.adapters.task_item import to_item
from pointsman.entrypoints.cost_report import build_day_tasks
from pointsman.execution.executions import Pause
from pointsman.execution.outcome import Shortfall
from pointsman.execution.records import TaskRecord
from pointsman.execution.waiting import Waiting, WaitingFor
from pointsman.routing.decision import Decision, Source
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import to_text
from pointsman_cli import stacks
from pointsman_cli.doctor import examine
from pointsman_cli.main import main
from pointsman_cli.mcp.server import PointsmanServer
from pointsman_cli.mcp.tools import McpTools
from pointsman_cli.stacks import StackConnection
from tests.support import report_office
from tests.support.fakes import FakeWorkflow
from tests.support.pages import parse_page
from tests.support.report_office import DAY, HAIKU, SINCE, UNTIL, Office
from tests.support.schemas import check_document

office = report_office.office
COUNTS = {"completed": 1, "failed": 3, "rejected": 1, "cancelled": 0, "held": 3, "under_way": 0}
WORDS = "8 received, 1 completed, 3 failed, 3 held, 1 rejected"


@pytest.fixture
def connection(office: Office, monkeypatch: pytest.MonkeyPatch) -> StackConnection:
    """A stack with the day: a budget holds three tasks, three failed, one message was rejected and is a dead letter."""
    held = Waiting(WaitingFor.BUDGET, UNTIL, UNTIL, HAIKU, None, Shortfall("month_implementation", 284_460, 273_300, 0))
    decision = Decision(TaskType.CODE_GENERATION, Tier.IMPLEMENTATION, Source.EXPLICIT, 1.0, "stated")
    kinds = [Status.COMPLETED, *[Status.CLAIMED] * 3, *[Status.FAILED] * 3, Status.REJECTED]
    for number, status in enumerate(kinds):
        at = to_text(SINCE + timedelta(hours=1, minutes=number))
        ended = None if status is Status.CLAIMED else at
        reason = {Status.FAILED: "over_budget", Status.REJECTED: "prompt: is required"}.get(status)
        record = TaskRecord(
            f"t-{number}",
            status,
            received_at=at,
            ended_at=ended,
            delivered_at=ended,
            deadline=to_text(UNTIL + timedelta(days=1)),
            reason=reason,
            decision=None if status is Status.REJECTED else decision,
        )
        office.aws.client("dynamodb").put_item(TableName=office.aws.tables.tasks, Item=to_item(record))
    office.aws.client("sqs").send_message(QueueUrl=office.aws.dlq_url, MessageBody="{}")
    pause = Pause(SINCE, {"next": "wait", "waiting_for": held.as_state()})
    workflow = FakeWorkflow(pauses={f"t-{number}": pause for number in (1, 2, 3)})
    for reader in (office.reporting.day_tasks, office.runtime.part(build_day_tasks)):
        object.__setattr__(reader, "workflow", workflow)
    office.runtime.stores.__dict__["workflow"] = workflow
    made = StackConnection("the stack", office.aws.session, office.runtime.settings, {}, report_office.CONFIG)
    made.__dict__["runtime"] = office.runtime
    monkeypatch.setattr(stacks, "connect", lambda *_: made)
    return made


@pytest.mark.usefixtures("connection")
def test_day_is_told_alike_in_every_form(capsys: pytest.CaptureFixture[str]) -> None:
    def report(*options: str) -> str:
        assert main(["report", "--date", str(DAY), *options]) == 0
        return capsys.readouterr().out

    document = json.loads(report("--json"))
    check_document("report", document)
    assert document["tasks"] == {"received": 8, **COUNTS}
    assert document["reasons"]["held"] == {"month_implementation": 3}
    assert (document["all_is_well"], [item["what"] for item in document["attention"]][:2]) == (
        False,
        ["held", "failed"],
    )
    assert WORDS in " ".join(report().split())
    page = report("--html")
    shown = " ".join("".join(parse_page(page).itertext()).split())
    assert 'class="tasks warn"' in page, "amber"
    assert all(words in shown for words in ("1 of 8 tasks completed", "3 failed", "3 held", "1 rejected"))
    lines = [line for line in csv.DictReader(io.StringIO(report("--csv"))) if line["type"] == "received_tasks"]
    assert {line["outcome"]: int(line["tasks"]) for line in lines} == COUNTS


def test_tool_tells_the_day_in_each_format(connection: StackConnection) -> None:
    server = PointsmanServer(McpTools(lambda: connection))

    def read(form: str) -> str:
        arguments = {"day": str(DAY), "format": form}
        called: Any = asyncio.run(server.call_tool("read_report", arguments))
        return str(called.structured_content["result"])

    assert WORDS in " ".join(read("text").split())
    assert json.loads(read("json"))["tasks"] == {"received": 8, **COUNTS}
    assert f"{DAY},,received_tasks,,,held,3," in read("csv")


@pytest.mark.usefixtures("connection")
def test_doctor_exits_with_5_and_names_the_tasks(
    office: Office, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = [entry for entry in examine.CHECKS if entry[0] == "tasks"]
    monkeypatch.setattr(examine, "CHECKS", [(name, at_the_office(office, check)) for name, check in checks])
    assert main(["doctor", "--no-ask", "--json"]) == 5
    document = json.loads(capsys.readouterr().out)
    check_document("doctor", document)
    assert [it["says"] for it in document["findings"] if it["state"] == "to do"] == [
        "3 tasks are held by a used-up budget (month implementation)",
        "3 tasks failed (over budget)",
        "1 message was rejected (prompt)",
    ]


def at_the_office(office: Office, check: Any) -> Any:
    """Return the check at the office's time."""

    def by_its_clock(probe: Any) -> Any:
        object.__setattr__(probe, "now", office.clock.now())
        return check(probe)

    return by_its_clock
