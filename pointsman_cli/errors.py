"""What a command tells its user instead of a result: one line on stderr and an exit code."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of every command."""

    OK = 0
    FAILED = 1
    BAD_INPUT = 2
    NOT_FOUND = 3
    NOT_ENDED = 4
    TO_DO = 5
    """`doctor` found something to do."""
    INTERRUPTED = 130
    """128 and the number of SIGINT, as a shell tells it."""


EXIT_CODES = (
    "Exit codes: 0 done; 1 failed; 2 bad input or usage; 3 no such task; 4 the task has not ended; "
    "5 doctor found something to do; 130 interrupted."
)


class CommandError(Exception):
    """A command cannot do what it was asked for. Raised by commands; `main` prints it and exits with `code`."""

    code = Exit.FAILED


class UnreachableError(CommandError):
    """A stack is not there, or AWS does not let us see it. Says what is the matter, and the next step."""

    def __init__(self, problem: str, step: str) -> None:
        super().__init__(f"{problem}: {step}")
        self.problem, self.step = problem, step


class BadInputError(CommandError):
    """The input or an option cannot be. Raised before anything is sent or changed."""

    code = Exit.BAD_INPUT


class NotFoundError(CommandError):
    """There is no such task."""

    code = Exit.NOT_FOUND


class StillRunningError(CommandError):
    """The task has not ended (yet, or within the time that the user would wait)."""

    code = Exit.NOT_ENDED
