"""What the pages of `pointsman ui` change: by the same functions as the commands, each after saying what it does."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pointsman.entrypoints.cost_report import build_reporting
from pointsman.entrypoints.replay import build_replay
from pointsman.execution.records import Payload
from pointsman.routing.decision import Decision, Source
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli.stacks import StackConnection
from tests.support.aws import Aws
from tests.support.ui_window import Window, put_task, stack_connection

REJECTED = {"code": "invalid_task", "reason": "tier: must be one of …", "task_id": "t-bad", "message_id": "m-1"}


@pytest.fixture
def connection(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StackConnection:
    return stack_connection(aws, tmp_path, monkeypatch)


@pytest.fixture
def window(connection: StackConnection) -> Window:
    return Window(connection)


@pytest.fixture
def queued(aws: Aws, connection: StackConnection) -> Callable[[], list[dict[str, Any]]]:
    def bodies() -> list[dict[str, Any]]:
        found = aws.client("sqs").receive_message(
            QueueUrl=connection.settings.task_queue_url, MaxNumberOfMessages=10, VisibilityTimeout=0
        )
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]

    return bodies


def reject(connection: StackConnection, body: str, **attributes: str) -> None:
    dlq = connection.runtime.part(build_replay).dead_letters
    dlq.put(body, {**REJECTED, **attributes}, attributes.get("message_id", "m-1"))


def test_task_is_sent_and_its_page_waits_for_it(window: Window, queued: Any, connection: StackConnection) -> None:
    fields = {"prompt": "Write a parser.\r\nWith tests.", "type": "code_generation", "ticket": "OPS-7", "private": "on"}
    response = window.send_form("/submit", "/submit", **fields)
    assert response.status_code == 303
    (sent,) = queued()
    assert response.headers["location"] == f"/tasks/{sent['task_id']}"
    assert sent["prompt"] == "Write a parser.\nWith tests."
    assert (sent["type"], sent["metadata"], sent["private"]) == ("code_generation", {"ticket": "OPS-7"}, True)
    page = window.page(response.headers["location"])
    assert "the router has not received it yet" in page
    assert "hx-get" in page
    assert connection.known_tasks.full_id("@last", lambda _: False) == sent["task_id"]


def test_same_form_sent_twice_is_one_task_and_another_text_another(window: Window) -> None:
    page = window.page("/submit")
    key = page.split('name="key" value="')[1].split('"')[0]
    token = window.context.session.form_token("/submit")
    sent = [
        window.post("/submit", {"prompt": prompt, "key": key, "token": token}).headers["location"]
        for prompt in ("One?", "One?", "Two?")
    ]
    assert sent[0] == sent[1] != sent[2]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"prompt": "  "}, "prompt"),
        ({"prompt": "x", "tier": "best"}, "must be one of"),
        ({"prompt": "x", "max_output_tokens": "many"}, "must be a number"),
        ({"prompt": "x", "max_cost_usd": "-1"}, "max_cost_usd"),
    ],
)
def test_invalid_task_is_refused_with_the_field(
    window: Window, queued: Any, fields: dict[str, str], words: str
) -> None:
    response = window.send_form("/submit", "/submit", **fields)
    assert (response.status_code, words in response.text) == (422, True)
    assert queued() == []


def test_estimate_says_where_it_goes_and_sends_nothing(window: Window, queued: Any) -> None:
    token = window.context.session.form_token("/submit/estimate")

    def estimate(**fields: str) -> str:
        return window.post("/submit/estimate", {"token": token, **fields}).text

    assert "claude-haiku-5-5" in estimate(prompt="Write a parser", type="code_generation")
    assert "$" in estimate(prompt="Write a parser", type="code_generation")
    assert "claude-sonnet" in estimate(prompt="Write a parser", tier="reasoning")
    assert "appear here while you write" in estimate(prompt=" ")
    assert "max_cost_usd" in estimate(prompt="x", max_cost_usd="much")
    assert "<html" not in estimate(prompt="x")
    assert queued() == []


def test_cancel_says_what_it_does_and_does_it(aws: Aws, window: Window, connection: StackConnection) -> None:
    put_task(aws, "t-1", status=Status.CLAIMED)
    assert "ends without an answer" in window.page("/tasks/t-1/cancel")
    assert "/tasks/t-1/cancel" in window.page("/tasks/t-1")
    response = window.send_form("/tasks/t-1/cancel", "/tasks/t-1/cancel")
    assert response.headers["location"] == "/tasks/t-1?did=cancelled"
    record = connection.client.read("t-1")
    assert record
    assert record.status is Status.CANCELLED
    assert "The task is cancelled." in window.page(response.headers["location"])
    assert window.get("/tasks/t-1/cancel").status_code == 409, "it has ended"


def test_rerun_runs_under_a_new_id_as_wanted(aws: Aws, window: Window, connection: StackConnection) -> None:
    put_task(aws, "t-1", "Write a parser", type=TaskType.CODE_GENERATION, sender="key:ci")
    assert "claude-haiku-5-5" in window.page("/tasks/t-1/rerun")
    response = window.send_form("/tasks/t-1/rerun", "/tasks/t-1/rerun", tier="reasoning", effort="high")
    new_id = response.headers["location"].removeprefix("/tasks/").removesuffix("?did=rerun")
    record = connection.client.read(new_id)
    assert record
    assert (record.rerun_of, record.tier, record.sender) == ("t-1", Tier.REASONING, "key:ci")
    assert 'href="/tasks/t-1"' in window.page(f"/tasks/{new_id}")


def test_running_task_is_not_run_anew(aws: Aws, window: Window) -> None:
    put_task(aws, "t-1", status=Status.CLAIMED)
    assert window.get("/tasks/t-1/rerun").status_code == 409
    token = window.context.session.form_token("/tasks/t-1/rerun")
    assert window.post("/tasks/t-1/rerun", {"token": token}).status_code == 409


def test_correction_is_recorded(aws: Aws, window: Window, connection: StackConnection) -> None:
    put_task(aws, "t-1")
    assert window.send_form("/tasks/t-1/correct", "/tasks/t-1/correct").status_code == 422
    window.send_form("/tasks/t-1/correct", "/tasks/t-1/correct", type="architecture")
    record = connection.client.read("t-1")
    assert record
    assert record.correction
    assert record.correction.type is TaskType.ARCHITECTURE
    assert "Corrected to" in window.page("/tasks/t-1")


def test_failed_task_is_replayed_as_its_next_generation(aws: Aws, window: Window, connection: StackConnection) -> None:
    decision = Decision(TaskType.STATUS, Tier.ORCHESTRATION, Source.LOCAL, 0.9, "it asks")
    put_task(aws, "t-1", status=Status.FAILED, reason="deadline", decision=decision)
    assert "generation 2" in window.page("/tasks/t-1/replay")
    assert window.send_form("/tasks/t-1/replay", "/tasks/t-1/replay").status_code == 303
    record = connection.client.read("t-1")
    assert record
    assert (record.generation, record.status) == (2, Status.STARTED)


def test_rejected_message_is_looked_at_corrected_and_sent(
    window: Window, queued: Any, connection: StackConnection
) -> None:
    reject(connection, json.dumps({"prompt": "Build it", "tier": "best", "task_id": "t-bad"}))
    listed = window.page("/dead-letters")
    assert "t-bad" in listed
    assert "would be rejected again" in listed
    assert "&#34;tier&#34;: &#34;best&#34;" in window.page("/dead-letters/t-bad")
    refused = window.send_form("/dead-letters/t-bad", "/dead-letters/t-bad", body='{"prompt": "x", "tier": "worse"}')
    assert (refused.status_code, queued()) == (409, [])
    corrected = json.dumps({"prompt": "Build it", "tier": "reasoning", "task_id": "t-bad"})
    response = window.send_form("/dead-letters/t-bad", "/dead-letters/t-bad", body=corrected)
    assert response.status_code == 303
    assert [task["tier"] for task in queued()] == ["reasoning"]
    assert "There are none" in window.page("/dead-letters")
    assert window.get("/dead-letters/t-bad").status_code == 404


def test_message_that_sqs_moved_is_replayed_but_not_edited(
    aws: Aws, window: Window, queued: Any, connection: StackConnection
) -> None:
    body = json.dumps({"prompt": "Try again", "task_id": "t-tired"})
    aws.client("sqs").send_message(QueueUrl=connection.settings.dlq_url, MessageBody=body)
    page = window.page("/dead-letters/t-tired")
    assert "<textarea" not in page
    token = window.context.session.form_token("/dead-letters/t-tired")
    edited = window.post("/dead-letters/t-tired", {"token": token, "body": '{"prompt": "other"}'})
    assert (edited.status_code, queued()) == (409, [])
    assert window.send_form("/dead-letters/t-tired", "/dead-letters/t-tired").status_code == 303
    assert [task["prompt"] for task in queued()] == ["Try again"]


def test_dead_letters_are_bounded_and_say_so(window: Window, connection: StackConnection) -> None:
    for number in range(55):
        reject(connection, "{}", task_id=f"t-{number}", message_id=f"m-{number}")
    page = window.page("/dead-letters")
    assert page.count('<th scope="row"') == 50
    assert "50 of about 55" in page


def test_read_only_pages_offer_and_carry_out_nothing(aws: Aws, connection: StackConnection, queued: Any) -> None:
    put_task(aws, "t-1", status=Status.CLAIMED)
    put_task(aws, "t-2", answer=Payload(inline="done"))
    reject(connection, "{}")
    window = Window(connection, changes=False)
    for path in ("/", "/tasks/t-1", "/tasks/t-2", "/dead-letters/t-bad"):
        assert 'method="post"' not in window.page(path)
        assert "/submit" not in window.page(path)
    actions = [f"/tasks/{task}/{name}" for task in ("t-1", "t-2") for name in ("cancel", "rerun", "correct", "replay")]
    for action in (*actions, "/submit", "/dead-letters/t-bad"):
        fields = {"token": window.context.session.form_token(action), "prompt": "x", "type": "status", "body": "{}"}
        response = window.post(action, fields)
        assert (response.status_code, "--allow-changes" in response.text) == (403, True), action
    record = connection.client.read("t-1")
    assert record
    assert (record.status, record.correction, queued()) == (Status.CLAIMED, None, [])


def test_form_without_its_own_token_changes_nothing(aws: Aws, window: Window, connection: StackConnection) -> None:
    put_task(aws, "t-1", status=Status.CLAIMED)
    put_task(aws, "t-2", status=Status.CLAIMED)
    other = window.context.session.form_token("/tasks/t-2/cancel")
    for token in ({}, {"token": ""}, {"token": other}):
        assert window.post("/tasks/t-1/cancel", token).status_code == 403
    own = {"token": window.context.session.form_token("/tasks/t-1/cancel")}
    for headers in (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "", "sec-fetch-site": "cross-site"},
    ):
        assert window.post("/tasks/t-1/cancel", own, **headers).status_code == 403
    record = connection.client.read("t-1")
    assert record
    assert record.status is Status.CLAIMED
    assert window.post("/tasks/t-1/cancel", own, origin="null", **{"sec-fetch-site": "same-origin"}).status_code == 303


def test_form_that_is_too_large_is_refused(window: Window) -> None:
    token = window.context.session.form_token("/submit")
    assert window.post("/submit", {"token": token, "prompt": "x" * 4_100_000}).status_code == 413


def test_days_are_listed_and_today_is_computed(window: Window, connection: StackConnection) -> None:
    today = datetime.now(UTC).astimezone(connection.settings.zone).date()
    assert f"/days/{today:%Y/%m/%d}/report.html" in window.page("/days/")
    day = window.get(f"/days/{today:%Y/%m/%d}/report.html")
    assert day.headers["content-security-policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert "script" not in day.headers["content-security-policy"]
    assert f"{today:%-d %B %Y}" in day.text
    assert json.loads(window.page(f"/days/{today:%Y/%m/%d}/report.json"))["tasks"]["received"] == 0
    assert window.get("/days/2026/2/30/report.html").status_code == 422
    assert window.get("/days/2999/1/1/report.html").status_code == 404
    assert window.get(f"/days/{today:%Y/%m/%d}/secret").status_code == 404


def test_published_day_is_shown_as_it_was_published(window: Window, connection: StackConnection) -> None:

    day = datetime.now(UTC).astimezone(connection.settings.zone).date() - timedelta(days=1)
    reporting = connection.runtime.part(build_reporting)
    reporting.publish(day)
    key = f"reports/{day:%Y/%m/%d}/report.html"
    stored = reporting.sink.fetch(key)
    assert stored
    reporting.sink.store(key, "text/html", stored.replace("</main>", "<p>kept</p></main>"))
    listed = window.page("/days/")
    assert f"{day:%Y/%m/%d}/report.html" in listed
    assert "kept" in window.page(f"/days/{day:%Y/%m/%d}/report.html")
