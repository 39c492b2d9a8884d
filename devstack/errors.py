"""What can go wrong with the local stack."""

from pathlib import Path


class LocalStackError(Exception):
    """The local stack cannot be built, started or deployed; the message is one line for the user.

    Raised by everything in `devstack`. Whatever had been started by then has been ended.
    """

    def __init__(self, problem: str, log: Path | None = None) -> None:
        super().__init__(f"{problem} (log: {log})" if log else problem)
