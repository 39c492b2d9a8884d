"""The operator's first commands on the deployed local stack: `doctor`, and `init` at a terminal."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman.values.status import Status
from pointsman_cli import stacks
from pointsman_cli.main import main
from tests.support.local_stack import TASK_SECONDS, Stack, eventually
from tests.support.schemas import check_document

pytestmark = pytest.mark.stack

KEYS = {"gemini": "gemini-key-typed-4711", "anthropic": "claude-key-typed-0815"}


def test_doctor_checks_everything_that_the_emulator_has(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stacks, "connect", lambda *_: stacks.connect_to_local(stack.info))
    code = main(["doctor", "--drift", "--json"])
    checkup = json.loads(capsys.readouterr().out)
    check_document("doctor", checkup)
    assert code == (0 if checkup["ok"] else 5)
    state = {(finding["check"], finding["subject"]): finding["state"] for finding in checkup["findings"]}
    drift = [("drift", "pointsman"), ("drift", "openclaw.json")]
    for good in [("stack", "pointsman"), *drift, ("key", "gemini"), ("key", "anthropic"), ("queue", "router")]:
        assert state[good] == "ok", checkup
    assert {state["alarms", "recipients"], state["clock", "this machine"]} == {"not checked"}
    assert state["alarms", "supervisor"] == "to do", "this stack has none"
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


def test_task_is_listed_watched_cancelled_and_run_anew(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(stacks, "connect", lambda *_: stacks.connect_to_local(stack.info))

    def run(name: str, *arguments: str) -> Any:
        capsys.readouterr()
        assert main([name, *arguments, "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        check_document(name, document)
        return document

    stack.delete_model_health()
    stack.fault("anthropic", {"rate_limit": {"retry_after": 40}}, times=1)
    task_id = stack.send(prompt="Which way does the night train go?", tier="reasoning", metadata={"ticket": "OPS-77"})
    resting = eventually(lambda: run("list", "--ticket", "OPS-77", "--status", "resting")["tasks"], "the task to rest")
    assert [(row["task_id"], row["waiting_for"]["what"]) for row in resting] == [(task_id, "rate_limit")]
    terminal = Terminal(stack, "watch", "--stack", stack.info.stack_name, "--status", "resting", columns=60)
    terminal.shows(task_id)
    terminal.interrupt()
    assert (terminal.ended(), "Traceback" in terminal.screen) == (0, False), terminal.screen
    (cancelled,) = run("cancel", "@1")["tasks"]
    assert (cancelled["task_id"], cancelled["result"]) == (task_id, "cancelled")
    assert stack.tasks.read(task_id).delivered_at  # type: ignore[union-attr]
    assert stack.status(stack.execution(task_id)) == "ABORTED"
    stack.delete_model_health()
    again = run("rerun", task_id, "--tier", "implementation")["task_id"]
    assert run("result", again, "--wait")["status"] == "completed"
    assert (run("status", again)["rerun_of"], run("status", task_id)["status"]) == (task_id, "cancelled")
    assert (stack.ended(again).status, stack.requests(task_id)[1:]) == (Status.COMPLETED, [])
    assert [row["status"] for row in run("list", "--ticket", "OPS-77")["tasks"]] == ["completed", "cancelled"]
    assert run("correct", again, "--type", "status")["rerun"] is None
    queued = run("cancel", f"later-{again}")["tasks"][0]["result"]
    stack.send(task_id=f"later-{again}", prompt="Too late.", tier="reasoning")
    assert (queued, stack.ended(f"later-{again}").status) == ("not_received", Status.CANCELLED)


class Terminal:
    """A command at a pseudo-terminal, and all that was on its screen."""

    def __init__(self, stack: Stack, *arguments: str, columns: int = 80) -> None:
        self._master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, columns))
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GEMINI_"))}
        before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background has it ignored
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pointsman_cli.main", *arguments],
            env={**environ, **stack.info.environment},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        signal.signal(signal.SIGINT, before)
        os.close(slave)
        self.screen = ""

    def shows(self, words: str) -> None:
        """Read until the words are on the screen."""
        until = time.monotonic() + TASK_SECONDS
        while words not in self.screen:
            assert self._read(until), f"no {words!r} on the screen: {self.screen}"

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        self._process.send_signal(signal.SIGINT)

    def answer(self, question: str, words: str) -> None:
        """Type once the question is on the screen: what was typed before it is thrown away with a hidden one."""
        seen, until = len(self.screen), time.monotonic() + TASK_SECONDS
        while question not in self.screen[seen:]:
            assert self._read(until), f"no {question!r} on the screen: {self.screen}"
        os.write(self._master, f"{words}\n".encode())

    def ended(self) -> int:
        """Return the exit code once the command has ended."""
        until = time.monotonic() + TASK_SECONDS
        while self._read(until):
            assert time.monotonic() < until, f"still running: {self.screen}"
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
