"""JSON as RFC 8259 means it: what Python's parser lets pass beyond that is refused here."""

import json
import math
from collections.abc import Iterable
from itertools import count
from typing import Any

DEEPEST = 500
"""Objects and lists inside each other: what is read can also be written again."""

type Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class NotStrictJson(ValueError):  # noqa: N818  (a verdict on a text)
    """The text is no strict JSON. Raised by `loads`; the message names the rule, never the text."""


def loads(text: str) -> Json:
    """Return the value of `text`.

    Raises:
        NotStrictJson: on broken syntax, NaN or Infinity, a number beyond a double's range, a key given twice, a
            lone surrogate, a NUL character, or nesting deeper than `DEEPEST`.
    """
    try:
        value: Json = json.loads(
            text,
            parse_constant=no_constant,
            parse_float=finite_float,
            parse_int=bounded_int,
            object_pairs_hook=unique_keys,
        )
        _check(value)
    except NotStrictJson:
        raise
    except json.JSONDecodeError as error:
        raise NotStrictJson(f"must be JSON: syntax error at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise NotStrictJson("must be JSON: nested too deeply") from None
    return value


def dumps(value: Any) -> str:
    """Return `value` as compact JSON with sorted keys: equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def portable(text: str) -> str:
    """Return a JSON text without the two characters that UTF-8 holds and SQS refuses; their escapes mean the same."""
    return text.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff")


def no_constant(_: str) -> float:
    """Refuse NaN and Infinity, as a parser meets them."""
    raise NotStrictJson("must be strict JSON: NaN and Infinity are not JSON")


def finite_float(digits: str) -> float:
    """Return the number; refuse one that a double cannot hold, which would be written as Infinity."""
    number = float(digits)
    if not math.isfinite(number):
        raise NotStrictJson("must be strict JSON: a number is too large")
    return number


def bounded_int(digits: str) -> int:
    """Return the number; refuse one that a double cannot hold: arithmetic with fractions would fail on it."""
    finite_float(digits)
    return int(digits)


def unique_keys(pairs: Iterable[tuple[str, Json]]) -> dict[str, Json]:
    """Return the object of the pairs; refuse a key that is given twice."""
    fields: dict[str, Json] = {}
    for key, value in pairs:
        if key in fields:
            raise NotStrictJson("must be strict JSON: a key is given twice in one object")
        fields[key] = value
    return fields


def _check(value: Json) -> None:
    """Refuse too deep nesting, and characters that no UTF-8 text store takes, wherever they stand."""
    level: list[Json] = [value]
    for depth in count(1):
        for text in level:
            if isinstance(text, str):
                _check_string(text)
        containers = [here for here in level if isinstance(here, dict | list)]
        if not containers:
            return
        if depth > DEEPEST:
            raise NotStrictJson("must be JSON: nested too deeply")
        level = [part for here in containers for part in ([*here, *here.values()] if isinstance(here, dict) else here)]


def _check_string(text: str) -> None:
    if "\x00" in text:
        raise NotStrictJson("must be strict JSON: a NUL character is not allowed")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotStrictJson("must be strict JSON: a lone surrogate is not allowed") from None
