"""Reads the commands' input: a file, or stdin if there is none or it is `-`."""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

from pointsman.values.text import without_mark
from pointsman_cli.errors import BadInputError

_STDIN = Path("-")


class BrokenLineError(ValueError):
    """A line is not a JSON object. Raised by `parse_line`; the command continues with the next line."""


def read_text(file: Path | None) -> str:
    """Return the content of a file or stdin as text.

    Raises:
        BadInputError: The file cannot be read, or is not UTF-8.
    """
    try:
        return (sys.stdin.buffer.read() if file in (None, _STDIN) else file.read_bytes()).decode("utf-8-sig")
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInputError(f"{file or 'stdin'}: must be UTF-8") from None


def check_text(text: str) -> str:
    """Return the argument TEXT.

    Raises:
        BadInputError: The shell passed bytes that are not UTF-8, which Python keeps as lone surrogates.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadInputError("TEXT: must be UTF-8") from None
    return without_mark(text)


def parse_day(name: str, text: str | None) -> date | None:
    """Return the day that the option or argument of that name has.

    Raises:
        BadInputError: It is not a date.
    """
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise BadInputError(f"{name}: must be a date such as 2026-11-21") from None


def read_lines(file: Path | None) -> Iterator[bytes]:
    """Yield line by line, so that the input may be larger than memory.

    Raises:
        BadInputError: The file cannot be read.
    """
    try:
        with nullcontext(sys.stdin.buffer) if file in (None, _STDIN) else file.open("rb") as stream:
            for line in stream:
                yield line.rstrip(b"\r\n")
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror}") from None


def parse_line(line: bytes) -> dict[str, Any]:
    """Return the JSON object of a line.

    Raises:
        BrokenLineError: It is not a JSON object. The message names the rule.
    """
    try:
        value = json.loads(line.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise BrokenLineError("line: must be UTF-8") from None
    except json.JSONDecodeError as error:
        raise BrokenLineError(f"line: must be JSON: syntax error at column {error.colno}") from None
    except (ValueError, RecursionError):
        raise BrokenLineError("line: must be JSON") from None
    if not isinstance(value, dict):
        raise BrokenLineError("line: must be a JSON object")
    return value


def _refuse(_: str) -> float:
    raise ValueError
