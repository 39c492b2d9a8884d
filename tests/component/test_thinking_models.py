"""Fake models that spend any cap on thinking unless it is off, through the real SDKs: two calls answer every task."""

import json
from pathlib import Path
from typing import Any

import pytest

from pointsman.services.intake import QueueMessage
from pointsman.values.status import Status
from tests.support.attempts import SHIPPED
from tests.support.aws import Aws
from tests.support.fake_providers import start, stop
from tests.support.fakes import FakeWorkflow
from tests.support.in_process import LeapClock, Player, in_process

FIELDS: list[dict[str, Any]] = [
    *({"effort": effort} for effort in (None, "none", "low", "xhigh", "max")),
    {"max_output_tokens": 50},
    {"private": True},
]


def test_every_task_is_answered_within_two_calls(aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.setenv(key, "a-key")
    providers = start(tmp_path)
    try:
        providers.fault("anthropic", {"thinking": "all"})
        urls = {"google_gemini_base_url": f"{providers.url}/gemini", "anthropic_base_url": f"{providers.url}/anthropic"}
        clock, workflow = LeapClock(), FakeWorkflow()
        app = in_process(aws.settings(**urls), json.dumps(SHIPPED), aws.session, clock)
        app.runtime.stores.__dict__["workflow"] = workflow
        player = Player(app, clock, workflow.executions.__getitem__)
        for tier in ("implementation", "reasoning"):
            for number, fields in enumerate(FIELDS):
                task = {"prompt": "Explain it.", "task_id": f"{tier}-{number}", "tier": tier, **fields}
                player.route_messages(QueueMessage(f"m-{tier}-{number}", json.dumps(task)))
        unclear = {"prompt": "Can somebody have a look at the thing from yesterday please?", "private": True}
        player.route_messages(QueueMessage("m-unclear", json.dumps({**unclear, "task_id": "unclear"})))
        for task_id in list(workflow.executions):
            player.play(task_id)
        records = [player.task(task_id) for task_id in workflow.executions]
        assert len(records) == 2 * len(FIELDS) + 1
        assert {record.status for record in records} == {Status.COMPLETED}
        assert max(record.attempts for record in records) == 2
        assert {record.effort for record in records} == {"none"}
        assert providers.control("GET", "verdict")["errors"] == 0
    finally:
        stop(providers)
