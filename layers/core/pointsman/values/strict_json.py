"""JSON as RFC 8259 means it: what Python's parser lets pass beyond that is refused here."""

import json
from collections.abc import Iterable
from typing import Any

type Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


class NotStrictJson(ValueError):  # noqa: N818  (a verdict on a text)
    """The text is no strict JSON. Raised by `loads`; the message names the rule, never the text."""


def loads(text: str) -> Json:
    """Return the value of `text`.

    Raises:
        NotStrictJson: on broken syntax, NaN or Infinity, a key given twice, a lone surrogate, a NUL
            character, or nesting deeper than the parser's stack.
    """
    try:
        value: Json = json.loads(text, parse_constant=no_constant, parse_int=bounded_int, object_pairs_hook=unique_keys)
        _check_strings(value)
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


def no_constant(_: str) -> float:
    """Refuse NaN and Infinity, as a parser meets them."""
    raise NotStrictJson("must be strict JSON: NaN and Infinity are not JSON")


def bounded_int(digits: str) -> int | float:
    """Return the number; JSON sets no limit to one.

    A number that no field can mean need not be exact: int() ends at 4,300 digits.
    """
    return int(digits) if len(digits) <= 1_000 else float(digits)


def unique_keys(pairs: Iterable[tuple[str, Json]]) -> dict[str, Json]:
    """Return the object of the pairs; refuse a key that is given twice."""
    fields: dict[str, Json] = {}
    for key, value in pairs:
        if key in fields:
            raise NotStrictJson("must be strict JSON: a key is given twice in one object")
        fields[key] = value
    return fields


def _check_strings(value: Json) -> None:
    """Refuse characters that no UTF-8 text store takes, wherever they stand (iterative: depth is the input's)."""
    waiting: list[Json] = [value]
    while waiting:
        here = waiting.pop()
        if isinstance(here, str):
            if "\x00" in here:
                raise NotStrictJson("must be strict JSON: a NUL character is not allowed")
            try:
                here.encode()
            except UnicodeEncodeError:
                raise NotStrictJson("must be strict JSON: a lone surrogate is not allowed") from None
        elif isinstance(here, dict):
            waiting.extend(here.keys())
            waiting.extend(here.values())
        elif isinstance(here, list):
            waiting.extend(here)
