"""Reads the commands' input: a file, or stdin if there is none or it is `-`."""

import json
import os
import re
import select
import stat
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pointsman.values import strict_json
from pointsman.values.text import without_mark
from pointsman.values.times import to_text
from pointsman_cli.errors import BadInputError
from pointsman_cli.output import print_note

if TYPE_CHECKING:
    from io import BufferedReader

STDIN = Path("-")
"""Stands for stdin where a file is named."""
_SAY_AFTER, _GIVE_UP_AFTER = 2.0, 60.0
"""Seconds without a byte from a pipe: then say that it is waited for; then give up."""


class BrokenLineError(ValueError):
    """A line is not a JSON object. Raised by `parse_line`; the command continues with the next line."""


def read_text(file: Path | None) -> str:
    """Return the content of a file or stdin as text.

    Raises:
        BadInputError: The file cannot be read, or is not UTF-8.
    """
    try:
        return (sys.stdin.buffer.read() if file in (None, STDIN) else file.read_bytes()).decode("utf-8-sig")
    except OSError as error:
        raise BadInputError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInputError(f"{file or 'stdin'}: must be UTF-8") from None


def read_json_object(name: str, file: Path) -> dict[str, Any]:
    """Return the JSON object in the file that the option `name` gives.

    Raises:
        BadInputError: The file cannot be read, or is none.
    """
    try:
        value = strict_json.loads(read_text(file))
    except strict_json.NotStrictJson as error:
        raise BadInputError(f"{name}: {file}: {error}") from None
    if not isinstance(value, dict):
        raise BadInputError(f"{name}: {file}: must be a JSON object")
    return value


def has_piped() -> bool:
    """Return whether stdin has text that nobody has read yet. Does not wait for it."""
    kind = _stdin_kind()
    return kind is not None and _is_ready(kind, 0) and bool(cast("BufferedReader", sys.stdin.buffer).peek(1))


def read_piped() -> str | None:
    """Return the text that is piped or redirected into the command; None for a terminal, /dev/null or an empty input.

    Raises:
        BadInputError: It is not UTF-8, or a pipe stays open for a minute without a byte.
    """
    kind = _stdin_kind()
    if kind is None:
        return None
    if not _is_ready(kind, _SAY_AFTER):
        print_note("waiting for stdin; if nothing is piped in, add </dev/null")
        if not _is_ready(kind, _GIVE_UP_AFTER):
            raise BadInputError(
                "stdin is open but silent: add </dev/null to ignore it, or use - as TEXT to wait for it"
            )
    return read_text(None) or None


def _is_ready(kind: int, seconds: float) -> bool:
    """Return whether stdin, of that file mode, can be read without waiting, within so many seconds."""
    return stat.S_ISREG(kind) or bool(select.select([sys.stdin], [], [], seconds)[0])


def _stdin_kind() -> int | None:
    """Return the file mode of stdin; None if it is no pipe, file or socket."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):  # closed
        return None
    return mode if stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode) else None


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


_DAYS_FROM_TODAY = {"today": timedelta(), "yesterday": timedelta(days=-1)}


def parse_day(name: str, text: str | None) -> date | timedelta | None:
    """Return the day that the option or argument of that name has: a date, or its distance from today.

    Raises:
        BadInputError: It is neither a date nor `today` or `yesterday`.
    """
    if text is None or text in _DAYS_FROM_TODAY:
        return _DAYS_FROM_TODAY.get(text or "")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadInputError(f"{name}: must be a date such as 2026-11-21, today or yesterday") from None


def parse_month(text: str) -> date:
    """Return the first day of the month that `--month` has.

    Raises:
        BadInputError: It is no month.
    """
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise BadInputError("--month: must be a month such as 2026-11") from None


def on_calendar(day: date | timedelta | None, today: date) -> date:
    """Return the date of a day that `parse_day` read; none is today."""
    return today + day if isinstance(day, timedelta) else day or today


_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


_LENGTH = re.compile(r"([1-9]\d{0,5})([smhd])", re.ASCII)


def parse_since(text: str, now: datetime, zone: tzinfo) -> datetime:
    """Return since when: `2h` or `3d` before now, `today`, `yesterday`, a date of the zone, or a time with offset.

    Raises:
        BadInputError: It is none of these, or lies ahead.
    """
    try:
        if length := _LENGTH.fullmatch(text):
            since = now - timedelta(**{_UNITS[length[2]]: int(length[1])})
        elif text in _DAYS_FROM_TODAY or "T" not in text.upper():
            day = on_calendar(parse_day("--since", text), now.astimezone(zone).date())
            since = datetime.combine(day, time(), zone)
        else:
            since = datetime.fromisoformat(text)
        if since.tzinfo is None or since > now:
            raise ValueError
    except (BadInputError, ValueError, OverflowError):
        example = "must lie behind us: 2h, 3d, today, yesterday, 2026-11-21 or 2026-11-21T08:00:00Z"
        raise BadInputError(f"--since: {example}") from None
    return since


def parse_deadline(text: str, now: datetime) -> str:
    """Return a deadline as a task has it: `2h` or `3d` from now, whose units are s, m, h and d; any other unchanged."""
    length = _LENGTH.fullmatch(text)
    if length is None:
        return text
    return to_text(now + timedelta(**{_UNITS[length[2]]: int(length[1])}))


def read_lines(file: Path | None) -> Iterator[bytes]:
    """Yield line by line, so that the input may be larger than memory.

    Raises:
        BadInputError: The file cannot be read.
    """
    try:
        with nullcontext(sys.stdin.buffer) if file in (None, STDIN) else file.open("rb") as stream:
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
        value = json.loads(
            line.decode("utf-8-sig"),
            parse_constant=strict_json.no_constant,
            parse_float=strict_json.finite_float,
            parse_int=strict_json.bounded_int,
        )
    except UnicodeDecodeError:
        raise BrokenLineError("line: must be UTF-8") from None
    except json.JSONDecodeError as error:
        raise BrokenLineError(f"line: must be JSON: syntax error at column {error.colno}") from None
    except (ValueError, RecursionError):
        raise BrokenLineError("line: must be JSON") from None
    if not isinstance(value, dict):
        raise BrokenLineError("line: must be a JSON object")
    return value
