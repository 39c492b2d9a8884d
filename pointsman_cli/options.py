"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from pointsman.domain.taxonomy import TaskType, Tier

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
TypeChoice = Annotated[
    TaskType | None,
    typer.Option("--type", metavar="TYPE", help=f"The task's type, else it is classified: {', '.join(TaskType)}."),
]
TierChoice = Annotated[
    Tier | None, typer.Option("--tier", metavar="TIER", help=f"The task's tier; it beats the type: {', '.join(Tier)}.")
]
Private = Annotated[bool, typer.Option("--private", help="Never show the task to a free tier.")]
