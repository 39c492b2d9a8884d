"""The pages of `pointsman ui` in a browser: a stack with a day's tasks on moto, the server, and a tab."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pointsman.entrypoints.cost_report import build_reporting
from pointsman.entrypoints.replay import build_replay
from pointsman.execution.records import Payload
from pointsman.routing.decision import Decision, Source
from pointsman.values.status import Status
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import to_text
from pointsman_cli.stacks import StackConnection
from pointsman_cli.ui import config_page
from pointsman_cli.ui.browser_session import BrowserSession
from pointsman_cli.ui.ui_context import StackLink, UiContext
from pointsman_cli.ui.ui_server import listening_socket, opening_address, page_server
from tests.support.aws import Aws, empty_account
from tests.support.browser import Tab, browser_tab
from tests.support.ui_window import attempt_rows, put_task, stack_connection

PAGES = {
    "now": "/",
    "tasks": "/tasks",
    "task": "/tasks/t-review",
    "submit": "/submit",
    "rerun": "/tasks/t-review/rerun",
    "days": "/days/",
    "dead-letters": "/dead-letters",
    "dead-letter": "/dead-letters/t-typo",
    "configuration": "/configuration",
}
ANSWER = """## Three findings

1. **The lock is taken twice.** `checkout()` holds `orders` and asks for `stock`; the nightly job the other way round.
2. The retry keeps the transaction open.
3. Nothing tests two carts at once.

| where | what to do |
|---|---|
| `checkout.py:114` | take `stock` first |
| `nightly.py:52` | the same order |

```python
with lock("stock"), lock("orders"):
    reserve(cart)
```
"""
_WORK = (
    ("Is the nightly build green?", TaskType.STATUS, "gemini-3.5-flash-lite", 0),
    ("Write a parser for ISO 8601 durations, with tests", TaskType.CODE_GENERATION, "claude-haiku-5-5", 4_312_000),
    ("Translate the release notes into German", TaskType.TRANSLATION, "gemini-3.5-flash-lite", 0),
    ("Document the retry rules of the client", TaskType.DOCUMENTATION, "claude-haiku-5-5", 2_870_500),
    ("Design the storage of the audit trail", TaskType.ARCHITECTURE, "claude-sonnet-5-5", 31_904_000),
)


@dataclass
class Tour:
    """The pages, served, and the tab that shows them."""

    aws: Aws
    connection: StackConnection
    window: UiContext
    origin: str
    tab: Tab

    def open(self, path: str) -> None:
        self.tab.open(self.origin + path)

    def show(self, width: int, scheme: str) -> None:
        self.tab.resize(width)
        self.tab.prefer(scheme)


def put_a_day(aws: Aws, connection: StackConnection) -> None:
    """Store tasks of every kind, what they cost, two dead letters, and two days' reports."""
    for number in range(60):
        prompt, kind, model, cost = _WORK[number % len(_WORK)]
        age = timedelta(minutes=11 * number + 12)
        ended = to_text(datetime.now(UTC) - age + timedelta(seconds=4))
        fields = {"metadata": {"ticket": f"PAY-{300 + number}", "agent": "ci"}, "sender": "key:ci", "ended_at": ended}
        put_task(
            aws, f"t-{number:03}", prompt, age=age, type=kind, model=model, cost_nano=cost,
            answer=Payload(inline=ANSWER), **fields,
        )  # fmt: skip
    put_task(aws, "t-new", "Summarise the incident of Tuesday", status=Status.CLAIMED, type=TaskType.SUMMARY)
    put_task(
        aws, "t-split", "Ticket PAY-7: a parser, its tests and a page about it", status=Status.WAITING,
        type=TaskType.ORCHESTRATION, age=timedelta(minutes=3),
        deadline=to_text(datetime.now(UTC) + timedelta(hours=20)),
    )  # fmt: skip
    put_task(aws, "t-late", "Review the schema", status=Status.FAILED, reason="deadline", age=timedelta(minutes=8))
    began = datetime.now(UTC) - timedelta(minutes=5)
    sonnet = {"model": "claude-sonnet-5-5", "effort": "high"}
    keys = [
        attempt_rows(
            aws, "t-review", began + timedelta(seconds=2), 1, **sonnet, outcome="unavailable", detail="529 overloaded",
            milliseconds=900, cost_nano=0, cost_known=True,
        ),
        attempt_rows(
            aws, "t-review", began + timedelta(seconds=12), 2, **sonnet, outcome="answered", milliseconds=26_400,
            cost_nano=28_415_000, cost_known=True, input=2_140, output=1_790, thinking=960,
        ),
    ]  # fmt: skip
    put_task(
        aws, "t-review", "Why does checkout deadlock under load, and only on Mondays?", age=timedelta(minutes=5),
        type=TaskType.COMPLEX_DEBUGGING, model="claude-sonnet-5-5", cost_nano=28_415_000, sender="key:ci",
        answer=Payload(inline=ANSWER), metadata={"ticket": "PAY-311", "agent": "ci"}, effort="high", rows=keys,
        ended_at=to_text(began + timedelta(seconds=39)), delivered_at=to_text(began + timedelta(seconds=39)),
        decision=Decision(
            TaskType.COMPLEX_DEBUGGING, Tier.REASONING, Source.LOCAL, 0.91, "asks for the cause of a failure",
            ("why does", "deadlock", "under load"),
        ),
    )  # fmt: skip
    letters = connection.runtime.part(build_replay).dead_letters
    for task_id, body in (("t-typo", {"prompt": "Build the page", "tier": "best"}), ("t-blank", {"prompt": " "})):
        told = {"code": "invalid_task", "reason": "tier: must be one of the tiers", "message_id": f"m-{task_id}"}
        letters.put(json.dumps({**body, "task_id": task_id}), {**told, "task_id": task_id}, f"m-{task_id}")
    today = datetime.now(UTC).astimezone(connection.settings.zone).date()
    for back in (2, 1):
        connection.runtime.part(build_reporting).publish(today - timedelta(days=back))


@contextmanager
def tour(folder: Path, seconds: int = 1) -> Iterator[Tour]:
    """Yield the pages of a stack with a day's tasks; a live page looks every so many seconds."""
    with empty_account() as aws, pytest.MonkeyPatch.context() as patch:
        connection = stack_connection(aws, folder / "state", patch)
        object.__setattr__(connection, "name", "the local stack")
        deployed = json.loads(connection.config_text)
        deployed["agents"]["main"]["model"] = "claude-haiku-5-5"
        patch.setattr(config_page, "deployed_config", lambda _: json.dumps(deployed))
        put_a_day(aws, connection)
        window = UiContext(StackLink(lambda: connection), BrowserSession(), "the local stack", (), seconds=seconds)
        with served(window) as address, browser_tab(folder / "profile") as tab:
            tab.open(address)
            yield Tour(aws, connection, window, address.partition("/open")[0], tab)


@contextmanager
def served(window: UiContext) -> Iterator[str]:
    """Serve the pages; yield the address to open."""
    listener = listening_socket(0)
    server = page_server(window, listener)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield opening_address(window, listener)
    finally:
        server.should_exit = True
        thread.join(10)
