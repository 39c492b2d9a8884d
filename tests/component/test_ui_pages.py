"""The pages of `pointsman ui` on moto's tables: what they show, and that text from elsewhere stays text."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import pytest

from pointsman.execution.records import Payload
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType
from pointsman_cli import task_list
from pointsman_cli.stacks import StackConnection
from tests.support.aws import Aws
from tests.support.ui_window import Window, attempt_rows, put_task, stack_connection

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)>"><svg onload=alert(3)>'


@pytest.fixture
def connection(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StackConnection:
    return stack_connection(aws, tmp_path, monkeypatch)


@pytest.fixture
def window(connection: StackConnection) -> Window:
    return Window(connection)


def test_empty_stack_says_what_to_do(window: Window) -> None:
    page = window.page("/")
    assert "Nothing is under way" in page
    assert "No task yet" in page
    assert "requests left today" in page
    assert "No task yet" in window.page("/tasks")


def test_now_shows_what_is_under_way_apart_from_what_has_ended(aws: Aws, window: Window) -> None:
    put_task(aws, "t-open", "Still going", status=Status.CLAIMED)
    put_task(aws, "t-done", "All over", model="claude-haiku-5-5", cost_nano=1_500_000)
    page = window.page("/")
    under_way, latest = page.split('id="latest"')
    assert "Still going" in under_way
    assert "All over" not in under_way
    assert "All over" in latest
    assert "$0.0015" in latest
    assert 'hx-get="/now"' in window.page("/now")


def test_list_has_fifty_a_page_and_every_task_once(aws: Aws, window: Window) -> None:
    for number in range(120):
        put_task(aws, f"t-{number:03}", f"Prompt {number:03}", age=timedelta(seconds=number // 3))
    path, shown, pages = "/tasks", list[str](), 0
    while path:
        page = window.page(path)
        shown += [part.split('"')[0] for part in page.split('href="/tasks/')[1:]]
        older = page.split('<a href="/tasks?')[1:]
        path, pages = unescape(f"/tasks?{older[0].split('"')[0]}") if older else "", pages + 1
    assert (pages, len(shown), len(set(shown))) == (3, 120, 120)


def test_filters_hold_on_every_page(aws: Aws, window: Window) -> None:
    for number in range(70):
        kind = TaskType.ARCHITECTURE if number % 2 else TaskType.STATUS
        put_task(aws, f"t-{number:02}", age=timedelta(minutes=number), type=kind, sender="key:ci")
    page = window.page("/tasks?type=architecture&sender=key:*")
    assert page.count('<th scope="row"') == 35
    assert "t-00" not in page
    assert '<option value="architecture" selected>' in page
    assert window.get("/tasks?type=poetry").status_code == 422
    assert window.get("/tasks?after=yesterday+x").status_code == 422


def test_task_shows_answer_prompt_reason_and_sender(aws: Aws, window: Window) -> None:
    answer = Payload(inline="# Done\n\n**Bold** and `code`\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    put_task(
        aws, "t-1", "Which *way*?", answer=answer, sender="key:ci", metadata={"ticket": "OPS-1"}, cost_nano=1_500_000
    )
    page = window.page("/tasks/t-1")
    assert "<strong>Bold</strong>" in page
    assert "<h3>Done</h3>" in page
    assert "<td>2</td>" in page
    assert '<pre tabindex="0">Which *way*?</pre>' in page
    for words in ("local, confidence 0.93", "it asks", "which", "key:ci", "OPS-1", "$0.0015"):
        assert words in page, words
    assert "hx-get" not in page, "it has ended: nothing more happens"


def test_headings_of_an_answer_stand_below_the_pages_without_a_gap(aws: Aws, window: Window) -> None:
    put_task(aws, "t-1", answer=Payload(inline="#### Deep\n\n# Top\n\n###### Deepest\n\nSetext\n---"))
    page = window.page("/tasks/t-1")
    assert [name in page for name in ("<h3>Deep</h3>", "<h3>Top</h3>", "<h4>Deepest</h4>", "<h4>Setext</h4>")] == [
        True
    ] * 4


def test_attempts_lie_on_the_tasks_time_line(aws: Aws, window: Window) -> None:
    began = datetime.now(UTC) - timedelta(seconds=100)
    failed = {"outcome": "unavailable", "detail": "529 overloaded", "milliseconds": 5_000, "cost_nano": 0}
    keys = [
        attempt_rows(aws, "t-1", began + timedelta(seconds=20), 1, model="claude-haiku-5-5", cost_known=True, **failed),
        attempt_rows(aws, "t-1", began + timedelta(seconds=50), 2, model="claude-sonnet-5-5", effort="high"),
    ]
    put_task(aws, "t-1", status=Status.STARTED, age=timedelta(seconds=100), rows=keys)
    page = window.page("/tasks/t-1")
    bars = [(float(x), float(width)) for x, width in re.findall(r'x="([\d.]+)%" width="([\d.]+)%"', page)]
    assert bars == [pytest.approx((20, 5), abs=3), pytest.approx((50, 50), abs=3)]
    for words in ("529 overloaded", "effort high", "5.0 s", "unavailable", "open", "$0.04", "at most"):
        assert words in page, words


def test_task_that_runs_is_looked_at_again(aws: Aws, window: Window) -> None:
    put_task(aws, "t-1", status=Status.CLAIMED)
    assert 'hx-get="/tasks/t-1/part"' in window.page("/tasks/t-1")
    assert "<html" not in window.page("/tasks/t-1/part")


def test_private_task_is_shown_only_when_asked_for(aws: Aws, window: Window) -> None:
    put_task(aws, "t-1", "The secret plan", private=True, answer=Payload(inline="A secret answer"))
    for path in ("/", "/tasks", "/tasks/t-1"):
        assert "secret" not in window.page(path)
    assert "The secret plan" in window.page("/tasks/t-1?private=show")


def test_text_from_elsewhere_never_becomes_markup(aws: Aws, window: Window) -> None:
    fields = {"metadata": {"ticket": HOSTILE, "agent": HOSTILE, HOSTILE: "x"}, "sender": HOSTILE, "reason": HOSTILE}
    put_task(aws, "t-1", HOSTILE, answer=Payload(inline=HOSTILE), model=HOSTILE, **fields)
    for path in ("/", "/tasks", "/tasks/t-1", f"/tasks/{'%3Cscript%3E'}", "/tasks?search=%3Cscript%3E"):
        text = window.get(path).text
        assert "<script>" not in text
        assert "<img" not in text
        assert "<svg onload" not in text
    assert "\x1b" not in window.page("/tasks/t-1")


def test_unknown_task_and_page_are_not_found(window: Window) -> None:
    task = window.get("/tasks/t-none")
    assert (task.status_code, "no task t-none" in task.text) == (404, True)
    assert window.get("/nowhere").status_code == 404


def test_stack_that_is_gone_is_said_and_found_again(connection: StackConnection) -> None:
    window = Window(connection)
    window.page("/")
    connected = []

    def connect() -> StackConnection:
        connected.append(1)
        if len(connected) < 3:
            from pointsman_cli.stacks import NoLocalStackError

            raise NoLocalStackError("no local stack is running", "start one with `pointsman up`")
        return connection

    window.context.link._connect = connect
    window.context.link.drop()
    whole, part = window.get("/"), window.get("/now", **{"hx-request": "true"})
    assert (whole.status_code, part.status_code) == (503, 503)
    assert "no local stack is running" in whole.text
    assert 'hx-get="/now"' in part.text, "it goes on looking"
    assert "<html" not in part.text
    assert "Nothing is under way" in window.page("/now")


def test_filtered_list_goes_on_where_it_stopped_looking(
    aws: Aws, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task_list, "MOST_LOOKED_AT", 30)
    for number in range(70):
        kind = TaskType.ARCHITECTURE if number in (5, 45) else TaskType.STATUS
        put_task(aws, f"t-{number:02}", age=timedelta(minutes=number), type=kind)
    path, found, notes = "/tasks?type=architecture", list[str](), list[str]()
    while path:
        page = window.page(path)
        found += [part.split('"')[0] for part in page.split('href="/tasks/')[1:]]
        notes += re.findall(r"Looked at the (?:newest )?(\d+ tasks(?: before)?)", page)
        further = re.search(r'<a href="(/tasks\?[^"]+)" rel="next">Look further</a>', page)
        path = unescape(further[1]) if further else ""
    assert found == ["t-05", "t-45"]
    assert notes == ["30 tasks", "30 tasks before"]
    assert "No task matched so far." in window.page("/tasks?type=design_review")
    assert "No task matches." in window.page("/tasks?type=design_review&since=10m")
    assert "Look further" not in window.page("/tasks?sort=cost")
