"""The result of a check."""

from dataclasses import dataclass
from enum import StrEnum


class FindingState(StrEnum):
    """Whether there is something to do."""

    OK = "ok"
    TO_DO = "to do"
    UNCHECKED = "not checked"
    """The check could not run, or does not apply here. Never counted as ok."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    check: str
    """The kind of thing that was checked, such as `queue`."""
    subject: str
    """The thing itself, such as `tasks`."""
    state: FindingState
    says: str
    """The observation, or why there is none."""
    do: str | None = None
    """The next step. None unless the state is `to do`."""


def ok(check: str, subject: str, says: str) -> Finding:
    """Return a finding that needs no action."""
    return Finding(check, subject, FindingState.OK, says)


def to_do(check: str, subject: str, says: str, do: str) -> Finding:
    """Return a finding that needs action."""
    return Finding(check, subject, FindingState.TO_DO, says, do)


def unchecked(check: str, subject: str, why: str) -> Finding:
    """Return that the check did not run, and why."""
    return Finding(check, subject, FindingState.UNCHECKED, why)
