"""`pointsman list` and its MCP tool on moto's tables: order, filters, what is read, what is not shown."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman.adapters import task_list as task_index
from pointsman.adapters.task_item import to_item
from pointsman.entrypoints.cost_report import build_day_tasks
from pointsman.execution.records import POOLED, Payload, TaskRecord
from pointsman.routing.decision import Decision, Source
from pointsman.routing.lanes import LaneChoice
from pointsman.values.errors import OutdatedTableError
from pointsman.values.lane import Lane
from pointsman.values.status import Status
from pointsman.values.taxonomy import TIER_OF, TaskType
from pointsman.values.times import to_text
from pointsman_cli import openclaw, stacks, task_list
from pointsman_cli.doctor import examine
from pointsman_cli.doctor.stack_probe import StackProbe
from pointsman_cli.main import main
from pointsman_cli.mcp.server import error_line
from pointsman_cli.mcp.task_tools import TaskTools
from pointsman_cli.stacks import StackConnection
from tests.support.aws import SESSION, TABLES, Aws
from tests.support.schemas import check_document

NOW = datetime.now(UTC)


@pytest.fixture
def connection(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> StackConnection:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    url = aws.client("sqs").create_queue(QueueName="tasks")["QueueUrl"]
    made = StackConnection(
        "the test stack", aws.session, aws.settings(task_queue_url=url), {}, openclaw.read_config(None)
    )
    monkeypatch.setattr(stacks, "connect", lambda *_: made)
    return made


def put(aws: Aws, task_id: str, age: timedelta = timedelta(), prompt: str = "Which way?", **fields: Any) -> None:
    kind = fields.pop("type", TaskType.STATUS)
    decision = Decision(kind, TIER_OF[kind], Source.EXPLICIT, 1.0, "stated")
    body = fields.pop("body", Payload(inline=json.dumps({"prompt": prompt})))
    record = TaskRecord(
        task_id,
        fields.pop("status", Status.COMPLETED),
        received_at=to_text(NOW - age),
        decision=decision,
        body=body,
        **fields,
    )
    aws.client("dynamodb").put_item(TableName=TABLES.tasks, Item=to_item(record))


@pytest.fixture
def listed(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def run(*options: str) -> dict[str, Any]:
        assert main(["list", *options, "--json"]) == 0
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        check_document("list", document)
        return document

    return run


def ids(document: dict[str, Any]) -> list[str]:
    return [row["task_id"] for row in document["tasks"]]


@pytest.fixture
def requests() -> Iterator[Counter[str]]:
    counted = Counter[str]()

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        counted[model.name] += 1

    SESSION.events.register("before-parameter-build.dynamodb", note)
    yield counted
    SESSION.events.unregister("before-parameter-build.dynamodb", note)


def test_newest_first_over_months(aws: Aws, connection: StackConnection, listed: Callable[..., Any]) -> None:
    for number, days in enumerate((70, 1, 35, 0)):
        put(aws, f"t-{number}", timedelta(days=days))
    document = listed()
    assert ids(document) == ["t-3", "t-1", "t-2", "t-0"]
    assert (document["looked_at"], document["complete"]) == (4, True)
    assert ids(listed("--limit", "2")) == ["t-3", "t-1"]
    assert ids(listed("--since", "40d")) == ["t-3", "t-1", "t-2"]


def test_filters_say_what_they_looked_at(
    aws: Aws, connection: StackConnection, listed: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_list, "MOST_LOOKED_AT", 4)
    put(
        aws, "t-0", timedelta(hours=5), "The release notes", sender="key:ci", metadata={"ticket": "OPS-1", "agent": "a"}
    )
    put(aws, "t-1", timedelta(hours=4), type=TaskType.ARCHITECTURE, status=Status.FAILED, cost_nano=7)
    put(aws, "t-2", timedelta(hours=3), "Release NOTES again", cost_nano=9)
    put(aws, "t-3", timedelta(hours=2), cost_nano=8)
    assert ids(listed("--sender", "key:*")) == ["t-0"]
    assert ids(listed("--ticket", "OPS-1", "--agent", "a")) == ["t-0"]
    assert ids(listed("--status", "failed")) == ids(listed("--tier", "reasoning")) == ["t-1"]
    assert ids(listed("--search", "release notes")) == ["t-2", "t-0"]
    assert ids(listed("--sort", "cost", "--limit", "3")) == ["t-2", "t-3", "t-1"]
    put(aws, "t-4", timedelta(hours=1))
    document = listed("--sender", "key:*")
    assert (ids(document), document["looked_at"], document["complete"]) == ([], 4, False)


def test_fifty_of_many_cost_three_requests(
    aws: Aws, connection: StackConnection, listed: Callable[..., Any], requests: Counter[str]
) -> None:
    for number in range(120):
        put(aws, f"t-{number:03}", timedelta(seconds=number))
    requests.clear()
    document = listed()
    assert len(document["tasks"]) == 50
    assert requests["Query"] <= 2, "one, or two where the month has just begun"
    assert requests["BatchGetItem"] == 1
    assert set(requests) == {"Query", "BatchGetItem"}


def test_filter_reads_a_hundred_tasks_a_request(
    aws: Aws,
    connection: StackConnection,
    listed: Callable[..., Any],
    requests: Counter[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(task_index, "_PAGE", 50)
    monkeypatch.setattr(task_list, "_STEP", 120)
    for number in range(250):
        put(aws, f"t-{number:03}", timedelta(seconds=number))
    requests.clear()
    assert ids(listed("--status", "failed", "--since", "1h")) == []
    assert requests["BatchGetItem"] == 2 + 2 + 1
    assert requests["Query"] <= 250 / 50 + 2


def test_what_is_private_long_or_expired_is_marked(
    aws: Aws, connection: StackConnection, listed: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    put(aws, "t-0", timedelta(days=95), body=Payload(ref="t-0/task"))
    put(aws, "t-1", timedelta(hours=3), body=Payload(ref="t-1/task"))
    put(aws, "t-2", timedelta(hours=2), "a secret", private=True)
    put(aws, "t-3", timedelta(hours=1), "words " * 100)
    document = listed()
    assert [row["no_excerpt"] for row in document["tasks"]] == [None, "private", "long", "expired"]
    assert [row["excerpt"] for row in document["tasks"][1:]] == [None] * 3
    assert document["tasks"][0]["excerpt"].startswith("words words")
    assert len(document["tasks"][0]["excerpt"]) == 120
    document = listed("--search", "secret")
    assert (ids(document), document["prompts_not_searched"]) == ([], 3)
    assert main(["list"]) == 0
    printed = capsys.readouterr()
    assert "secret" not in printed.out
    assert "(private)" in printed.out
    assert "(expired)" in printed.out


def test_task_in_the_queue_is_listed_where_it_was_sent(
    aws: Aws, connection: StackConnection, listed: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "Is it green?", "--task-id", "sent-here", "--json"]) == 0
    check_document("submit", json.loads(capsys.readouterr().out))
    assert [(row["task_id"], row["status"]) for row in listed()["tasks"]] == [("sent-here", "queued")]
    assert ids(listed("--status", "queued")) == ["sent-here"]
    for command in ("status", "result"):
        assert main([command, "sent-here"]) == 3
        assert "task sent-here is queued" in capsys.readouterr().err
        assert main([command, "sent-elsewhere"]) == 3
        assert "no task sent-elsewhere" in capsys.readouterr().err
    put(aws, "sent-here")
    assert [row["status"] for row in listed()["tasks"]] == ["completed"]


def test_ids_are_abbreviated(
    aws: Aws, connection: StackConnection, listed: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    put(aws, "nightly-1")
    put(aws, "nightly-2", timedelta(hours=1))
    put(aws, "other-3", timedelta(hours=2))
    main(["submit", "Is it green?", "--task-id", "other-4"])
    capsys.readouterr()
    assert ids(listed()) == ["other-4", "nightly-1", "nightly-2", "other-3"]

    def status(text: str) -> str | int:
        code = main(["status", text, "--json"])
        document = json.loads(capsys.readouterr().out)
        return str(document["task_id"]) if code == 0 else code

    capsys.readouterr()
    assert [status("@2"), status("@4"), status("nightly-2"), status("other-3")] == [
        "nightly-1",
        "other-3",
        "nightly-2",
        "other-3",
    ]
    assert (status("nightly-"), status("@9"), status("@x"), status("@last")) == (2, 3, 2, 3)
    put(aws, "other-4")
    assert (status("@last"), status("other")) == ("other-4", 2)


@pytest.fixture
def old_table(aws: Aws) -> Iterator[None]:
    """The task table as an earlier version deployed it, and DynamoDB's code for what moto calls a missing resource."""
    aws.client("dynamodb").update_table(
        TableName=TABLES.tasks, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "received"}}]
    )

    def correct(parsed: dict[str, Any], **_: Any) -> None:
        if parsed.get("Error", {}).get("Message", "").startswith("Invalid index"):
            parsed["Error"]["Code"] = "ValidationException"

    SESSION.events.register("after-call.dynamodb.Query", correct)
    yield
    SESSION.events.unregister("after-call.dynamodb.Query", correct)


@pytest.mark.usefixtures("old_table")
@pytest.mark.parametrize("command", ["list", "list --search x", "report", "report --csv"])
def test_stack_from_before_the_index_is_one_clear_error(
    connection: StackConnection, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert main(command.split()) == 1
    step = "deploy this version: `pointsman up`, or `pointsman init --update --stack NAME` on AWS"
    why = "an earlier version deployed it, or it is still being built"
    said = f"pointsman: the stack's task table has no index `received`: {why}: {step}\n"
    assert capsys.readouterr().err == said


@pytest.mark.usefixtures("old_table")
def test_error_of_a_missing_index_is_json_too(connection: StackConnection, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    check_document("error", document)
    assert document["error"]["next"].startswith("deploy this version")


@pytest.mark.usefixtures("old_table")
def test_doctor_and_mcp_say_that_the_index_is_to_be_deployed(
    connection: StackConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(examine, "CHECKS", tuple(entry for entry in examine.CHECKS if entry[0] == "tasks"))
    probe = StackProbe(replace(connection, stack_name="team"), NOW, ask_providers=False, detect_drift=False)
    (finding,) = examine.examine(probe, lambda _: None)
    assert (finding.state, finding.do) == ("to do", "deploy this version: `pointsman init --update --stack team`")
    with pytest.raises(OutdatedTableError) as caught:
        TaskTools(lambda: connection).list_tasks()
    assert "pointsman up" in error_line(caught.value)


def test_task_in_the_economy_lane_is_listed_with_its_lane_and_until_when_it_waits(
    aws: Aws,
    connection: StackConnection,
    listed: Callable[..., dict[str, Any]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    lane = LaneChoice(Lane.ECONOMY, 24.0, to_text(NOW + timedelta(hours=23)))
    fields: dict[str, Any] = {"type": TaskType.DOCUMENTATION, "status": Status.STARTED, "attention": POOLED}
    put(aws, "pooled", lane=lane, **fields)
    put(aws, "long", lane=lane, body=Payload(ref="tasks/long"), **fields)
    put(aws, "refused", lane=LaneChoice(Lane.STANDARD, 24.0, reason="deadline"))
    rows = {row["task_id"]: row for row in listed()["tasks"]}
    assert (rows["pooled"]["status"], rows["pooled"]["waiting_for"]["what"]) == ("resting", "batch")
    assert rows["pooled"]["waiting_for"]["until"] == rows["pooled"]["lane"]["until"] == lane.until
    estimate = rows["pooled"]["lane"]["estimate"]
    assert estimate["standard_nano_usd"] == 2 * estimate["economy_nano_usd"] > 0
    assert "estimate" not in rows["long"]["lane"], "its prompt is not in the table"
    assert rows["refused"]["lane"]["reason"] == "deadline"
    received = connection.runtime.part(build_day_tasks).read(NOW - timedelta(hours=1), NOW + timedelta(hours=1), NOW)
    assert (received.lane.waiting, received.lane.until, received.unread) == (2, lane.until, 0)
    assert received.lane.standard == {"deadline": 1}
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    ends = f"economy by {NOW + timedelta(hours=23):%m-%d %H:%M}Z"
    assert re.search(rf"pooled .*{ends}: \$0\.\d+, at once \$0\.\d+", printed)
    assert re.search(rf"long .*{ends} ", printed)
    assert re.search(r"refused .*standard \(deadline\)", printed)


def test_list_without_the_economy_lane_has_no_column_for_it(
    aws: Aws, connection: StackConnection, capsys: pytest.CaptureFixture[str]
) -> None:
    put(aws, "plain")
    assert main(["list"]) == 0
    assert "lane" not in capsys.readouterr().out
