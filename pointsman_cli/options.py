"""Options that several commands have."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from pointsman.values.taxonomy import TaskType, Tier


def one_of[T: StrEnum](choices: type[T]) -> Callable[[str], T]:
    """Return the reader of an option that takes one of the choices, and suggests one for a typo."""

    def read(stated: str) -> T:
        names = [str(choice) for choice in choices]
        if stated in names:
            return choices(stated)
        meant = get_close_matches(stated, names, 1)
        raise typer.BadParameter(f"{stated!r} is not one of {', '.join(names)}{did_you_mean(meant)}")

    return read


def did_you_mean(meant: Sequence[str]) -> str:
    """Return the suggestion that ends an error's sentence; empty for none."""
    return f". Did you mean {' or '.join(meant)}?" if meant else ""


def begin_with[T: StrEnum](choices: type[T]) -> Callable[[str], list[str]]:
    """Return what a shell completes the option's value by."""
    return lambda incomplete: [choice for choice in choices if choice.startswith(incomplete)]


def choice[T: StrEnum](choices: type[T], flag: str, says: str) -> Any:
    """Return an option that takes one of the choices; `says` is its help, which they are added to."""
    return typer.Option(
        flag,
        metavar=flag.removeprefix("--").upper(),
        parser=one_of(choices),
        autocompletion=begin_with(choices),
        help=f"{says}: {', '.join(choices)}.",
    )


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Stack = Annotated[
    str | None,
    typer.Option("--stack", metavar="NAME", help="A deployed CloudFormation stack, instead of the local one."),
]
Profile = Annotated[
    str | None, typer.Option("--profile", metavar="NAME", help="AWS profile to reach the deployed stack with.")
]
Region = Annotated[str | None, typer.Option("--region", metavar="NAME", help="AWS region of the deployed stack.")]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The openclaw.json to decide by; without: the one in this directory, else the one that is shipped.",
    ),
]
TypeChoice = Annotated[TaskType | None, choice(TaskType, "--type", "The task's type, else it is classified")]
TierChoice = Annotated[Tier | None, choice(Tier, "--tier", "The task's tier; it beats the type")]
Private = Annotated[bool, typer.Option("--private", help="Never show the task to a free tier.")]
