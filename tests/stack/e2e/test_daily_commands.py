"""The commands of an operator's day on the deployed local stack: what is piped in, what is stopped and run anew."""

import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pointsman.values.status import Status
from pointsman_cli import stacks
from pointsman_cli.main import main
from tests.support.local_stack import Stack, eventually
from tests.support.schemas import check_document

pytestmark = pytest.mark.stack


@pytest.fixture
def run(stack: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Run a command with --json, and return its document, held against its schema."""
    monkeypatch.setattr(stacks, "connect", lambda *_: stacks.connect_to_local(stack.info))

    def command(name: str, *arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert main([name, *arguments, "--json"]) == code, capsys.readouterr().err
        document = json.loads(capsys.readouterr().out)
        check_document(name, document)
        return document

    return command


@pytest.fixture
def pipe_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Give the next command a text on stdin, as a shell's pipe does."""
    streams: list[io.TextIOWrapper] = []

    def pipe(content: str) -> None:
        read_end, write_end = os.pipe()
        os.write(write_end, content.encode())
        os.close(write_end)
        streams.append(io.TextIOWrapper(io.BufferedReader(io.FileIO(read_end))))
        monkeypatch.setattr("sys.stdin", streams[-1])

    yield pipe
    for stream in streams:
        stream.close()


def prompt_of(stack: Stack, task_id: str) -> str:
    record = stack.ended(task_id)
    assert record.status is Status.COMPLETED
    assert record.body.inline
    return str(json.loads(record.body.inline)["prompt"])


def test_what_is_piped_in_and_files_reach_the_model(
    stack: Stack,
    run: Callable[..., Any],
    pipe_in: Callable[[str], None],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stack.delete_model_health()
    kind = ("--type", "code_generation")
    pipe_in("def half(x): return x / 2\n")
    joined = run("submit", "Write a test for this:", *kind)["task_id"]
    pipe_in('{"tier": "reasoning"} is text here.')
    alone = run("submit", "-", *kind)["task_id"]
    notes, task, lines = tmp_path / "notes.md", tmp_path / "task.json", tmp_path / "tasks.jsonl"
    notes.write_text("# Notes\nWrite the parser.")
    task.write_text(json.dumps({"prompt": "Write the writer.", "type": "code_generation"}))
    pipe_in("")
    files = [run("submit", "--file", str(notes), *kind)["task_id"], run("submit", "--file", str(task))["task_id"]]
    pipe_in("ignored?")
    assert main(["submit", "--file", str(notes)]) == 2
    assert "--file would ignore" in capsys.readouterr().err
    lines.write_text('{"prompt": "Write one."}\n{"promt": "Write none."}\n{"prompt": "Write two."}\n')
    pipe_in("")
    many = ["submit", "--jsonl", str(lines), "--batch", f"b-{joined}", *kind]
    assert main(many) == 2, "nothing is sent when a line is not valid"
    assert "nothing was sent" in capsys.readouterr().err
    assert main([*many, "--continue"]) == 2
    printed = capsys.readouterr()
    first = printed.out.split()
    assert (len(first), "line 2" in printed.err) == (2, True)
    assert main([*many, "--continue"]) == 2
    assert capsys.readouterr().out.split() == first, "the same tasks, which are not repeated"
    sent = {task_id: prompt_of(stack, task_id) for task_id in [joined, alone, *files, *first]}
    assert list(sent.values()) == [
        "Write a test for this:\n\ndef half(x): return x / 2\n",
        '{"tier": "reasoning"} is text here.',
        "# Notes\nWrite the parser.",
        "Write the writer.",
        "Write one.",
        "Write two.",
    ]
    assert all(len(stack.requests(task_id)) == 1 for task_id in sent)


def is_waiting(stack: Stack, task_id: str) -> bool:
    record = stack.tasks.read(task_id)
    return record is not None and record.status is Status.WAITING


def test_task_is_cancelled_in_every_state(stack: Stack, run: Callable[..., Any]) -> None:
    stack.delete_model_health()
    stack.fault("anthropic", {"delay": {"seconds": 6}}, contains="under way", times=1)
    called = stack.send(prompt="Write what is under way.", tier="implementation")
    stack.fault("anthropic", {"rate_limit": {"retry_after": 45}}, contains="subtask that rests")
    prompt = "Have this done:\n- Write a subtask that rests\n- Document a subtask that rests"
    parent = stack.send(prompt=prompt, type="orchestration", split=True)
    eventually(
        lambda: record if (record := stack.tasks.read(called)) and record.open_intent else None, "the call to begin"
    )
    (row,) = run("cancel", called)["tasks"]
    assert row["result"] == "cancelling"
    assert run("status", called)["status"] in ("cancelling", "cancelled")
    eventually(lambda: True if is_waiting(stack, parent) else None, "the parent to wait")
    assert run("status", parent)["status"] == "waiting"
    parts = [f"{parent}-s01", f"{parent}-s02"]
    for part in parts:
        eventually(lambda part=part: stack.requests(part) or None, "its subtasks to be called")  # type: ignore[misc]
    (row,) = run("cancel", parent)["tasks"]
    assert (row["result"], row["subtasks"]) == ("cancelled", 2)
    for task_id in [parent, *parts]:
        assert stack.ended(task_id).status is Status.CANCELLED
        assert stack.status(stack.execution(task_id)) in ("ABORTED", "SUCCEEDED")
    ended = stack.ended(called)
    assert (ended.status, ended.open_intent) == (Status.CANCELLED, None)
    assert ended.cost_nano > 0, "what was billed is booked"
    (row,) = run("cancel", called)["tasks"]
    assert row["result"] == "ended_before"


def test_misrouted_task_is_corrected_and_run_anew(stack: Stack, run: Callable[..., Any]) -> None:
    stack.delete_model_health()
    task_id = stack.send(prompt="Describe the signal box.", type="code_generation")
    assert stack.ended(task_id).status is Status.COMPLETED
    assert run("rerun", task_id, "--model", "claude-sonnet-5-5")["model"] == "claude-sonnet-5-5"
    corrected = run("correct", task_id, "--type", "documentation", "--rerun")
    again = corrected["rerun"]["task_id"]
    ended = run("result", again, "--wait")
    assert (ended["status"], ended["type"]) == ("completed", "documentation")
    assert run("status", again)["rerun_of"] == task_id
    assert run("status", task_id)["correction"]["type"] == "documentation"
