"""The pages of `pointsman ui` over a stack on moto, and a browser that has opened them: Starlette's test client."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from pointsman.adapters.dynamo import pack
from pointsman.adapters.task_item import to_item
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.records import Payload, TaskRecord
from pointsman.routing.decision import Decision, Source
from pointsman.values.status import Status
from pointsman.values.taxonomy import TIER_OF, TaskType
from pointsman.values.times import to_text
from pointsman_cli import openclaw
from pointsman_cli.stacks import StackConnection
from pointsman_cli.ui.browser_session import BrowserSession
from pointsman_cli.ui.routes import ui_app
from pointsman_cli.ui.ui_context import StackLink, UiContext
from tests.support.aws import TABLES, Aws
from tests.support.fakes import FakeWorkflow

PORT = 8765
ORIGIN = f"http://127.0.0.1:{PORT}"


def stack_connection(aws: Aws, folder: Path, patch: pytest.MonkeyPatch, **settings: Any) -> StackConnection:
    """Return a connection to the stack, whose workflow is played; what it knows of its tasks goes into the folder."""
    patch.setenv("XDG_STATE_HOME", str(folder))
    url = aws.client("sqs").create_queue(QueueName="tasks")["QueueUrl"]
    made = StackConnection(
        "the test stack", aws.session, aws.settings(task_queue_url=url, **settings), {}, openclaw.read_config(None)
    )
    made.runtime.stores.__dict__["workflow"] = FakeWorkflow()
    return made


def put_task(aws: Aws, task_id: str, prompt: str = "Which way?", **fields: Any) -> TaskRecord:
    """Store a task as the router does."""
    kind = fields.pop("type", TaskType.STATUS)
    at = datetime.now(UTC) - fields.pop("age", timedelta())
    record = TaskRecord(
        task_id,
        fields.pop("status", Status.COMPLETED),
        received_at=to_text(at),
        decision=fields.pop("decision", Decision(kind, TIER_OF[kind], Source.LOCAL, 0.93, "it asks", ("which",))),
        body=fields.pop("body", Payload(inline=json.dumps({"prompt": prompt}))),
        **fields,
    )
    aws.client("dynamodb").put_item(TableName=TABLES.tasks, Item=to_item(record))
    return record


def attempt_rows(aws: Aws, task_id: str, at: datetime, number: int, **outcome: Any) -> RowKey:
    """Write an attempt's rows into the ledger, as the reservation and the settlement do; return their place."""
    key = RowKey.of(task_id, f"000001.{number:06}", at)
    intent = {
        "day_shard": key.day_shard, "row": key.intent, "kind": "intent", "purpose": "task", "task_id": task_id,
        "turn": key.attempt_id, "at": key.began_at, "billing": "paid", "function": "reasoning", "tier": "reasoning",
        "hop": 0, "reserved_nano": 40_000_000, "model": outcome.pop("model"), "effort": outcome.pop("effort", None),
    }  # fmt: skip
    rows = [{name: value for name, value in intent.items() if value is not None}]
    if outcome:
        rows.append({"day_shard": key.day_shard, "row": key.outcome, "kind": "outcome", **outcome})
    for row in rows:
        aws.client("dynamodb").put_item(TableName=TABLES.usage, Item=pack(row))
    return key


class Window:
    """A browser that has opened the printed address."""

    def __init__(self, connection: StackConnection, *, changes: bool = True, opened: bool = True) -> None:
        self.context = UiContext(StackLink(lambda: connection), BrowserSession(), "the test stack", (), changes)
        self.browser = TestClient(ui_app(self.context, PORT), ORIGIN, follow_redirects=False)
        if opened:
            assert self.get(f"/open?secret={self.context.session.secret}").status_code == 200

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.browser.get(path, headers=headers)

    def page(self, path: str) -> str:
        """Return a page that is there."""
        response = self.get(path)
        assert response.status_code == 200, response.text
        return response.text

    def post(self, path: str, fields: Mapping[str, str], **headers: str) -> httpx.Response:
        """Send a form, as a browser does from one of the pages."""
        return self.browser.post(path, data=dict(fields), headers={"origin": ORIGIN, **headers})

    def send_form(self, shown_at: str, action: str, **fields: str) -> httpx.Response:
        """Fill in the form for `action` on a page, and send it."""
        form = re.search(rf'<form[^>]*action="{re.escape(action)}"[^>]*>(.*?)</form>', self.page(shown_at), re.DOTALL)
        assert form, f"no form for {action} at {shown_at}"
        inputs = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form[1])
        hidden = {name: unescape(value) for name, value in inputs}
        return self.post(action, {**hidden, **fields})
