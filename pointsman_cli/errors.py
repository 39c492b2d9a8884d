"""How commands fail: with one line on stderr and an exit code."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes of all commands."""

    OK = 0
    FAILED = 1
    BAD_INPUT = 2
    NOT_FOUND = 3
    NOT_ENDED = 4
    TO_DO = 5
    """`doctor` found something to do, `config diff` a difference, or `reconcile` something unexplained."""
    INTERRUPTED = 130
    """128 plus the number of SIGINT, as in a shell."""


EXIT_CODES = (
    "Exit codes: 0 success; 1 failure; 2 invalid input or usage; 3 no such task; 4 task still running; "
    "5 something to do (doctor, config diff, reconcile); 130 interrupted."
)


class CommandError(Exception):
    """A command cannot complete. `main` prints the message and exits with `code`."""

    code = Exit.FAILED


class UnreachableError(CommandError):
    """A stack does not exist, or AWS denies access to it. The message has the problem and the next step."""

    def __init__(self, problem: str, step: str) -> None:
        super().__init__(f"{problem}: {step}")
        self.problem, self.step = problem, step


class BadInputError(CommandError):
    """The input or an option is invalid. Raised before anything is sent or changed."""

    code = Exit.BAD_INPUT


class NotFoundError(CommandError):
    """There is no such task."""

    code = Exit.NOT_FOUND


class StillRunningError(CommandError):
    """The task has not ended, or not within the time that the user wanted to wait."""

    code = Exit.NOT_ENDED
