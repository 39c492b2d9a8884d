"""The front door on the deployed local stack, asked by the clients that people have: `make clients`."""

import hashlib
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
SLOW_SECONDS = 6
"""Of the provider's answer to a request that is sent again meanwhile."""
pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(
        not all((folder / ".stamp").is_file() for folder in (PYTHON, NPM)),
        reason="the clients are not installed: `make clients` does it",
    ),
]
HEAD, AFTER = (TABLE.read_text().partition(part)[place] for part, place in (("| client", 0), ("\n\naider", 2)))


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
    calls = _calls(stack, [entry["prompt"] for entry in outcomes if entry["row"] == "retry"])
    assert set(calls.values()) == {1}
    TABLE.write_text(HEAD + _table(outcomes, runs[0]["versions"] | runs[1]["versions"]) + "\naider" + AFTER)


def _run(command: tuple[Path, ...], environment: dict[str, str]) -> dict[str, Any]:
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
    assert result.returncode == 0, result.stderr[-2000:]
    outcomes: dict[str, Any] = json.loads(result.stdout[result.stdout.rindex('{"outcomes"') :])
    return outcomes


def _calls(stack: Stack, prompts: list[str]) -> dict[str, int]:
    """Return how often the providers were asked each."""
    hashes = {prompt: hashlib.sha256(prompt.encode()).hexdigest() for prompt in prompts}
    asked = [entry["prompt_sha256"] for entry in stack.control("GET", "journal")["requests"]]
    return {prompt: asked.count(prompt_hash) for prompt, prompt_hash in hashes.items()}


def _table(outcomes: list[dict[str, Any]], versions: dict[str, str]) -> str:
    rows: dict[str, list[str]] = {}
    for entry in outcomes:
        rows.setdefault(entry["client"], []).append(entry["row"])
    lines = ["| client | version | works | sent again |", "|---|---|---|---|"]
    for client, names in rows.items():
        works = ", ".join(name for name in names if name not in ("retry", "tools"))
        lines.append(f"| {client} | {versions[client]} | {works} | {'once' if 'retry' in names else ''} |")
    return "\n".join(lines) + "\n"
