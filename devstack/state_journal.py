"""A local stack's state on disk: a file of changes that is written anew when it has outgrown the state.

The state maps keys to JSON values. Each line holds the changes that one response acknowledges, behind their checksum
and size: after a crash all of them are there or none. Only the last line can be torn, since each is on the disk before
the next is written. Like the emulator's script, this runs in MiniStack's own Python and imports nothing else of this
project.
"""

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

type Key = tuple[str, ...]
type State = dict[Key, Any]
type Changes = Mapping[Key, Any]
"""New values by key; None removes the key."""

_SMALLEST_REWRITE = 16 * 1024 * 1024
"""Bytes below which the file is not written anew."""
_HEAD = 18
"""Bytes of a line before its changes."""


class DamagedJournalError(Exception):
    """A line that is not the last one does not match its checksum: the disk has changed it."""


class StateJournal:
    """The file; one process at a time appends to it."""

    def __init__(self, path: Path, *, smallest_rewrite: int = _SMALLEST_REWRITE) -> None:
        """Take the file's path; it is made when it is missing, and is its owner's alone."""
        self._path, self._smallest_rewrite = path, smallest_rewrite
        self._file = -1
        self._size = self._size_at_rewrite = 0

    def load(self) -> State:
        """Return the state, cut off a torn last line, and be ready to append.

        Raises:
            DamagedJournalError: A line before the last one is damaged.
        """
        state: State = {}
        self._path.with_suffix(".new").unlink(missing_ok=True)
        self._open()
        with self._path.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                changes = _read(line)
                if changes is None:
                    if lines.read(1) or len(line) > _stated_size(line):
                        raise DamagedJournalError(f"line {number} of {self._path} is damaged")
                    break
                self._size += len(line)
                _apply(changes, state)
        os.ftruncate(self._file, self._size)
        return state

    def append(self, changes: Changes) -> None:
        """Put the changes on the disk, all or none.

        Raises:
            OSError: They cannot be written; none is there.
        """
        line = _line(changes)
        try:
            _write(self._file, line)
            os.fdatasync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(line)

    @property
    def is_outgrown(self) -> bool:
        """Whether most of the file is out of date, as far as its size tells."""
        return self._size > max(self._smallest_rewrite, 2 * self._size_at_rewrite)

    def rewrite(self, state: Iterable[tuple[Key, Any]]) -> None:
        """Replace the file by one that holds this state, at once.

        Raises:
            OSError: It cannot be written; the file is as it was.
        """
        beside = self._path.with_suffix(".new")
        try:
            with open(beside, "wb", opener=_private) as file:
                for key, value in state:
                    file.write(_line({key: value}))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except OSError:
            beside.unlink(missing_ok=True)
            self._size_at_rewrite = self._size  # tried again when the file has grown as much again
            raise
        os.close(self._file)
        self._size = 0
        self._open()
        self._size = self._size_at_rewrite = os.fstat(self._file).st_size

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _sync_folder(self._path.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Replace a file at once, so that it is there after a loss of power too.

    Raises:
        OSError: It cannot be written.
    """
    beside = path.with_name(f"{path.name}.tmp")
    with open(beside, "wb", opener=_private) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Put the names of a folder's files on the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _line(changes: Changes) -> bytes:
    text = json.dumps([[*key, value] for key, value in changes.items()], separators=(",", ":")).encode()
    return b"%08x %08x %s\n" % (zlib.crc32(text), len(text), text)


def _read(line: bytes) -> State | None:
    """Return a line's changes; None if the line is torn or damaged."""
    text = line[_HEAD:-1]
    if line != b"%08x %08x %s\n" % (zlib.crc32(text), len(text), text):
        return None
    return {tuple(key): value for *key, value in json.loads(text)}


def _stated_size(line: bytes) -> int:
    """Return how long a line says that it is; a torn one is shorter."""
    try:
        return _HEAD + int(line[9 : _HEAD - 1], 16) + 1
    except ValueError:
        return len(line)


def _apply(changes: Changes, state: State) -> None:
    for key, value in changes.items():
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value


def _write(descriptor: int, data: bytes) -> None:
    """Write all of it: a full disk first takes a part, then refuses the rest."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]
