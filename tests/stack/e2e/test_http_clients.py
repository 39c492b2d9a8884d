"""The front door on the deployed local stack, asked by the clients that people have: `make clients`."""

import json
import os
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.local_stack import Stack
from tests.support.paths import ROOT

PYTHON, NPM = ROOT / ".tools/clients", ROOT / ".tools/npm-clients"
COMMANDS = (
    (PYTHON / "bin/python", ROOT / "tests/support/http_clients.py"),
    (NPM / "node/bin/node", ROOT / "tests/support/http_clients.mjs", NPM),
)
TABLE = ROOT / "docs/ways/clients.md"
HAIKU = "claude-haiku-5-5"
SLOW_SECONDS = 6
"""Of the provider's answer to a request that is sent again meanwhile."""
pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(
        not all((folder / ".stamp").is_file() for folder in (PYTHON, NPM)),
        reason="the clients are not installed: `make clients` does it",
    ),
]
HEAD = TABLE.read_text().partition("| client")[0]
ABSENT = {"aider": "not tried: its newest release for Python 3.13, 0.16.0, pins a numpy without a wheel for it"}
"""Clients that cannot be installed, and why."""


def test_every_client_gets_what_it_asks_for_and_nothing_is_paid_twice(stack: Stack) -> None:
    mark = f"m{uuid.uuid4().hex[:8]}"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(stack.info.state_dir),
        "BASE_URL": stack.chat_api_url,
        "API_KEY": stack.api_key,
        "MARK": mark,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    for model in ("pointsman/orchestration", HAIKU):  # a cold start is no client's
        warm = {"model": model, "messages": [{"role": "user", "content": f"Warm up {mark}"}]}
        assert stack.call_chat_api("/v1/chat/completions", warm)[0] == 200
    for provider in ("gemini", "anthropic"):
        stack.fault(provider, {"delay": {"seconds": SLOW_SECONDS}}, contains="retry")
    try:
        with ThreadPoolExecutor() as pool:
            runs = list(pool.map(lambda command: _run(command, environment), COMMANDS))
    finally:
        stack.control("DELETE", "faults")
    outcomes = [outcome for run in runs for outcome in run["outcomes"]]
    assert [run["missing"] for run in runs] == [[], []]
    assert [f"{entry['client']}, {entry['row']}: {entry['error']}" for entry in outcomes if entry["error"]] == []
    again = [entry["prompt"] for entry in outcomes if entry["row"] == "retry"]
    assert {prompt: stack.calls_of(prompt) for prompt in again} == dict.fromkeys(again, 1)
    TABLE.write_text(HEAD + _table(outcomes, runs[0]["versions"] | runs[1]["versions"]))


def _run(command: tuple[Path, ...], environment: dict[str, str]) -> dict[str, Any]:
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    outcomes: dict[str, Any] = json.loads(result.stdout[result.stdout.rindex('{"outcomes"') :])
    return outcomes


def _table(outcomes: list[dict[str, Any]], versions: dict[str, str]) -> str:
    rows: dict[str, list[str]] = {}
    for entry in outcomes:
        rows.setdefault(entry["client"], []).append(entry["row"])
    lines = ["| client | version | works | sent again | tools |", "|---|---|---|---|---|"]
    for client, names in rows.items():
        works = ", ".join(name for name in names if name not in ("retry", "tools"))
        again, tools = "once" if "retry" in names else "", "refused" if "tools" in names else ""
        lines.append(f"| {client} | {versions[client]} | {works} | {again} | {tools} |")
    lines += [f"| {client} | | {why} | | |" for client, why in ABSENT.items()]
    return "\n".join(lines) + "\n"
