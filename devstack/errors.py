"""The local stack's error."""

from pathlib import Path


class LocalStackError(Exception):
    """The local stack cannot be built, started or deployed; the message is one line for the user.

    Raised anywhere in `devstack`, after every process that had been started was stopped.
    """

    def __init__(self, problem: str, log: Path | None = None) -> None:
        super().__init__(f"{problem} (log: {log})" if log else problem)
