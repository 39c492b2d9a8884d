"""A conversation in the form that every provider takes: user and assistant in turn, the user first and last."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

OPENING = "Begin."
"""The user's words before a conversation that the assistant begins: Gemini and Anthropic want the user's first."""
CONTINUING = "Go on."
"""The user's words after a conversation that ends with the assistant's: newer models take no beginning of an answer."""


class Role(StrEnum):
    """Who speaks."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one of the two says before the other speaks."""

    role: Role
    text: str


def alternating(turns: Iterable[Turn]) -> list[Turn]:
    """Return the turns without blank ones, neighbours of one role joined, the user first and last.

    Gemini refuses neighbours of one role, Anthropic blank texts; both refuse another speaker first or last.
    """
    result: list[Turn] = []
    for turn in turns:
        if not turn.text.strip():
            continue
        if result and result[-1].role is turn.role:
            turn = Turn(turn.role, f"{result.pop().text}\n\n{turn.text}")
        result.append(turn)
    if not result or result[0].role is Role.ASSISTANT:
        result.insert(0, Turn(Role.USER, OPENING))
    if result[-1].role is Role.ASSISTANT:
        result.append(Turn(Role.USER, CONTINUING))
    return result
