"""Tasks under a random mix of all that providers, and what stands in front of them, have been seen to answer.

In real time against the fake providers. What is known of the models is deleted every other second, as if every account
were mended and every pause over: so no preset keeps the others from being met.
"""

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from devstack.fake_providers.presets import PRESETS
from pointsman.services.intake import QueueMessage
from pointsman.values.status import Status
from tests.support.attempts import GEMINI, HAIKU, SHIPPED, SONNET
from tests.support.aws import TABLES, Aws, OneAtATime
from tests.support.fake_providers import FakeProviders
from tests.support.fakes import FakeWorkflow
from tests.support.figures import SOAK, Figures
from tests.support.in_process import PatientClock, Player, assert_ledger_agrees, in_process

TASKS = int(os.environ.get("POINTSMAN_SOAK_TASKS", "1000" if SOAK else "90")) // 2
SEED = 13
FLASH = "gemini-3.8-flash"
CHAINS = {"orchestration": [GEMINI, HAIKU], "implementation": [HAIKU, FLASH], "reasoning": [SONNET, FLASH]}
"""Every task may go on to the other provider."""
OPTIONS = {"chains": CHAINS, "budget": {"month_usd": 1000}, "quotas": {GEMINI: {"rpm": 100_000, "rpd": 100_000}}}
UNCERTAIN = {
    "html_200",
    "object_200",
    "error_200",
    "zero_usage",
    "total_above_sum",
    "thinking_above_output",
    "no_usage",
}
"""After these nobody knows what the provider bills."""


def drawn_rules(dice: random.Random, task_id: str, tier: str) -> list[dict[str, Any]]:
    """Return what a task meets: a preset at its first provider, once or twice; in the long form now and then one at the
    other too, after which it waits half a minute.
    """
    first, second = ("gemini", "anthropic") if tier == "orchestration" else ("anthropic", "gemini")
    rules = [_rule(dice, task_id, first, times=dice.choice([1, 1, 2]))]
    return [*rules, _rule(dice, task_id, second, times=1)] if SOAK and dice.random() < 0.3 else rules


def _rule(dice: random.Random, task_id: str, provider: Any, times: int) -> dict[str, Any]:
    preset = dice.choice([name for name, preset in PRESETS.items() if provider in preset.actions])
    return {"provider": provider, "action": {"preset": preset}, "contains": f"({task_id})", "times": times}


@contextmanager
def mended_accounts(session: OneAtATime) -> Iterator[None]:
    """Delete what is known of the models every other second."""
    dynamodb, over = session.client("dynamodb"), threading.Event()

    def mend() -> None:
        while not over.wait(2):
            for item in dynamodb.scan(TableName=TABLES.limits)["Items"]:
                if item["limit"]["S"].startswith("model#"):
                    dynamodb.delete_item(TableName=TABLES.limits, Key={"limit": item["limit"]})

    thread = threading.Thread(target=mend)
    thread.start()
    yield
    over.set()
    thread.join()


def test_every_task_ends_as_its_kind_says(standin: FakeProviders, session: OneAtATime, figures: Figures) -> None:
    dice = random.Random(SEED)
    tiers = {f"t-{number}": dice.choice(list(CHAINS)) for number in range(TASKS)}
    standin.control("POST", "faults", [rule for task, tier in tiers.items() for rule in drawn_rules(dice, task, tier)])
    urls = {"google_gemini_base_url": f"{standin.url}/gemini", "anthropic_base_url": f"{standin.url}/anthropic"}
    settings = Aws(session, TABLES, "data", "", event_bus="bus").settings(**urls)
    app = in_process(settings, json.dumps({**SHIPPED, "pointsman": OPTIONS}), session, PatientClock())
    workflow = FakeWorkflow()
    app.runtime.stores.__dict__["workflow"] = workflow
    player, took = Player(app, PatientClock(), workflow.executions.__getitem__), list[float]()

    def play(task_id: str) -> None:
        began = time.monotonic()
        message = {"prompt": f"Do it ({task_id}).", "task_id": task_id, "tier": tiers[task_id]}
        player.route_messages(QueueMessage(f"m-{task_id}", json.dumps(message)))
        player.play(task_id)
        took.append(time.monotonic() - began)

    with mended_accounts(session), ThreadPoolExecutor(96 if SOAK else 24) as pool:
        list(pool.map(play, tiers))

    journal = standin.requests()
    assert_ledger_agrees(app, journal, player.clock.now())  # each request has one row
    wrong, met = dict[str, Any](), Counter[str]()
    for task_id in tiers:
        task = player.task(task_id)
        requests = [entry for entry in journal if entry["attempt"].startswith(f"{task_id}.")]
        faults = {entry["fault"].removeprefix("preset:") for entry in requests if entry["fault"]}
        met.update(faults)
        refused = any(PRESETS[fault].kind == "content" for fault in faults)
        ended = (task.status, task.reason in ("refused", "blocked") if refused else task.reason)
        should = (Status.FAILED, True) if refused else (Status.COMPLETED, None)
        if ended != should or task.cost_known == bool(faults & UNCERTAIN):
            wrong[task_id] = (faults, task.status, task.reason, task.cost_known)
    verdict = standin.control("GET", "verdict")
    figures |= {
        "tasks": TASKS,
        "requests": len(journal),
        "presets met": f"{len(met)} of {len(PRESETS)}",
        "slowest task, seconds": round(max(took), 1),
        "verdict": {key: verdict[key] for key in ("passed", "attempts", "faults_injected", "errors", "warnings")},
    }
    assert wrong == {}
    assert player.crashes == []
    assert verdict["errors"] == 0, [one for one in verdict["findings"] if one["severity"] == "error"]
