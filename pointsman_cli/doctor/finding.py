"""What a check says."""

from dataclasses import dataclass
from enum import StrEnum


class FindingState(StrEnum):
    """How it stands with what was looked at."""

    OK = "ok"
    TO_DO = "to do"
    UNCHECKED = "not checked"
    """It could not be looked at, or not here: never taken for ok."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the examination."""

    check: str
    """What kind of thing was looked at, as `queue`."""
    subject: str
    """Which one, as `tasks`."""
    state: FindingState
    says: str
    """What was found, or why nothing was."""
    do: str | None = None
    """The next step; None unless the state is `to do`."""


def ok(check: str, subject: str, says: str) -> Finding:
    """Return that it is as it should be."""
    return Finding(check, subject, FindingState.OK, says)


def to_do(check: str, subject: str, says: str, do: str) -> Finding:
    """Return that it is not, and what to do."""
    return Finding(check, subject, FindingState.TO_DO, says, do)


def unchecked(check: str, subject: str, why: str) -> Finding:
    """Return that it was not looked at."""
    return Finding(check, subject, FindingState.UNCHECKED, why)
