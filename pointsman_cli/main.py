"""The `pointsman` command."""

import os
import sys
import tomllib
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files
from textwrap import indent
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from pointsman_cli import output
from pointsman_cli.errors import EXIT_CODES, CommandError, Exit
from pointsman_cli.options import did_you_mean, with_stack_options

app = typer.Typer(
    name="pointsman",
    help="Send tasks to the cheapest language model that can do them, and see what they cost.\n\n"
    "Commands use the local stack that `pointsman up` starts, or a deployed stack with --stack NAME.",
    epilog=EXIT_CODES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _add_commands() -> None:
    """Add the commands and groups of examples.toml: each is the function of its module, or its module's COMMANDS."""
    text = (files("pointsman_cli.commands") / "examples.toml").read_text(encoding="utf-8")
    for name, examples in tomllib.loads(text).items():
        module = import_module(f"pointsman_cli.commands.{name}")
        if isinstance(examples, str):
            app.command(epilog=_epilog(examples))(with_stack_options(getattr(module, name)))
            continue
        group = typer.Typer(name=name, help=module.HELP, rich_markup_mode=None)
        for command, command_examples in examples.items():
            group.command(command, epilog=_epilog(command_examples))(with_stack_options(module.COMMANDS[command]))
        app.add_typer(group)


def _epilog(examples: str) -> str:
    return f"\b\nExamples:\n{indent(examples.rstrip(), '  ')}\n\n{EXIT_CODES}"


def _print_version(requested: bool) -> None:
    if requested:
        print(f"pointsman {version('pointsman-operator')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None: ...


_add_commands()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. An error is one line on stderr."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return int(app(words or ["--help"], prog_name="pointsman", standalone_mode=False) or Exit.OK)
    except TyperException as error:
        return _failed(_usage(error), error.exit_code)
    except (KeyboardInterrupt, Abort):
        return _failed("interrupted", Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader is gone. Without this, Python reports the broken pipe again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except Exception as error:  # noqa: BLE001  (users get one line, never a traceback)
        return _failed(*explain_error(error))


def run_command() -> None:
    """Run the command of this process's arguments."""
    sys.exit(main())


def _usage(error: TyperException) -> str:
    """Return what is wrong with the command line, a suggestion, and which help to read."""
    context = getattr(error, "ctx", None)
    suggestions = getattr(error, "possibilities", None)
    problem = error.message if suggestions else error.format_message()
    command = context.command_path if context else "pointsman"
    return f"{problem.rstrip('.')}{did_you_mean(sorted(suggestions or []))} (see `{command} --help`)"


def _failed(problem: str, code: int) -> int:
    output.print_note(f"pointsman: {' '.join(problem.split())}")
    return code


def explain_error(error: Exception) -> tuple[str, int]:
    """Return the problem as a sentence, and the exit code."""
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
        return f"{aws_errors.aws_problem(error)}: {aws_errors.next_step(error)}", Exit.FAILED
    if isinstance(error, ConfigError | UnknownPriceError):
        return str(error.args[0]), Exit.BAD_INPUT
    return f"{type(error).__name__}: {error}", Exit.FAILED


if __name__ == "__main__":
    run_command()
