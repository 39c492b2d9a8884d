"""Ids of tasks that this machine has submitted or listed, so that a prefix, `@last` or `@N` can stand for them.

One small file per stack under the XDG state folder. It holds ids and times, nothing else; without it every command
works with full ids.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pointsman.values.times import parse_time, to_text
from pointsman_cli.errors import BadInputError, NotFoundError

_MOST_KNOWN = 2000
"""Ids that a file keeps, the newest."""
_SHORTEST_PREFIX = 4
"""Characters: a shorter text is taken for a whole id."""
_NAMED = 5
"""Ids that an error names."""
_QUEUED_FOR = timedelta(days=4)
"""How long the queue keeps a message."""


@dataclass(slots=True)
class _Known:
    """The file's content."""

    submitted: dict[str, str] = field(default_factory=dict)
    """When, by id, the oldest first."""
    listed: list[str] = field(default_factory=list)
    """The last list, in its order."""
    seen: list[str] = field(default_factory=list)
    """Ids of earlier lists."""


class KnownTasks:
    """The ids that this machine knows of one stack."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @classmethod
    def of_stack(cls, name: str, place: str) -> "KnownTasks":
        """Return those of a stack, whose name need not be unique as its place is."""
        return cls(state_folder() / f"{name}-{hashlib.sha256(place.encode()).hexdigest()[:12]}.json")

    def submitted(self, task_ids: Sequence[str]) -> None:
        """Remember ids that were just submitted, in this order."""
        now = to_text(datetime.now(UTC))

        def add(known: _Known) -> None:
            for task_id in task_ids:
                known.submitted.pop(task_id, None)
                known.submitted[task_id] = now

        self._change(add)

    def listed(self, task_ids: Sequence[str]) -> None:
        """Remember the rows of a list, in its order."""

        def add(known: _Known) -> None:
            known.seen = list(dict.fromkeys([*known.seen, *known.listed]))
            known.listed = list(task_ids)

        self._change(add)

    def recently_submitted(self, since: datetime) -> dict[str, datetime]:
        """Return when this machine submitted tasks that the queue may still hold, by id, the newest first."""
        known, oldest = self._read(), max(since, datetime.now(UTC) - _QUEUED_FOR)
        times = {task_id: parse_time(at) for task_id, at in reversed(known.submitted.items())}
        return {task_id: at for task_id, at in times.items() if at >= oldest}

    def full_id(self, text: str, exists: Callable[[str], bool]) -> str:
        """Return the id that `text` stands for: itself, `@last`, `@N`, or the one known id that begins with it.

        Args:
            text: As typed.
            exists: Says whether the stack has a task of that very id, which then is meant.

        Raises:
            NotFoundError: This machine has not submitted or listed so many.
            BadInputError: Several ids begin so.
        """
        if text.startswith("@"):
            return self._numbered(text)
        known = self._read()
        ids = set(known.submitted) | set(known.listed) | set(known.seen)
        if text in ids or len(text) < _SHORTEST_PREFIX:
            return text
        matches = sorted(task_id for task_id in ids if task_id.startswith(text))
        if not matches or exists(text):
            return text
        if len(matches) > 1:
            named = ", ".join(matches[:_NAMED]) + (", …" if len(matches) > _NAMED else "")
            raise BadInputError(f"{text} is the beginning of {len(matches)} ids: {named}")
        return matches[0]

    def _numbered(self, text: str) -> str:
        known, name = self._read(), text.removeprefix("@")
        if name == "last":
            if known.submitted:
                return list(known.submitted)[-1]
            raise NotFoundError("@last: this machine has submitted no task to this stack")
        if not (name.isascii() and name.isdecimal() and int(name) > 0):
            raise BadInputError(f"{text}: must be @last, or @ and the number of a row of `pointsman list`")
        if int(name) > len(known.listed):
            rows = f"the last `pointsman list` on this machine had {len(known.listed)} tasks"
            raise NotFoundError(f"{text}: {rows if known.listed else 'run `pointsman list` first'}")
        return known.listed[int(name) - 1]

    def _read(self) -> _Known:
        """Return the content; an absent or broken file knows nothing."""
        with suppress(OSError, ValueError, TypeError, LookupError):
            content: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
            return _Known(dict(content["submitted"]), list(content["listed"]), list(content["seen"]))
        return _Known()

    def _change(self, change: Callable[[_Known], None]) -> None:
        """Carry out a change, one process at a time; where the folder cannot be written, nothing is remembered."""
        with suppress(OSError), self._lock():
            known = self._read()
            change(known)
            content = {
                "submitted": dict(list(known.submitted.items())[-_MOST_KNOWN:]),
                "listed": known.listed[:_MOST_KNOWN],
                "seen": known.seen[-_MOST_KNOWN:],
            }
            new = self._file.with_suffix(f".{os.getpid()}.tmp")
            new.write_text(json.dumps(content), encoding="utf-8")
            new.replace(self._file)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def state_folder() -> Path:
    """Return the folder for what a machine remembers, by the XDG base directory specification."""
    stated = os.environ.get("XDG_STATE_HOME", "")
    base = Path(stated) if Path(stated).is_absolute() else Path.home() / ".local" / "state"
    return base / "pointsman"
