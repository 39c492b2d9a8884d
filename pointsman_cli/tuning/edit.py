"""A change to a JSON file that leaves the rest of its text as it is, and the change as a unified diff."""

import difflib
import json
from collections.abc import Iterator, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out
from typing import Any

_SPACE = " \t\n\r"
_read = json.JSONDecoder().raw_decode


def put(text: str, path: Sequence[str], value: Any) -> str:
    """Return the JSON object `text` with `value` at a path of keys; objects that are missing on the way are made.

    `text` must be valid; what is on the path must be objects.
    """
    start = _skip(text, 0)
    for depth, key in enumerate(path):
        members = list(_members(text, start))
        span = next((member[1:] for member in members if member[0] == key), None)
        if span is None:
            return _with_member(text, start, members, key, _nested(path[depth + 1 :], value))
        start, end = span
    return f"{text[:start]}{json.dumps(value)}{text[end:]}"


def diff(before: str, after: str, name: str) -> str:
    """Return the unified diff, as `patch` takes it; empty when nothing differs."""
    old, new = (text.splitlines(keepends=True) for text in (before, after))
    lines = difflib.unified_diff(old, new, name, name)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _nested(path: Sequence[str], value: Any) -> Any:
    for key in reversed(path):
        value = {key: value}
    return value


def _members(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """Yield key, begin and end of each value of the object that begins at `start`."""
    at = _skip(text, start + 1)
    while text[at] != "}":
        key, at = scanstring(text, at + 1)
        begin = _skip(text, _skip(text, at) + 1)
        _, end = _read(text, begin)
        yield key, begin, end
        at = _skip(text, end)
        at = _skip(text, at + 1) if text[at] == "," else at


def _with_member(text: str, start: int, members: list[tuple[str, int, int]], key: str, value: Any) -> str:
    """Return the text with a new last member, on a line of its own where the others have theirs."""
    member = f"{json.dumps(key)}: {json.dumps(value)}"
    if not members:
        end = _skip(text, start + 1)
        return f"{text[: start + 1]}{member}{text[end:]}"
    last = members[-1][2]
    lead = text[start + 1 : _skip(text, start + 1)]
    gap = lead if "\n" in lead else " "
    return f"{text[:last]},{gap}{member}{text[last:]}"


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at
