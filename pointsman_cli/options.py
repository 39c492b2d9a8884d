"""Options that several commands share."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsman.values.taxonomy import TaskType, Tier


def _one_of[T: StrEnum](choices: type[T]) -> Callable[[str], T]:
    """Return a parser that accepts one of the choices, and suggests one for a typo."""

    def parse(text: str) -> T:
        names = [str(choice) for choice in choices]
        if text in names:
            return choices(text)
        close = get_close_matches(text, names, 1)
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(names)}{did_you_mean(close)}")

    return parse


def did_you_mean(suggestions: Sequence[str]) -> str:
    """Return the end of an error message that suggests alternatives; empty for none."""
    return f". Did you mean {' or '.join(suggestions)}?" if suggestions else ""


def _completions[T: StrEnum](choices: type[T]) -> Callable[[str], list[str]]:
    """Return a function that completes the option's value in a shell."""
    return lambda incomplete: [choice for choice in choices if choice.startswith(incomplete)]


def choice[T: StrEnum](choices: type[T], flag: str, meaning: str, note: str = "") -> Any:
    """Return an option that accepts one of the choices. Its help has the meaning, the choices and the note."""
    return typer.Option(
        flag,
        metavar=flag.removeprefix("--").upper(),
        parser=_one_of(choices),
        autocompletion=_completions(choices),
        help=f"{meaning}: {', '.join(choices)}. {note}".rstrip(),
    )


AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON document instead of text.")]
Stack = Annotated[
    str | None,
    typer.Option("--stack", metavar="NAME", help="Deployed CloudFormation stack. Default: the local stack."),
]
Profile = Annotated[str | None, typer.Option("--profile", metavar="NAME", help="AWS profile for the deployed stack.")]
Region = Annotated[str | None, typer.Option("--region", metavar="NAME", help="AWS region of the deployed stack.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The openclaw.json to use. Default: ./openclaw.json, else the built-in one.",
    ),
]
TypeChoice = Annotated[TaskType | None, choice(TaskType, "--type", "Type of the task", "Default: classified.")]
TierChoice = Annotated[Tier | None, choice(Tier, "--tier", "Tier of the task", "Overrides the type.")]
Private = Annotated[bool, typer.Option("--private", help="Never send the task to a free tier.")]
