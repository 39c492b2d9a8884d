"""The operator's first commands on the deployed local stack: `doctor`, and `init` at a terminal."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman_cli import stacks
from pointsman_cli.main import main
from tests.support.local_stack import TASK_SECONDS, Stack, eventually

pytestmark = pytest.mark.stack

KEYS = {"gemini": "gemini-key-typed-4711", "anthropic": "claude-key-typed-0815"}


def test_doctor_checks_everything_that_the_emulator_has(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stacks, "connect", lambda *_: stacks.connect_to_local(stack.info))
    code = main(["doctor", "--drift", "--json"])
    checkup = json.loads(capsys.readouterr().out)
    assert code == (0 if checkup["ok"] else 5)
    state = {(finding["check"], finding["subject"]): finding["state"] for finding in checkup["findings"]}
    drift = [("drift", "pointsman"), ("drift", "openclaw.json")]
    for good in [("stack", "pointsman"), *drift, ("key", "gemini"), ("key", "anthropic"), ("queue", "router")]:
        assert state[good] == "ok", checkup
    assert {state["alarms", "all"], state["clock", "this machine"]} == {"not checked"}
    assert {"model", "quota", "budget"} <= {check for check, _ in state}


def test_status_says_what_a_task_waits_for(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stacks, "connect", lambda *_: stacks.connect_to_local(stack.info))

    def shown() -> dict[str, Any]:
        assert main(["status", "rests", "--json"]) == 0
        document: dict[str, Any] = json.loads(capsys.readouterr().out)
        return document

    stack.fault("anthropic", {"rate_limit": {"retry_after": 5}}, times=1)
    stack.send(task_id="rests", prompt="Which way?", tier="reasoning")
    eventually(lambda: stack.tasks.read("rests"), "the task to be claimed")
    resting = eventually(lambda: task if (task := shown())["waiting_for"] else None, "the task to rest")
    waiting = resting["waiting_for"]
    assert (resting["status"], waiting["what"], waiting["model"]) == ("resting", "rate_limit", "claude-sonnet-5-5")
    seconds = datetime.fromisoformat(waiting["until"]) - datetime.now(UTC)
    assert timedelta(0) < seconds < timedelta(seconds=6)
    eventually(lambda: True if shown()["status"] == "completed" else None, "the task to go on")
    assert shown()["waiting_for"] is None


class Terminal:
    """A command at a pseudo-terminal, and all that was on its screen."""

    def __init__(self, stack: Stack, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GEMINI_"))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pointsman_cli.main", *arguments],
            env={**environ, **stack.info.environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.screen = ""

    def answer(self, question: str, words: str) -> None:
        """Type once the question is on the screen: what was typed before it is thrown away with a hidden one."""
        seen, until = len(self.screen), time.monotonic() + TASK_SECONDS
        while question not in self.screen[seen:]:
            assert self._read(until), f"no {question!r} on the screen: {self.screen}"
        os.write(self._master, f"{words}\n".encode())

    def ended(self) -> int:
        """Return the exit code once the command has ended."""
        while self._read(time.monotonic() + TASK_SECONDS):
            pass
        os.close(self._master)
        return self._process.wait(TASK_SECONDS)

    def _read(self, until: float) -> bool:
        if not select.select([self._master], [], [], max(until - time.monotonic(), 0))[0]:
            return False
        try:
            data = os.read(self._master, 4096)
        except OSError:  # so Linux says that nobody has the other end open
            return False
        self.screen += data.decode(errors="replace")
        return bool(data)


def test_keys_are_typed_without_echo_and_stored_as_secure_strings(stack: Stack) -> None:
    terminal = Terminal(stack, "init", "--keys-only", "--stack", "typed")
    terminal.answer("AWS region [us-east-1]", "Frankfurt")
    terminal.answer("AWS region [us-east-1]", "us-east-1")
    for provider, key in KEYS.items():
        terminal.answer(f"{provider} API key", key)
    terminal.answer("Continue?", "y")
    assert terminal.ended() == 0, terminal.screen
    assert "is not an AWS region" in terminal.screen
    assert not any(key in terminal.screen for key in KEYS.values())
    names = [f"/typed/{provider}-api-key" for provider in KEYS]
    parameters = stack.client("ssm").get_parameters(Names=names, WithDecryption=True)["Parameters"]
    assert {parameter["Value"] for parameter in parameters} == set(KEYS.values())
    assert {parameter["Type"] for parameter in parameters} == {"SecureString"}
