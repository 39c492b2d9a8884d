"""The journal of a local stack: what was acknowledged is there after any crash, and nothing is there by half."""

import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.state_journal import Changes, DamagedJournalError, State, StateJournal

KEYS = st.tuples(st.sampled_from(["item", "message"]), st.text(max_size=3))
VALUES = st.none() | st.dictionaries(st.text(max_size=3), st.text(max_size=20) | st.integers(), max_size=3)
CHANGES = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


@pytest.fixture(autouse=True, scope="module")
def _no_wait_for_the_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fdatasync", lambda _: None)
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "journal"


def states_of(written: list[Changes]) -> list[State]:
    """Return the state before all changes, and after each."""
    states: list[State] = [{}]
    for changes in written:
        state = states[-1] | dict(changes)
        states.append({key: value for key, value in state.items() if value is not None})
    return states


def written_to(path: Path, written: list[Changes], **options: Any) -> list[int]:
    """Write the changes, each in turn; return the file's size before them and after each."""
    journal = StateJournal(path, **options)
    journal.load()
    sizes = [0]
    for changes in written:
        journal.append(changes)
        sizes.append(path.stat().st_size)
    return sizes


@given(written=st.lists(CHANGES, max_size=6), data=st.data())
def test_journal_cut_anywhere_holds_what_was_written_before(written: list[Changes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        sizes = written_to(path, written)
        cut = data.draw(st.integers(0, sizes[-1]), label="cut")
        os.truncate(path, cut)
        whole = sum(size <= cut for size in sizes) - 1
        journal = StateJournal(path)
        assert journal.load() == states_of(written)[whole]
        journal.append({("item", "after"): 1})
        assert StateJournal(path).load() == states_of(written)[whole] | {("item", "after"): 1}


@given(written=st.lists(CHANGES, min_size=1, max_size=6), data=st.data())
def test_last_line_with_a_changed_byte_is_cut_off_and_an_earlier_one_refused(
    written: list[Changes], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        sizes = written_to(path, written)
        place = data.draw(st.integers(0, sizes[-1] - 1), label="place")
        content = bytearray(path.read_bytes())
        content[place] ^= 1  # of a line's end too, which makes one line of two
        path.write_bytes(content)
        if place >= sizes[-2]:
            assert StateJournal(path).load() == states_of(written)[-2]
        else:
            with pytest.raises(DamagedJournalError):
                StateJournal(path).load()
            assert path.read_bytes() == bytes(content)


@given(before=st.lists(CHANGES, min_size=1, max_size=4), after=st.lists(CHANGES, max_size=3))
def test_rewritten_journal_holds_the_state_and_takes_changes(before: list[Changes], after: list[Changes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        journal = StateJournal(path)
        journal.load()
        for changes in before:
            journal.append(changes)
        journal.rewrite(states_of(before)[-1].items())
        for changes in after:
            journal.append(changes)
        assert StateJournal(path).load() == states_of(before + after)[-1]


def test_journal_outgrown_by_old_values_shrinks_by_a_rewrite(path: Path) -> None:
    journal = StateJournal(path, smallest_rewrite=1000)
    journal.load()
    while not journal.is_outgrown:
        journal.append({("item", "counter"): "x" * 100})
    size = path.stat().st_size
    journal.rewrite([(("item", "counter"), "x" * 100)])
    assert path.stat().st_size < size / 5
    assert not journal.is_outgrown


def test_leftover_of_a_rewrite_that_a_crash_cut_short_is_removed(path: Path) -> None:
    written_to(path, [{("item", "a"): 1}])
    path.with_suffix(".new").write_bytes(b"half of a")
    assert StateJournal(path).load() == {("item", "a"): 1}
    assert [file.name for file in path.parent.iterdir()] == ["journal"]


def test_journal_is_its_owners_alone(path: Path) -> None:
    journal = StateJournal(path)
    journal.load()
    journal.rewrite([])
    assert path.stat().st_mode & 0o077 == 0


def test_change_that_the_disk_refuses_leaves_nothing_behind(path: Path) -> None:
    """A real limit on the file's size stands for the full disk: the kernel takes a part of the line, then refuses."""
    script = """
import resource, signal, sys
from pathlib import Path
from state_journal import StateJournal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = StateJournal(Path(sys.argv[1]))
journal.load()
journal.append({("item", "a"): 1})
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))
for rewritten in (False, True):
    try:
        if rewritten:
            journal.rewrite([(("item", "b"), "x" * 10_000)])
        else:
            journal.append({("item", "b"): "x" * 10_000})
    except OSError as error:
        print(error.errno)
journal.append({("item", "c"): 3})
"""
    folder = str(Path(__file__).parents[3] / "devstack")
    ended = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env={"PYTHONPATH": folder},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == [str(errno.EFBIG)] * 2
    assert StateJournal(path).load() == {("item", "a"): 1, ("item", "c"): 3}
    assert [file.name for file in path.parent.iterdir()] == ["journal"]
