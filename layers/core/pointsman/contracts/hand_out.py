"""What the front door keeps of a request whose answer it has handed out."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class HandedOut:
    """How many answers to a request were handed out, and when the last one was."""

    number: int
    at: datetime
