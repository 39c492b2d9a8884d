"""`pointsman up`: start the local stack."""

import shlex
from typing import Annotated

import typer

from pointsman_cli import output
from pointsman_cli.errors import Exit
from pointsman_cli.options import AsJson

EXAMPLES = """\b
Examples:
  pointsman up
  GEMINI_API_KEY=... ANTHROPIC_API_KEY=... pointsman up     with the real models
  eval "$(pointsman up --env)"                              AWS's own tools and SDKs then reach it, too"""


def up(
    as_env: Annotated[
        bool, typer.Option("--env", help="Print what a shell exports to let AWS clients reach it, also if it is up.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Start the local stack.

    It is the project's own template, deployed to an emulator of AWS in about half a minute.

    A provider without a key in GEMINI_API_KEY or ANTHROPIC_API_KEY is answered for by a stand-in.
    """
    import devstack
    from devstack.callers import ADMITTED
    from pointsman_cli.stacks import STATE_DIR

    there = devstack.find_stack(STATE_DIR) if as_env else None
    info = there or devstack.start_stack(STATE_DIR, parameters=ADMITTED, report=output.print_note)
    if as_json:
        output.print_document(
            {
                "endpoint": info.endpoint,
                "region": info.region,
                "stack_name": info.stack_name,
                "stand_in": info.stand_in.model_dump(),
                "standin_url": info.fake_providers_url,
                "outputs": info.outputs,
                "environment": info.environment,
                "state_dir": str(info.state_dir),
            }
        )
        return Exit.OK
    if as_env:
        for name, value in info.environment.items():
            print(f"export {name}={shlex.quote(value)}")
        return Exit.OK
    missing = [name for name, used in (("Gemini", info.stand_in.gemini), ("Claude", info.stand_in.anthropic)) if used]
    output.print_pairs(
        [
            ("endpoint", info.endpoint),
            ("queue", info.outputs.get("TaskQueueUrl")),
            ("stand-in for", " and ".join(missing) or None),
            ("logs", info.state_dir),
        ]
    )
    return Exit.OK
