"""The questions, on stderr, so that stdout holds the result alone; with `--yes` each takes its default."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from getpass import getpass

import typer

from pointsman_cli import output
from pointsman_cli.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Prompter:
    """Asks a person, or nobody."""

    anybody: bool
    """False: defaults are taken."""

    def text[T](self, question: str, default: str, read: Callable[[str], T], stated: str | None) -> T:
        """Return what an option stated, else what is answered, read until it can be; `read` raises BadInputError."""
        if stated is not None or not self.anybody:
            return read(default if stated is None else stated)
        while True:
            try:
                return read(typer.prompt(question, default=default, show_default=bool(default), err=True).strip())
            except BadInputError as error:
                output.print_note(f"  {error}")

    def sure(self, question: str, *, default: bool) -> bool:
        """Return the answer to a question of yes and no; with `--yes` it is yes."""
        return not self.anybody or typer.confirm(question, default=default, err=True)

    def secret(self, question: str) -> str:
        """Return what is typed without being shown; empty when nobody is asked."""
        return getpass(f"{question}: ", stream=sys.stderr).strip() if self.anybody else ""


def of_terminal(*, yes: bool) -> Prompter:
    """Return who asks here.

    Raises:
        BadInputError: There is no terminal to ask on, and `--yes` was not given.
    """
    if not yes and not sys.stdin.isatty():
        raise BadInputError(
            "init asks questions: run it in a terminal, or give --yes and what differs from the defaults"
        )
    return Prompter(not yes)
