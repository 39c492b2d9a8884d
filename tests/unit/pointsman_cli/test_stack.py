"""The commands on a stack, with moto's stores."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from devstack.toolchain import ROOT
from pointsman.adapters.dynamo import Tables, pack
from pointsman.adapters.ledger_rows import intent_item, outcome_item
from pointsman.adapters.task_item import to_item
from pointsman.contracts.api_key import digest_of
from pointsman.contracts.message_validation import validate_message
from pointsman.contracts.webhook import host_secret
from pointsman.execution.budget import Charge
from pointsman.execution.calls import CallSpec, Intent, Purpose, Settled
from pointsman.execution.executions import Pause
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.outcome import AccountTrouble, CallResult, Outcome, Shortfall
from pointsman.execution.records import Payload, TaskRecord
from pointsman.execution.waiting import Waiting, WaitingFor
from pointsman.routing.catalog import Billing
from pointsman.routing.decision import Decision, Source
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import to_ms
from pointsman.values.usage import Usage
from pointsman_cli import openclaw, stacks
from pointsman_cli.main import main
from pointsman_cli.stacks import StackConnection, connect
from tests.support.aws import create_tables
from tests.support.fakes import FakeWorkflow
from tests.support.webhook_secrets import OTHER, SECRET

SESSION = boto3.Session(region_name="us-east-1")
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DECISION = Decision(TaskType.STATUS, Tier.ORCHESTRATION, Source.LOCAL, 0.99, "sure", ("green",))


@dataclass
class Stores:
    """A stack's stores, and the connection that commands use."""

    connection: StackConnection
    answers: list[Any] = field(default_factory=list)
    workflow: FakeWorkflow = field(default_factory=FakeWorkflow)

    def put(self, **fields: Any) -> TaskRecord:
        record = TaskRecord(**{"received_at": "2026-11-22T12:00:00.000Z", "decision": DECISION, **fields})
        self.connection.runtime.stores.dynamodb.put_item(TableName="tasks", Item=to_item(record))
        return record

    def book(self, task_id: str, *, outcome: Outcome | None) -> RowKey:
        key = RowKey.of(task_id, "000001.000001", NOW)
        charge = Charge("2026-11", ("month",), (), 5_000)
        spec = CallSpec(
            Purpose.TASK, task_id, key.row.rpartition("#")[2], "claude-haiku-5-5", Tier.IMPLEMENTATION, "implementation"
        )
        intent = Intent(spec, key, NOW, Billing.PAID, charge)
        rows = [intent_item(intent)]
        if outcome:
            usage = Usage(input=100, output=30)
            result = CallResult(outcome, usage=usage)
            rows.append(outcome_item(Settled(intent, result, 1_234, True, spec.model, usage, NOW, 80)))
        for row in rows:
            self.connection.runtime.stores.dynamodb.put_item(TableName="usage", Item=pack(row))
        return key

    def bodies(self) -> list[str]:
        url = self.connection.settings.task_queue_url
        messages = self.connection.runtime.stores.sqs.receive_message(QueueUrl=url).get("Messages", [])
        return [message["Body"] for message in messages]


@pytest.fixture
def stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    """A stack whose queue nobody polls."""
    with mock_aws():
        create_tables(SESSION.client("dynamodb"), Tables("tasks", "usage", "limits"))
        SESSION.client("s3").create_bucket(Bucket="data")
        url = SESSION.client("sqs").create_queue(QueueName="tasks")["QueueUrl"]
        settings = stacks.Settings(
            task_table="tasks",
            usage_table="usage",
            limit_table="limits",
            bucket="data",
            task_queue_url=url,
            stand_in=True,
            reply_queue_arns="arn:aws:sqs:us-east-1:123456789012:replies",
        )
        stores = Stores(StackConnection("the test stack", SESSION, settings, {}, openclaw.read_config(None)))
        stores.connection.runtime.stores.__dict__["workflow"] = stores.workflow
        monkeypatch.setattr(stacks, "connect", lambda *_: stores.connection)
        yield stores


def document(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_submit_sends_a_task_with_a_new_id(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--type", "status", "--metadata", "ticket=OPS-1", "--metadata", "agent=a=b", "--private"]
    assert main(["submit", "Is it green?", *arguments, "--json"]) == 0
    queued = document(capsys)
    (body,) = stores.bodies()
    verdict = validate_message(body)
    assert verdict.task
    assert verdict.task_id == queued["task_id"]
    assert verdict.task.metadata == {"ticket": "OPS-1", "agent": "a=b"}
    assert (verdict.task.type, verdict.task.private) == ("status", True)
    assert queued["stand_in"] is True


@pytest.mark.parametrize(
    ("deployed", "options", "words"),
    [
        (False, (), ""),
        (False, ("--lane", "standard"), ""),
        (False, ("--lane", "economy"), r"lane +standard: \$0\.\d+ at once; not economy: lane not deployed\n"),
        (True, (), r"lane +standard: \$0\.\d+ at once; economy: \$0\.\d+ within 24 hours\n"),
        (True, ("--lane", "economy"), r"lane +economy: \$0\.\d+ within 24 hours; standard: \$0\.\d+ at once\n"),
        (True, ("--lane", "economy", "--deadline", "3h"), r"standard: \$0\.\d+ at once; not economy: deadline\n"),
        (True, ("--tier", "orchestration"), r"standard: \$0 at once; not economy: model without batches\n"),
    ],
)
def test_submit_says_what_both_lanes_cost_and_take(
    stores: Stores, capsys: pytest.CaptureFixture[str], deployed: bool, options: tuple[str, ...], words: str
) -> None:
    settings = stores.connection.settings.model_copy(update={"economy_lane": deployed})
    stores.connection = replace(stores.connection, settings=settings)
    assert main(["submit", "Write the release notes.", *options]) == 0
    printed = capsys.readouterr().out
    assert re.search(words, printed), printed
    assert ("lane" in printed) is bool(words)


def test_submit_sends_a_file_unchanged(stores: Stores, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    body = '{ "prompt":"x",  "unknown": [1] }\n'
    (tmp_path / "m.json").write_text(body)
    assert main(["submit", "--file", str(tmp_path / "m.json"), "--json"]) == 0
    queued = document(capsys)
    assert stores.bodies() == [body]
    assert queued["task_id"] == queued["message_id"]


def test_submit_options_override_a_task_but_not_an_envelope(
    stores: Stores, tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "task.json").write_text('{"prompt": "x", "type": "status"}')
    (tmp_path / "sns.json").write_text('{"Type": "Notification", "Message": "{\\"prompt\\": \\"x\\"}"}')
    assert main(["submit", "--file", str(tmp_path / "task.json"), "--tier", "reasoning"]) == 0
    assert json.loads(stores.bodies()[0]) == {"prompt": "x", "type": "status", "tier": "reasoning"}
    assert main(["submit", "--file", str(tmp_path / "sns.json"), "--tier", "reasoning"]) == 2
    assert "envelope" in capsys.readouterr().err


def test_submit_refuses_a_reply_queue_that_the_stack_does_not_allow(
    stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["submit", "x", "--reply-to", "arn:aws:sqs:us-east-1:123456789012:other"]) == 2
    assert main(["submit", "x", "--reply-to", "arn:aws:sqs:us-east-1:123456789012:replies"]) == 0
    assert len(stores.bodies()) == 1


def test_submit_waits_for_the_answer(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    task = validate_message('{"prompt": "x"}').task
    assert task
    stores.put(
        task_id="t1", status=Status.COMPLETED, fingerprint=task.fingerprint(), answer=Payload("All green."), attempts=1
    )
    assert main(["submit", "x", "--task-id", "t1", "--wait"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "All green.\n"
    assert "stand-in" in printed.err


def test_submit_exits_with_4_after_the_timeout(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["submit", "x", "--wait", "--timeout", "0.05"]) == 4
    assert "has not ended within 0.05 s: it is queued" in capsys.readouterr().err


def test_submit_ignores_the_answer_of_another_task_with_its_id(
    stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    stores.put(task_id="t1", status=Status.COMPLETED, fingerprint="of other content", answer=Payload("Other."))
    assert main(["submit", "x", "--task-id", "t1", "--wait", "--timeout", "0.05"]) == 4
    assert "Other." not in capsys.readouterr().out


def test_status_prints_attempts_from_the_ledger(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    place = stores.book("t1", outcome=Outcome.ANSWERED)
    stores.put(task_id="t1", status=Status.COMPLETED, rows=[place], cost_nano=1_234, attempts=1, reply_to=["token"])
    assert main(["status", "t1", "--json"]) == 0
    printed = document(capsys)
    (attempt,) = printed["attempts"]
    assert (attempt["outcome"], attempt["cost_nano_usd"], attempt["milliseconds"]) == ("answered", 1_234, 80)
    assert (attempt["input_tokens"], attempt["output_tokens"]) == (100, 30)
    assert printed["decision"] == DECISION.as_dict()
    assert printed["reply_to"] == ["task token"]
    assert printed["stand_in"] is True
    assert main(["status", "t1"]) == 0
    assert "$0.000001234" in capsys.readouterr().out


def test_status_prints_the_reservation_of_an_open_attempt(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    stores.put(task_id="t1", status=Status.STARTED, rows=[stores.book("t1", outcome=None)])
    assert main(["status", "t1", "--json"]) == 0
    (attempt,) = document(capsys)["attempts"]
    assert (attempt["outcome"], attempt["cost_nano_usd"], attempt["cost_known"]) == ("open", 5_000, False)


def test_status_prints_a_rejected_message(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    stores.put(task_id="m1", status=Status.REJECTED, decision=None, reason="prompt: must not be blank")
    assert main(["status", "m1"]) == 0
    shown = capsys.readouterr().out
    assert "rejected" in shown
    assert "prompt: must not be blank" in shown


def rests(stores: Stores, task_id: str, waiting: Waiting, **fields: Any) -> None:
    """Store a started task whose workflow waits."""
    stores.put(task_id=task_id, status=Status.STARTED, **fields)
    stores.workflow.pauses[task_id] = Pause(NOW, {"next": "wait", "waiting_for": waiting.as_state()})


LATER, SOON = NOW + timedelta(hours=9), NOW + timedelta(hours=1)
REFUSED = Waiting(WaitingFor.ACCOUNT, LATER, SOON, "claude-haiku-5-5", AccountTrouble.CREDIT)
HELD = Waiting(WaitingFor.BUDGET, LATER, SOON, "claude-haiku-5-5", None, Shortfall("month", 2_000, 1_500, 500))


def test_status_says_what_a_task_waits_for_and_until_when(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    rests(stores, "t1", REFUSED)
    assert main(["status", "t1", "--json"]) == 0
    shown = document(capsys)
    assert shown["status"] == "resting"
    assert shown["waiting_for"] == {
        "what": "account",
        "reason": "credit",
        "model": "claude-haiku-5-5",
        "until": "2026-11-22T21:00:00.000Z",
        "looks_again_at": "2026-11-22T13:00:00.000Z",
        "do": "buy credit or turn billing on at the provider",
    }
    assert main(["status", "t1"]) == 0
    shown = capsys.readouterr().out
    assert "account (credit) of claude-haiku-5-5" in shown
    assert "2026-11-22T21:00:00.000Z, looks again 2026-11-22T13:00:00.000Z" in shown
    assert "buy credit" in shown


def test_status_of_a_held_task_shows_what_is_left(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    rests(stores, "t1", HELD)
    assert main(["status", "t1", "--json"]) == 0
    shown = document(capsys)
    waiting = shown["waiting_for"]
    assert (shown["status"], waiting["what"], waiting["cap"]) == ("held", "budget", "month")
    amounts = [waiting[f"{name}_nano_usd"] for name in ("needs", "left", "reserved")]
    assert amounts == [2_000, 1_500, 500]
    assert "pointsman.budget.month_usd" in waiting["do"]
    assert main(["status", "t1"]) == 0
    assert "month: needs up to" in capsys.readouterr().out


def test_status_of_a_task_that_does_not_wait_says_so(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    rests(stores, "t1", REFUSED, generation=2)  # an earlier generation's execution
    rests(stores, "t2", REFUSED)
    stores.put(task_id="t2", status=Status.COMPLETED)
    for task_id, status in (("t1", "started"), ("t2", "completed")):
        assert main(["status", task_id, "--json"]) == 0
        shown = document(capsys)
        assert (shown["status"], shown["waiting_for"]) == (status, None)


def test_status_without_permission_for_the_workflow_is_shown(
    stores: Stores, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stores.put(task_id="t1", status=Status.STARTED)

    def denied(_: str) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetExecutionHistory")

    monkeypatch.setattr(stores.workflow, "pause", denied)
    assert main(["status", "t1", "--json"]) == 0
    assert document(capsys)["status"] == "started"


def test_result_says_what_a_task_waits_for(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    rests(stores, "t1", REFUSED)
    for options in ([], ["--wait", "--timeout", "0.05"]):
        assert main(["result", "t1", *options]) == 4
        said = capsys.readouterr().err
        assert "it is resting: account (credit) of claude-haiku-5-5 until 2026-11-22T21:00:00.000Z" in said
        assert "buy credit" in said


@pytest.mark.parametrize("command", ["status", "result"])
def test_unknown_task_exits_with_3(command: str, stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "nobody"]) == 3
    assert capsys.readouterr().err.startswith("pointsman: no task nobody")


def test_result_reads_a_large_answer_from_s3(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    content = stores.connection.runtime.stores.payloads.keep_large("line\n" * 30_000, "t1/answer")
    stores.put(task_id="t1", status=Status.COMPLETED, answer=content, truncated=True)
    assert main(["result", "t1", "--json"]) == 0
    printed = document(capsys)
    assert printed["answer"] == "line\n" * 30_000
    assert (printed["truncated"], printed["stand_in"]) == (True, True)


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (Status.FAILED, 1, "task t1 failed: refused"),
        (Status.REJECTED, 1, "task t1 rejected: refused"),
        (Status.STARTED, 4, "task t1 has not ended: it is started"),
    ],
)
def test_result_without_an_answer_prints_why(
    status: Status, code: int, message: str, stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    stores.put(task_id="t1", status=status, reason="refused")
    assert main(["result", "t1"]) == code
    assert message in capsys.readouterr().err


def test_result_waits_for_a_task_from_another_sender(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    stores.put(task_id="t1", status=Status.COMPLETED, answer=Payload("All green."))
    assert main(["result", "t1", "--wait"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "All green.\n"
    assert "t1: completed (orchestration, decided by local)" in printed.err


@pytest.mark.parametrize(("there", "state"), [(False, "queued"), (True, "started")])
def test_result_exits_with_4_after_the_timeout(
    there: bool, state: str, stores: Stores, capsys: pytest.CaptureFixture[str]
) -> None:
    if there:
        stores.put(task_id="t1", status=Status.STARTED)
    assert main(["result", "t1", "--wait", "--timeout", "0.05"]) == 4
    printed = capsys.readouterr().err
    assert f"t1: {state}" in printed
    assert "get its result later with `pointsman result t1`" in printed


def test_report_prints_one_document(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    stores.book("t1", outcome=Outcome.ANSWERED)
    assert main(["report", "--date", "2026-11-22", "--json"]) == 0
    printed = document(capsys)
    assert (printed["date"], printed["totals"]["cost_nano"], printed["stand_in"]) == ("2026-11-22", 1_234, True)
    assert main(["report", "--date", "2026-11-22"]) == 0
    assert "STAND-INS" in capsys.readouterr().out


def test_api_key_is_printed_once_and_stored_as_its_hash(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["key", "create", "ci", "--days", "30", "--json"]) == 0
    created = document(capsys)
    assert main(["key", "create", "bot"]) == 0
    assert "pm_" in capsys.readouterr().out
    (_, kept) = stores.connection.runtime.stores.api_keys.read()
    assert (kept.name, kept.digest, kept.expires_at) == ("ci", digest_of(created["key"]), created["expires_at"])
    stored = str(stores.connection.runtime.stores.dynamodb.scan(TableName="limits")["Items"])
    assert created["key"] not in stored

    assert main(["key", "create", "ci"]) == 1
    assert main(["key", "create", "ci-2", "--principal", "c!"]) == 2
    assert main(["key", "create", "laptop", "--principal", "ada"]) == 0
    assert main(["key", "create", "ada"]) == 1  # else two people were one, unasked
    assert main(["key", "create", "-"]) == 2
    assert main(["key", "revoke", "ci"]) == 0
    assert main(["key", "revoke", "nobody"]) == 3
    capsys.readouterr()
    assert main(["key", "list", "--json"]) == 0
    bot, ci, laptop = document(capsys)["keys"]
    assert [key["principal"] for key in (bot, ci, laptop)] == ["bot", "ci", "ada"]
    assert (bot["name"], bot["revoked_at"], ci["name"], bool(ci["revoked_at"])) == ("bot", None, "ci", True)
    assert main(["key", "list"]) == 0
    printed = capsys.readouterr().out
    assert "revoked" in printed
    assert created["key"] not in printed


def test_limits_of_a_key_are_its_principal_s(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    limits = ["--limit", "month_usd=1.50", "--limit", "in_flight=2", "--limit", "highest_tier=implementation"]
    assert main(["key", "create", "guest", *limits, "--json"]) == 0
    assert document(capsys)["limits"] == {"month_usd": "1.50", "in_flight": 2, "highest_tier": "implementation"}
    assert main(["key", "create", "guest-2", "--principal", "guest", "--json"]) == 0
    assert document(capsys)["limits"]["in_flight"] == 2
    assert main(["key", "create", "guest-3", "--principal", "guest", "--limit", "rpm=3"]) == 0
    assert "rpm=3" in capsys.readouterr().out
    assert main(["key", "create", "free", "--json"]) == 0
    assert document(capsys)["limits"] == {}
    assert [key.limited for key in stores.connection.runtime.stores.api_keys.read()] == [False, True, True, True]
    assert main(["budget", "--json"]) == 0
    (guest,) = document(capsys)["limits"]
    assert (guest["sender"], guest["own"], guest["rpm"]) == ("key:guest", {"rpm": 3}, {"limit": 3, "used": 0})


@pytest.mark.parametrize(
    ("limit", "problem"),
    [
        ("month_usd", "--limit month_usd: must be NAME=VALUE"),
        ("months=1", "months is no limit; choose from day_usd, month_usd, rpm, in_flight, highest_tier"),
        ("rpm=many", "rpm: should be a valid integer"),
        ("in_flight=0", "in_flight: should be greater than or equal to 1"),
        ("highest_tier=top", "highest_tier: should be 'orchestration', 'implementation' or 'reasoning'"),
    ],
)
def test_bad_limit_of_a_key_is_one_clear_error(
    stores: Stores, capsys: pytest.CaptureFixture[str], limit: str, problem: str
) -> None:
    assert main(["key", "create", "guest", "--limit", limit]) == 2
    assert problem in capsys.readouterr().err
    assert stores.connection.runtime.stores.api_keys.read() == []


LIMITED = {"rules": [{"sender": "key:*", "month_usd": "1", "in_flight": 2}, {"ticket": "A-1", "day_usd": "0.5"}]}


def limit(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the stack rules, and a sender who has spent and reserved."""
    shipped = json.loads(stores.connection.config_text)
    text = json.dumps({**shipped, "pointsman": {"limits": LIMITED}})
    connection = replace(stores.connection, config_text=text)
    monkeypatch.setattr(stacks, "connect", lambda *_: connection)
    month, today = f"{datetime.now(UTC):%Y-%m}", datetime.now(UTC)
    counter = "sender key:ci@month"
    items = [
        {"limit": f"budget#{month}@sender key:ci", counter: 500_000_000, f"{counter}_open": 300_000_000},
        {"limit": f"released#{month}@sender key:ci", counter: 100_000_000, f"{counter}_open": 100_000_000},
        {"limit": f"budget#{month}@sender role:AROAX", "sender role:AROAX@month": 5},  # no rule is for it
        {"limit": "pace#sender key:ci", "version": 2, "places": {"t-1.1": to_ms(today), "t-2.1": 5}},
        {"limit": f"budget#{month}", "month": 700_000_000},
    ]
    for item in items:
        stores.connection.runtime.stores.dynamodb.put_item(TableName="limits", Item=pack(item))
    stores.put(task_id="t-1", status=Status.STARTED)


def test_budget_shows_what_is_left_for_whom(
    stores: Stores, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(stores, monkeypatch)
    assert main(["budget", "--json"]) == 0
    shown = document(capsys)
    (stack,) = shown["caps"]
    assert (stack["cap"], stack["left_nano_usd"]) == ("month", 4_300_000_000)
    ci, ticket = shown["limits"]
    assert ci["sender"] == "key:ci"
    assert ci["caps"] == [
        {
            "cap": "month",
            "limit_nano_usd": 1_000_000_000,
            "spent_nano_usd": 200_000_000,
            "reserved_nano_usd": 200_000_000,
            "left_nano_usd": 800_000_000,
            "percent": 20.0,
        }
    ]
    assert (ci["in_flight"], ci["rpm"]) == ({"limit": 2, "used": 1}, None)
    assert (ticket["ticket"], ticket["caps"][0]["left_nano_usd"]) == ("A-1", 500_000_000)
    assert [rule.get("sender") for rule in shown["rules"]] == ["key:*", None]
    assert main(["budget"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split() == ["stack", "month", "$4.3000", "$5.0000", "$0.7000", "$0"] for line in lines), lines
    assert any(line.split()[:5] == ["sender", "key:ci", "month", "$0.8000", "$1.0000"] for line in lines), lines


def test_raise_is_on_record_with_who_why_and_until_when(
    stores: Stores, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    limit(stores, monkeypatch)
    why = ["--reason", "release week", "--days", "2"]
    assert main(["budget", "raise", "--sender", "key:ci", "--month-usd", "9", *why, "--json"]) == 0
    raised = document(capsys)
    assert (raised["sender"], raised["month_usd"], raised["reason"]) == ("key:ci", "9", "release week")
    assert raised["by"].startswith("arn:aws:")
    assert main(["budget", "raise", "--sender", "role:AROAX:ada", "--rpm", "9", *why]) == 0
    grants = stores.connection.runtime.stores.grants
    assert grants.read("sender role:AROAX").raises[0].reason == "release week"
    capsys.readouterr()
    assert main(["budget", "--json"]) == 0
    ci = document(capsys)["limits"][0]
    assert ci["caps"][0]["limit_nano_usd"] == 9_000_000_000
    (kept,) = ci["raises"]
    assert (kept["holds"], kept["until"], kept["by"]) == (True, raised["until"], raised["by"])
    assert main(["budget"]) == 0
    assert "release week" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--sender", "key:ci", "--rpm", "5", "--reason", "x"], "--days or --hours"),
        (["--sender", "key:ci", "--rpm", "5", "--reason", "x", "--days", "1", "--hours", "1"], "--days or --hours"),
        (["--sender", "key:ci", "--reason", "x", "--days", "1"], "give what to raise"),
        (["--rpm", "5", "--reason", "x", "--days", "1"], "one of --sender, --agent and --ticket"),
        (["--sender", "ci", "--rpm", "5", "--reason", "x", "--days", "1"], "must be like key:NAME"),
        (["--sender", "key:ci", "--agent", "a", "--rpm", "5", "--reason", "x", "--days", "1"], "one of --sender"),
        (["--sender", "key:ci", "--rpm", "5", "--reason", " ", "--days", "1"], "--reason: must be 1 to 500"),
        (["--sender", "key:ci", "--day-usd", "five", "--reason", "x", "--days", "1"], "day_usd: should be a valid dec"),
        (["--sender", "key:ci", "--rpm", "5", "--days", "1"], "--reason"),
    ],
)
def test_bad_raise_is_one_clear_error(
    stores: Stores, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    assert main(["budget", "raise", *arguments]) == 2
    assert problem in capsys.readouterr().err
    assert stores.connection.runtime.stores.dynamodb.scan(TableName="limits")["Items"] == []


class Account:
    """A session of an account with one CloudFormation stack."""

    def __init__(self, outputs: dict[str, str], parameters: dict[str, str]) -> None:
        self._outputs = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
        self._parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()]

    def client(self, service: str) -> "Account":
        assert service == "cloudformation"
        return self

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:
        if StackName != "s":
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks")
        return {"Stacks": [{"Outputs": self._outputs, "Parameters": self._parameters}]}


def test_stack_of_another_kind_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacks.boto3, "Session", lambda **_: Account({"SiteUrl": "x"}, {}))
    with pytest.raises(stacks.UnreachableError, match="stack s is not a Pointsman stack"):
        connect("s", None, "us-east-1")
    with pytest.raises(stacks.UnreachableError, match=r"no stack nowhere in this account and region: .*pointsman init"):
        connect("nowhere", None, "us-east-1")


def test_connection_reads_outputs_and_parameters_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_OVERRIDE_REASONING", "claude-sonnet-5-5")
    outputs = {name: f"the-{name}" for name in [*stacks.SETTINGS_BY_OUTPUT, "RouterFunctionName"]}
    parameters = {"ReportTimeZone": "Europe/Berlin", "StandIn": "false", "GeminiBaseUrl": "", "Architecture": "arm64"}
    monkeypatch.setattr(stacks.boto3, "Session", lambda **_: Account(outputs, parameters))
    connection = connect("s", None, "us-east-1")
    assert connection.settings.task_table == "the-TaskTableName"
    assert connection.settings.report_timezone == "Europe/Berlin"
    assert connection.settings.overrides == {Tier.REASONING: "claude-sonnet-5-5"}
    assert connection.functions == {"RouterFunctionName": "the-RouterFunctionName"}
    assert connection.stand_in is False


def test_template_has_every_output_and_parameter_that_is_read() -> None:
    template = (ROOT / "template.yaml").read_text()
    _, _, outputs = template.partition("\nOutputs:\n")
    assert all(f"\n  {name}:" in f"\n{outputs}" for name in stacks.SETTINGS_BY_OUTPUT)
    parameters = template[template.index("\nParameters:") : template.index("\nConditions:")]
    assert all(f"\n  {name}:" in parameters for name in stacks.SETTINGS_BY_PARAMETER)


def test_correction_is_stored_with_its_task(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    stores.put(task_id="t-1", status=Status.COMPLETED)
    assert main(["correct", "t-1", "--type", "planning"]) == 0
    assert "corrected to  planning (orchestration)" in capsys.readouterr().out
    assert main(["correct", "t-1", "--type", "complex_debugging", "--json"]) == 0
    kept = document(capsys)["correction"]
    assert (kept["type"], kept["tier"]) == ("complex_debugging", "reasoning")
    assert kept["was"] == {name: DECISION.as_dict()[name] for name in ("type", "tier", "source", "confidence")}
    assert main(["status", "t-1", "--json"]) == 0
    shown = document(capsys)
    assert (shown["correction"], shown["decision"]) == (kept, DECISION.as_dict())
    assert main(["status", "t-1"]) == 0
    assert "corrected to  complex_debugging (reasoning)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("task_id", "kind", "code", "why"),
    [
        ("t-2", "planning", 3, "no task t-2"),
        ("rejected", "planning", 1, "nothing has been decided"),
        ("t-2", "cooking", 2, "cooking"),
    ],
)
def test_only_a_task_with_a_decision_can_be_corrected(
    stores: Stores, capsys: pytest.CaptureFixture[str], task_id: str, kind: str, code: int, why: str
) -> None:
    stores.put(task_id="rejected", status=Status.REJECTED, decision=None)
    assert main(["correct", task_id, "--type", kind]) == code
    assert why in capsys.readouterr().err


def test_webhook_secret_is_that_of_the_host_alone(stores: Stores, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["webhook", "secret", "hooks.example.com"]) == 1
    assert "pointsman init --keys-only" in capsys.readouterr().err
    ssm, name = stores.connection.clients.client("ssm"), stores.connection.settings.webhook_key_parameter
    ssm.put_parameter(Name=name, Value=f"{OTHER} {SECRET}", Type="SecureString")
    assert main(["webhook", "secret", "Hooks.Example.com:443"]) == 0
    printed = capsys.readouterr()
    assert printed.out.strip() == host_secret(f"{OTHER} {SECRET}", "hooks.example.com")
    assert "hooks.example.com is not in WebhookHosts" in printed.err
    assert main(["webhook", "secret", "hooks.example.com", "--json"]) == 0
    assert document(capsys) == {"host": "hooks.example.com", "secret": printed.out.strip()}
    for host in ("https://hooks.example.com", "hooks.example.com/path", "127.0.0.1", "me@hooks.example.com", ""):
        assert main(["webhook", "secret", host]) == 2
    ssm.put_parameter(Name=name, Value="whsec_short", Type="SecureString", Overwrite=True)
    assert main(["webhook", "secret", "hooks.example.com"]) == 1
    assert "whsec_short" not in capsys.readouterr().err
