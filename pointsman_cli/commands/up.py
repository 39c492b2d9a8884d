"""`pointsman up`: start the local stack."""

import shlex
from typing import Annotated

import typer

from pointsman_cli import output
from pointsman_cli.options import AsJson


def up(
    as_env: Annotated[
        bool, typer.Option("--env", help="Print `export` lines for AWS clients. Does not restart a running stack.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start the local stack.

    Deploys the project's own template to an AWS emulator, in about half a minute.

    Without a key in GEMINI_API_KEY or ANTHROPIC_API_KEY, a stand-in answers instead of that provider.
    """
    import devstack
    from devstack.callers import ADMITTED
    from pointsman_cli.stacks import STATE_DIR

    running = devstack.find_stack(STATE_DIR) if as_env else None
    info = running or devstack.start_stack(STATE_DIR, parameters=ADMITTED, report=output.print_note)
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
        return
    if as_env:
        for name, value in info.environment.items():
            print(f"export {name}={shlex.quote(value)}")
        return
    output.print_pairs(
        [
            ("endpoint", info.endpoint),
            ("queue", info.outputs.get("TaskQueueUrl")),
            ("stand-in for", info.stand_in.names or None),
            ("logs", info.state_dir),
        ]
    )
