"""Prompts on stderr, so that stdout holds the result alone. With `--yes` every prompt takes its default."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from getpass import getpass

import typer

from pointsman_cli import output
from pointsman_cli.errors import BadInputError


@dataclass(frozen=True, slots=True)
class Prompter:
    """Prompts at a terminal, or takes the defaults."""

    interactive: bool

    def ask[T](self, question: str, default: str, parse: Callable[[str], T], option: str | None) -> T:
        """Return the option's value if there is one, else the parsed answer. `parse` raises BadInputError."""
        if option is not None or not self.interactive:
            return parse(default if option is None else option)
        while True:
            try:
                return parse(typer.prompt(question, default=default, show_default=bool(default), err=True).strip())
            except BadInputError as error:
                output.print_note(f"  {error}")

    def confirm(self, question: str, *, default: bool) -> bool:
        """Return the answer to a yes-or-no question; without prompts it is yes."""
        return not self.interactive or typer.confirm(question, default=default, err=True)

    def ask_secret(self, question: str) -> str:
        """Return what is typed, without showing it; empty without prompts."""
        return getpass(f"{question}: ", stream=sys.stderr).strip() if self.interactive else ""


def terminal_prompter(*, yes: bool) -> Prompter:
    """Return a prompter for this terminal.

    Raises:
        BadInputError: There is no terminal, and `--yes` is missing.
    """
    if not yes and not sys.stdin.isatty():
        raise BadInputError("init needs a terminal to ask questions: run it in one, or pass --yes and the options")
    return Prompter(interactive=not yes)
