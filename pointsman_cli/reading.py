"""Reads the commands' input: a file, or stdin if there is none or it is `-`."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from pointsman_cli.errors import BadInputError

_STDIN = Path("-")


class BrokenLineError(ValueError):
    """A line is not a JSON object. Raised by `parse_line`; the command continues with the next line."""


def read_bytes(file: Path | None) -> bytes:
    """Return the content of a file or stdin.

    Raises:
        BadInputError: The file cannot be read.
    """
    try:
        return sys.stdin.buffer.read() if file in (None, _STDIN) else file.read_bytes()
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror}") from None


def read_text(file: Path | None) -> str:
    """Return the content of a file or stdin as text.

    Raises:
        BadInputError: The file cannot be read, or is not UTF-8.
    """
    try:
        return read_bytes(file).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInputError(f"{file or 'stdin'}: must be UTF-8") from None


def read_lines(file: Path | None) -> Iterator[bytes]:
    """Yield line by line, so that the input may be larger than memory.

    Raises:
        BadInputError: The file cannot be read.
    """
    if file in (None, _STDIN):
        yield from _without_line_ends(sys.stdin.buffer)
        return
    assert file is not None
    try:
        with file.open("rb") as stream:
            yield from _without_line_ends(stream)
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror}") from None


def parse_line(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line.

    Raises:
        BrokenLineError: It is not a JSON object. The message names the rule.
    """
    try:
        value = json.loads(line.decode(), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise BrokenLineError("line: must be UTF-8") from None
    except json.JSONDecodeError as error:
        raise BrokenLineError(f"line: must be JSON: syntax error at column {error.colno}") from None
    except (ValueError, RecursionError):
        raise BrokenLineError("line: must be JSON") from None
    if not isinstance(value, dict):
        raise BrokenLineError("line: must be a JSON object")
    return value


def _without_line_ends(stream: BinaryIO) -> Iterator[bytes]:
    for line in stream:
        yield line.rstrip(b"\r\n")


def _refuse(_: str) -> float:
    raise ValueError
