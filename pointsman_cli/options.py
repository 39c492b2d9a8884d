"""Options that several commands share."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import StrEnum
from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.values.taxonomy import TaskType, Tier

if TYPE_CHECKING:
    from pointsman_cli.stacks import StackConnection


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


def choice[T: StrEnum](choices: type[T], flag: str, meaning: str, note: str = "") -> Any:
    """Return an option that accepts one of the choices. Its help has the meaning, the choices and the note."""
    return typer.Option(
        flag,
        metavar=flag.removeprefix("--").upper(),
        parser=_one_of(choices),
        autocompletion=lambda incomplete: [name for name in choices if name.startswith(incomplete)],
        help=f"{meaning}: {', '.join(choices)}. {note}".rstrip(),
    )


AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON document instead of text.")]
Profile = Annotated[str | None, typer.Option("--profile", metavar="NAME", help="AWS profile for the deployed stack.")]
LocalName = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        envvar="POINTSMAN_LOCAL",
        help="A local stack beside the default one; with the variable in the environment, all commands mean it.",
    ),
]
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


@dataclass(frozen=True, slots=True)
class StackOptions:
    """Which stack a command uses. A command's first parameter `stack` of this type stands for these options."""

    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Deployed CloudFormation stack. Default: the local stack.")
    ]
    profile: Profile
    region: Annotated[str | None, typer.Option(metavar="NAME", help="AWS region of the deployed stack.")]

    def connect(self, config: Path | None = None) -> "StackConnection":
        """Return a connection to the stack, as `stacks.connect` does."""
        from pointsman_cli import stacks

        return stacks.connect(self.stack, self.profile, self.region, config)

    def arguments(self) -> list[str]:
        """Return the options as they are typed."""
        chosen = ((field.name, getattr(self, field.name)) for field in fields(self))
        return [word for name, value in chosen if value for word in (f"--{name}", value)]


def with_stack_options(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Return a command with the options of its StackOptions, if it has them, after all others."""
    parameters = list(signature(command).parameters.values())
    if not parameters or parameters[0].annotation is not StackOptions:
        return command
    options = {field.name: field.type for field in fields(StackOptions)}

    @wraps(command)
    def run(**arguments: Any) -> int | None:
        stack = StackOptions(**{name: arguments.pop(name) for name in options})
        return command(stack, **arguments)

    added = [Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=kind) for name, kind in options.items()]
    run.__signature__ = signature(command).replace(parameters=[*parameters[1:], *added])  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, **options}
    return run
