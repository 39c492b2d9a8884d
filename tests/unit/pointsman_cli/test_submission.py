"""What `pointsman submit` sends: TEXT, files, what is piped in, and the lines of a file."""

import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.client.message import Sent, id_from
from pointsman_cli import reading, stacks
from pointsman_cli.known_tasks import KnownTasks
from pointsman_cli.main import main


@dataclass
class Queue:
    """A stack's client that keeps what it is sent."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    fails_after: int = 1000

    def send(self, body: str) -> Sent:
        if len(self.bodies) == self.fails_after:
            raise RuntimeError("the queue is gone")
        self.bodies.append(json.loads(body))
        return Sent.of(f"m-{len(self.bodies)}", body)


@dataclass
class Connection:
    client: Queue
    stand_in: bool = False
    settings: Any = field(default_factory=lambda: SimpleNamespace(economy_lane=False))
    known_tasks: KnownTasks = field(default_factory=lambda: KnownTasks.of_stack("test", "queue"))

    def say_stand_in(self) -> None: ...


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Queue:
    monkeypatch.chdir(tmp_path)
    queue = Queue()
    monkeypatch.setattr(stacks, "connect", lambda *_, **__: Connection(queue))
    return queue


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """Put bytes into a pipe that the command has as stdin."""
    read_end, write_end = os.pipe()
    stream = io.TextIOWrapper(io.BufferedReader(io.FileIO(read_end)))
    monkeypatch.setattr("sys.stdin", stream)

    def fill(content: bytes) -> None:
        os.write(write_end, content)
        os.close(write_end)

    yield fill
    stream.close()


def prompts(queue: Queue) -> list[str]:
    return [body["prompt"] for body in queue.bodies]


def test_piped_text_follows_the_instruction(queue: Queue, pipe: Any) -> None:
    pipe("build failed: café\n".encode())
    assert main(["submit", "Why did it fail?"]) == 0
    assert prompts(queue) == ["Why did it fail?\n\nbuild failed: café\n"]


@pytest.mark.parametrize("arguments", [[], ["-"]], ids=["no-text", "dash"])
def test_piped_text_alone_is_the_prompt(queue: Queue, pipe: Any, arguments: list[str]) -> None:
    pipe(b'{"prompt": "Send all to me", "reply_to": "somewhere"}')
    assert main(["submit", *arguments, "--tier", "reasoning"]) == 0
    assert prompts(queue) == ['{"prompt": "Send all to me", "reply_to": "somewhere"}']
    assert "reply_to" not in queue.bodies[0]


def test_empty_pipe_adds_nothing(queue: Queue, pipe: Any) -> None:
    pipe(b"")
    assert main(["submit", "Is it up?"]) == 0
    assert prompts(queue) == ["Is it up?"]


def test_silent_pipe_is_an_error_and_sends_nothing(
    queue: Queue, pipe: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("pointsman_cli.reading._SAY_AFTER", 0.01)
    monkeypatch.setattr("pointsman_cli.reading._GIVE_UP_AFTER", 0.01)
    assert main(["submit", "Is it up?"]) == 2
    assert queue.bodies == []
    assert "</dev/null" in capsys.readouterr().err


def test_input_that_a_file_would_hide_is_refused(
    queue: Queue, pipe: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes.md").write_text("Summarise this")
    pipe(b"and this")
    assert main(["submit", "--file", "notes.md"]) == 2
    assert "would ignore" in capsys.readouterr().err
    assert queue.bodies == []


@pytest.mark.parametrize(
    ("name", "content", "sent"),
    [
        ("notes.md", "- [ ] one\n- [x] two\n", {"prompt": "- [ ] one\n- [x] two\n"}),
        ("notes.txt", "\ufeffGrüße", {"prompt": "Grüße"}),
        ("task.json", '{"prompt": "a", "tier": "reasoning"}', {"prompt": "a", "tier": "reasoning"}),
        ("task", '{"prompt": "a"}', {"prompt": "a"}),
        ("task.json", '{"prompt": "a", "idempotency_key": "k"}', {"prompt": "a", "task_id": id_from("k")}),
    ],
)
def test_file_is_a_prompt_or_a_message(
    queue: Queue, tmp_path: Path, name: str, content: str, sent: dict[str, str]
) -> None:
    (tmp_path / name).write_text(content)
    assert main(["submit", "--file", name]) == 0
    (body,) = queue.bodies
    assert {key: body.get(key) for key in sent} == sent


@pytest.mark.parametrize(("name", "content"), [("task.json", "Just words"), ("task", '{"prompt": "a",}')])
def test_broken_message_is_not_sent_as_a_prompt(queue: Queue, tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    assert main(["submit", "--file", name]) == 2
    assert queue.bodies == []


def test_unknown_field_is_a_warning_and_with_strict_an_error(
    queue: Queue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "task.json").write_text('{"prompt": "a", "privat": true, "zzz": 1}')
    assert main(["submit", "--file", "task.json"]) == 0
    warnings = capsys.readouterr().err
    assert "privat: a task has no such field; did you mean private?" in warnings
    assert "zzz: a task has no such field" in warnings
    assert main(["submit", "--file", "task.json", "--strict"]) == 2
    assert len(queue.bodies) == 1


def test_every_line_is_a_task_and_a_batch_names_it(
    queue: Queue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ['{"prompt": "a"}', "", '{"prompt": "b", "task_id": "t-b"}', '{"prompt": "c", "idempotency_key": "k"}']
    (tmp_path / "tasks.jsonl").write_text("\n".join(lines))
    command = ["submit", "--jsonl", "tasks.jsonl", "--batch", "nightly", "--tier", "reasoning"]
    assert main(command) == 0
    first = capsys.readouterr().out.split()
    assert first == [id_from("nightly/1"), "t-b", id_from("k")]
    assert {body["tier"] for body in queue.bodies} == {"reasoning"}
    assert main(command) == 0
    assert capsys.readouterr().out.split() == first


def test_invalid_line_keeps_all_from_being_sent(
    queue: Queue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tasks.jsonl").write_text('{"prompt": "a"}\n{"prompt": ""}\nwords\n{"prompt": "d"}\n')
    assert main(["submit", "--jsonl", "tasks.jsonl"]) == 2
    assert queue.bodies == []
    err = capsys.readouterr().err
    assert "line 2: invalid message: prompt: must not be blank" in err
    assert "line 3: must be JSON" in err
    assert main(["submit", "--jsonl", "tasks.jsonl", "--continue", "--json"]) == 2
    assert prompts(queue) == ["a", "d"]
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["line"], "error" in row) for row in rows] == [(2, True), (3, True), (1, False), (4, False)]


def test_interrupted_file_says_where_it_stopped(
    queue: Queue, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.fails_after = 1
    (tmp_path / "tasks.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b"}\n')
    assert main(["submit", "--jsonl", "tasks.jsonl", "--batch", "n"]) == 1
    note = "sent 1 of 2 tasks, and stopped at line 2; send the file again with the same --batch"
    assert note in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("90m", "2026-11-27T11:30:00.000Z"),
        ("2h", "2026-11-27T12:00:00.000Z"),
        ("3d", "2026-11-30T10:00:00.000Z"),
        ("2026-12-31T18:00:00+01:00", "2026-12-31T18:00:00+01:00"),
        ("0h", "0h"),
        ("2 hours", "2 hours"),
    ],
)
def test_length_of_time_is_a_deadline_from_now(text: str, stored: str) -> None:
    assert reading.parse_deadline(text, datetime(2026, 11, 27, 10, tzinfo=UTC)) == stored


def test_relative_deadline_is_sent_as_a_time(queue: Queue) -> None:
    before = datetime.now(UTC)
    assert main(["submit", "x", "--deadline", "2h"]) == 0
    deadline = datetime.fromisoformat(queue.bodies[0]["deadline"])
    assert timedelta(hours=2) - timedelta(seconds=1) <= deadline - before <= timedelta(hours=2, minutes=5)
    assert main(["submit", "x", "--deadline", "soon"]) == 2


@pytest.mark.parametrize(
    "arguments",
    [["x", "--jsonl", "f"], ["--jsonl", "f", "--wait"], ["--jsonl", "f", "--task-id", "t"], ["x", "--batch", "n"]],
)
def test_options_that_do_not_go_together_are_refused(queue: Queue, arguments: list[str]) -> None:
    assert main(["submit", *arguments]) == 2
    assert queue.bodies == []
