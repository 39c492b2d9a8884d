"""The command `pointsman`."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from pointsman_cli import output
from pointsman_cli.commands import (
    audit,
    correct,
    cost,
    doctor,
    down,
    evaluate,
    init,
    key,
    mcp,
    openclaw,
    replay,
    report,
    result,
    route,
    status,
    submit,
    sweep,
    tune,
    up,
    validate,
)
from pointsman_cli.errors import EXIT_CODES, CommandError, Exit
from pointsman_cli.options import did_you_mean

app = typer.Typer(
    name="pointsman",
    help="Sends tasks to language models by way of Pointsman, and looks into its books.\n\n"
    "Commands work on the local stack that `pointsman up` starts, or with --stack NAME on a deployed one.",
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_COMMANDS: tuple[tuple[Callable[..., int], str], ...] = (
    (up.up, up.EXAMPLES),
    (down.down, down.EXAMPLES),
    (init.init, init.EXAMPLES),
    (doctor.doctor, doctor.EXAMPLES),
    (validate.validate, validate.EXAMPLES),
    (route.route, route.EXAMPLES),
    (submit.submit, submit.EXAMPLES),
    (status.status, status.EXAMPLES),
    (result.result, result.EXAMPLES),
    (report.report, report.EXAMPLES),
    (cost.cost, cost.EXAMPLES),
    (sweep.sweep, sweep.EXAMPLES),
    (correct.correct, correct.EXAMPLES),
    (audit.audit, audit.EXAMPLES),
    (tune.tune, tune.EXAMPLES),
    (evaluate.evaluate, evaluate.EXAMPLES),
    (replay.replay, replay.EXAMPLES),
    (mcp.mcp, mcp.EXAMPLES),
)
for command, examples in _COMMANDS:
    app.command(epilog=f"{examples}\n\n{EXIT_CODES}")(command)
_GROUPS: tuple[tuple[str, str, tuple[tuple[str, Callable[..., int], str], ...]], ...] = (
    ("openclaw", openclaw.HELP, openclaw._OPENCLAW_COMMANDS),
    ("key", key.HELP, key._KEY_COMMANDS),
)
for group, words, commands in _GROUPS:
    made = typer.Typer(help=words, rich_markup_mode=None)
    for name, command, examples in commands:
        made.command(name, epilog=f"{examples}\n\n{EXIT_CODES}")(command)
    app.add_typer(made, name=group)


def _tell_version(asked: bool) -> None:
    if asked:
        print(f"pointsman {version('pointsman-operator')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Show the version and exit.")
    ] = False,
) -> None: ...


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; what goes wrong is one line on stderr."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(app(words or ["--help"], prog_name="pointsman", standalone_mode=False) or Exit.OK)
    except TyperException as error:
        return _failed(_usage(error), error.exit_code)
    except (KeyboardInterrupt, Abort):
        return _failed("interrupted", Exit.INTERRUPTED)
    except BrokenPipeError:
        # Nobody reads any more. Python would complain once more when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except Exception as error:  # noqa: BLE001  (a user gets one line, never a traceback)
        return _failed(*explained(error))


def run_command() -> None:
    """Run the command that the process was started with."""
    sys.exit(main())


def _usage(error: TyperException) -> str:
    """Return what is wrong with the command line, what was meant perhaps, and whose help to read."""
    place = getattr(error, "ctx", None)
    words = error.message if (meant := getattr(error, "possibilities", None)) else error.format_message()
    command = place.command_path if place else "pointsman"
    return f"{words.rstrip('.')}{did_you_mean(sorted(meant or []))} (see `{command} --help`)"


def _failed(words: str, code: int) -> int:
    output.print_note(f"pointsman: {' '.join(words.split())}")
    return code


def explained(error: Exception) -> tuple[str, int]:
    """Return what went wrong in words, and the exit code for it."""
    from botocore.exceptions import BotoCoreError, ClientError

    import devstack
    from pointsman.routing.catalog import UnknownPriceError
    from pointsman.routing.config import ConfigError
    from pointsman_cli import aws_errors

    if isinstance(error, CommandError):
        return str(error), error.code
    if isinstance(error, devstack.LocalStackError):
        return str(error), Exit.FAILED
    if isinstance(error, ClientError | BotoCoreError):
        return f"{aws_errors.problem(error)}: {aws_errors.step(error)}", Exit.FAILED
    if isinstance(error, ConfigError | UnknownPriceError):
        return str(error.args[0]), Exit.BAD_INPUT
    return f"{type(error).__name__}: {error}", Exit.FAILED


if __name__ == "__main__":
    run_command()
