"""Whether IAM policies allow a call, by action, resource and condition. Nothing but what these policies use."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.support.cloudformation import as_list

type Statement = Mapping[str, Any]


def allows(
    statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Return whether one statement allows the call and none denies it. `context` has the keys of the request."""
    effects = {entry["Effect"] for entry in statements if _applies(entry, action, resource, context or {})}
    return "Allow" in effects and "Deny" not in effects


def _applies(statement: Statement, action: str, resource: str, context: Mapping[str, str]) -> bool:
    return (
        any(_matches(pattern.lower(), action.lower()) for pattern in as_list(statement["Action"]))
        and any(_matches(pattern, resource) for pattern in as_list(statement["Resource"]))
        and all(
            _holds(operator, context.get(key), as_list(values))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _matches(pattern: str, text: str) -> bool:
    parts = (re.escape(part).replace(r"\?", ".") for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), text, re.DOTALL) is not None


def _holds(operator: str, value: str | None, wanted: list[str]) -> bool:
    """Return whether a condition on a key holds; a key that the request does not have fails it."""
    match operator:
        case "StringEquals":
            return value in wanted
        case "ArnLike":
            return value is not None and any(_matches(pattern, value) for pattern in wanted)
        case "ForAllValues:StringEquals":
            return value is None or value in wanted
    raise AssertionError(f"{operator} is not simulated")
