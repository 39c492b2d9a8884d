"""A day with held, failed and rejected tasks, as its operator meets it: a local stack of its own, and the commands."""

import asyncio
import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from devstack import StackInfo, servers, stop_stack
from pointsman_cli import stacks
from pointsman_cli.main import main
from pointsman_cli.mcp.server import PointsmanServer
from pointsman_cli.mcp.tools import McpTools
from tests.support.local_stack import Stack, eventually
from tests.support.pages import parse_page
from tests.support.paths import ROOT
from tests.support.schemas import check_document

pytestmark = pytest.mark.stack

CAP = "0.0003"
"""Dollars: one short answer of Haiku fits under it, and no second one beside it."""
COUNTS = {"received": 8, "completed": 1, "failed": 3, "rejected": 1, "cancelled": 0, "held": 3, "under_way": 0}
HELD = [{"prompt": f"Write function {n}.", "type": "code_generation", "max_output_tokens": 256} for n in range(4)]
TOO_DEAR = [{"prompt": f"Review design {n}.", "type": "design_review"} for n in range(3)]
"""Refused by a cap that no call of theirs fits under."""


def config_text(cap: str) -> str:
    document = json.loads((ROOT / "openclaw.json").read_text(encoding="utf-8"))
    tiers = {"implementation": {"month_usd": cap}, "reasoning": {"month_usd": "0.0001"}}
    document["pointsman"] = {"budget": {"tiers": tiers, "when_exhausted": {"implementation": "hold"}}}
    return json.dumps(document, indent=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the commands run in, with its openclaw.json; the stack is up in it."""
    folder = tmp_path_factory.mktemp("operator")
    (folder / "openclaw.json").write_text(config_text(CAP))
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        patch.setattr(stacks, "STATE_DIR", folder / "stack")
        patch.chdir(folder)
        try:
            assert main(["up", "--ephemeral", "--port", str(servers.free_port())]) == 0
            yield folder
        finally:
            stop_stack(folder / "stack")


@pytest.fixture(scope="module")
def own(folder: Path) -> Stack:
    info = StackInfo.load(folder / "stack")
    assert info
    return Stack(info)


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command as a user does, and return what it printed."""

    def command(*arguments: str, code: int = 0) -> str:
        capsys.readouterr()
        assert main([*arguments]) == code, capsys.readouterr().err
        return capsys.readouterr().out

    return command


@pytest.fixture
def document(run: Callable[..., str]) -> Callable[..., Any]:
    """Run a command with --json, and return its document, held against its schema."""

    def command(*arguments: str, code: int = 0) -> Any:
        value = json.loads(run(*arguments, "--json", code=code))
        words = [word for word in arguments[:2] if word.isalpha()]
        check_document("-".join(words if words[0] == "config" else words[:1]), value)
        return value

    return command


def watch_events(own: Stack) -> str:
    sqs, events, bus = own.client("sqs"), own.client("events"), own.info.outputs["EventBusName"]
    url = sqs.create_queue(QueueName="held")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="held", EventBusName=bus, EventPattern=json.dumps({"detail-type": ["Task Held"]}))
    events.put_targets(Rule="held", EventBusName=bus, Targets=[{"Id": "held", "Arn": arn}])
    return str(url)


def test_day_of_held_failed_and_rejected_tasks_is_told_in_every_form(
    own: Stack, folder: Path, run: Callable[..., str], document: Callable[..., Any]
) -> None:
    url = watch_events(own)
    (folder / "tasks.jsonl").write_text("".join(f"{json.dumps(task)}\n" for task in [*HELD, *TOO_DEAR]))
    assert len(run("submit", "--jsonl", "tasks.jsonl", "--batch", "day").split()) == 7
    own.send_raw('{"task_id": "says-nothing"}')

    def as_expected() -> Any:
        report = document("report")
        return report if report["tasks"] == COUNTS else None

    report = eventually(as_expected, "the day to be as expected", seconds=90)
    assert [item["what"] for item in report["attention"]][:2] == ["held", "failed"]
    assert (report["all_is_well"], report["reasons"]["held"]) == (False, {"month_implementation": 3})
    assert report["reasons"]["failed"] == {"over_budget": 3}
    words = "8 received, 1 completed, 3 failed, 3 held, 1 rejected"
    assert words in " ".join(run("report").split())
    page = run("report", "--html")
    shown = " ".join("".join(parse_page(page).itertext()).split())
    assert 'class="tasks warn"' in page
    assert all(part in shown for part in ("1 of 8 tasks completed", "3 failed", "3 held", "1 rejected"))
    lines = [line for line in csv.DictReader(io.StringIO(run("report", "--csv"))) if line["type"] == "received_tasks"]
    assert {line["outcome"]: int(line["tasks"]) for line in lines} == {
        kind: number for kind, number in COUNTS.items() if kind != "received"
    }
    server = PointsmanServer(McpTools(lambda: stacks.connect(None, None, None)))
    told = asyncio.run(server.call_tool("read_report", {})).structured_content  # type: ignore[union-attr]
    assert told is not None
    assert words in " ".join(told["result"].split())
    checkup = document("doctor", code=5)
    to_do = [(it["check"], it["says"]) for it in checkup["findings"] if it["state"] == "to do"]
    assert ("tasks", "3 tasks are held by a used-up budget (month implementation)") in to_do
    assert ("tasks", "3 tasks failed (over budget)") in to_do
    assert any(check == "queue" for check, _ in to_do), "the dead letter"
    check_held(own, url, run, document)


def check_held(own: Stack, url: str, run: Callable[..., str], document: Callable[..., Any]) -> None:
    """Hold what list, status, budget and event say of the held tasks together."""
    held = document("list", "--status", "held")["tasks"]
    assert len(held) == 3
    for row in held:
        waiting = row["waiting_for"]
        assert (waiting["what"], waiting["cap"]) == ("budget", "month_implementation")
        assert waiting["needs_nano_usd"] > waiting["left_nano_usd"] > 0
        assert waiting["reserved_nano_usd"] == 0
        assert waiting["looks_again_at"] <= waiting["until"]
        assert "pointsman.budget.tiers.implementation.month_usd" in waiting["do"]
        assert document("status", row["task_id"])["waiting_for"] == waiting
    (cap,) = [cap for cap in document("budget")["caps"] if cap["cap"] == "month_implementation"]
    assert (cap["limit_nano_usd"], cap["left_nano_usd"]) == (300_000, held[0]["waiting_for"]["left_nano_usd"])
    events: dict[str, Any] = {}

    def heard() -> bool | None:
        answer = own.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        details = [json.loads(message["Body"])["detail"] for message in answer.get("Messages", [])]
        events.update({detail["task_id"]: detail for detail in details})
        return len(events) == 3 or None

    eventually(heard, "an event of each held task")
    for row in held:
        detail = events[row["task_id"]]
        assert (detail["status"], detail["type"], detail["answer"]) == ("held", "code_generation", None)
        assert detail["waiting_for"] == row["waiting_for"]
    printed = run("list", "--status", "held")
    assert "held (budget)" in printed


def test_changed_configuration_is_seen_and_deployed_and_the_books_stay(
    own: Stack, folder: Path, run: Callable[..., str], document: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert document("config", "diff")["same"]
    before = document("report")
    (folder / "openclaw.json").write_text(config_text("0.05"))
    assert document("config", "check")["valid"]
    difference = document("config", "diff", code=5)
    cap = "pointsman.budget.tiers.implementation.month_usd"
    assert difference["differences"] == [{"path": cap, "here": "0.05", "deployed": CAP}]
    assert difference["next"] == "pointsman up"
    assert main(["route", "Write a parser.", "--type", "code_generation"]) == 0
    assert f"is not what the local stack runs ({cap})" in capsys.readouterr().err
    run("up")
    assert document("config", "diff")["same"]
    assert json.loads(run("config", "show")) == json.loads(config_text("0.05"))
    after = document("report")
    assert (after["tasks"], after["totals"]["cost_nano_usd"]) == (before["tasks"], before["totals"]["cost_nano_usd"])
    assert main(["up"]) == 0
    assert "nothing has changed" in capsys.readouterr().err
    first, second, third = (row["task_id"] for row in document("list", "--status", "held")["tasks"])
    (row,) = document("cancel", "@1")["tasks"]
    assert (row["task_id"], row["result"]) == (first, "cancelled")
    again = document("rerun", first)["task_id"]
    assert json.loads(run("result", again, "--wait", "--json"))["status"] == "completed"
    assert document("status", again)["rerun_of"] == first
    assert {row["result"] for row in document("cancel", second, third)["tasks"]} == {"cancelled"}
    counts = document("report")["tasks"]
    assert (counts["held"], counts["cancelled"], counts["completed"]) == (0, 3, 2)
