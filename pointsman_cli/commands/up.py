"""`pointsman up`: start the local stack."""

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer

from pointsman_cli import output
from pointsman_cli.errors import BadInputError
from pointsman_cli.options import AsJson, Config, LocalName

DEFAULT_PORT = 4776
"""Where the local stack without a name listens unless told otherwise."""


def up(
    as_env: Annotated[
        bool,
        typer.Option(
            "--env", help="Print `export` lines for AWS's and OpenAI's clients. A running stack stays as it is."
        ),
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
    stand_in: Annotated[
        bool,
        typer.Option("--stand-in", help="With one provider's key only: a stand-in answers for the other provider."),
    ] = False,
    origin: Annotated[
        list[str] | None,
        typer.Option(metavar="URL", help="Let web pages of this origin call the front door. Repeatable."),
    ] = None,
    ephemeral: Annotated[
        bool, typer.Option("--ephemeral", help="Keep nothing: tasks and ledger end with the stack.")
    ] = False,
    name: LocalName = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65535,
            help=f"Where the stack listens, from now on. Default: {DEFAULT_PORT}, or a free port with --name.",
        ),
    ] = None,
    on_alarm: Annotated[
        str | None,
        typer.Option(
            metavar="COMMAND",
            help="Run this for each alarm that goes off, with JSON on its stdin and without a shell. Kept until "
            "another; '' for none.",
        ),
    ] = None,
    foreground: Annotated[
        bool,
        typer.Option("--foreground", help="Stay, and say what schedules and alarms do; Ctrl-C stops the stack."),
    ] = False,
) -> None:
    """Start the local stack, or deploy to it what has changed.

    Deploys the project's own template to an AWS emulator, in about half a minute. If the stack is up, a changed
    openclaw.json (or code) is deployed to it: its tasks and its ledger stay, and tasks under way keep their plan.

    Tasks, ledger, queues and objects outlive `pointsman down`, a reboot and a crash; tasks that were under way go on.

    Prints the base URL and the key with which OpenAI's clients reach it; Anthropic's take the URL without /v1.

    Without GEMINI_API_KEY and ANTHROPIC_API_KEY, stand-ins answer instead of the providers. With one of them, the
    other provider's tiers go to the real one where openclaw.json allows it; a tier without a model is asked about.
    """
    import devstack
    from devstack import supervisor
    from devstack.callers import ADMITTED
    from pointsman_cli.local_key import with_api_key
    from pointsman_cli.local_providers import accept_missing_key, has_terminal
    from pointsman_cli.restarting import start_lost_executions
    from pointsman_cli.stacks import STATE_DIR, local_state_dir

    if foreground and (as_json or as_env):
        raise BadInputError("--foreground excludes --json and --env")
    settings = None if on_alarm is None else supervisor.SupervisorSettings.parse(on_alarm)
    state_dir = local_state_dir(name)
    running, had_data = devstack.find_stack(state_dir), devstack.has_data(state_dir)
    if running:
        stand_in = stand_in or running.stand_in.any
    elif not stand_in:
        accept_missing_key(os.environ, config, asks=has_terminal() and not as_json)
    parameters = {**ADMITTED, "FrontDoor": "true", "FrontDoorOrigins": ",".join(origin or ())}
    info = (
        running
        if running and as_env
        else devstack.start_stack(
            state_dir,
            parameters=parameters,
            config=_config_text(config),
            stand_in=stand_in,
            keep=not ephemeral,
            port=port,
            first_port=DEFAULT_PORT if state_dir == STATE_DIR else None,
            report=output.print_note,
        )
    )
    if info.front_door_url:
        info = with_api_key(info)
    if (
        info.kept and had_data and not (running and as_env)
    ):  # also on a running one: the last `up` may have been cut off
        start_lost_executions(info)
    if settings:
        settings.save(info.state_dir)
    if not (foreground or (running and as_env)) and not supervisor.start_supervisor(info, os.environ):
        log = info.state_dir / supervisor.SUPERVISOR_LOG
        output.print_note(f"The supervisor does not run, so no schedule and no alarm does; {log} says why.")
    openai = {"OPENAI_BASE_URL": info.front_door_url, "OPENAI_API_KEY": info.api_key} if info.front_door_url else {}
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
                "front_door": {"url": info.front_door_url, "api_key": info.api_key} if openai else None,
                "state_dir": str(info.state_dir),
                "kept": info.kept,
                "processes": {process.name: process.pid for process in info.processes},
            }
        )
        return
    if as_env:
        for name, value in {**info.environment, **openai}.items():
            print(f"export {name}={shlex.quote(str(value))}")
        return
    output.print_pairs(
        [
            ("endpoint", info.endpoint),
            ("queue", info.outputs.get("TaskQueueUrl")),
            *openai.items(),
            ("stand-in for", info.stand_in.names or None),
            ("processes", ", ".join(f"{process.name} ({process.pid})" for process in info.processes)),
            ("data", info.state_dir / "data" if info.kept else "ends with the stack (--ephemeral)"),
            ("logs", info.state_dir),
        ]
    )
    if foreground:
        supervisor.run_in_foreground(info, os.environ)


def _config_text(config: Path | None) -> str | None:
    """Return the configuration in use; None if it is the checkout's, which is part of the build."""
    from devstack.project import unpack_project
    from devstack.toolchain import ROOT
    from pointsman.routing.config import parse
    from pointsman_cli.openclaw import read_config

    unpack_project(ROOT)
    text = read_config(config)
    parse(text)
    return None if text == (ROOT / "openclaw.json").read_text(encoding="utf-8") else text
