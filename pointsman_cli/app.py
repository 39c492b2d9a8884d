"""All commands of `pointsman`, and how their errors are shown."""

import os
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from importlib.resources import files
from textwrap import indent
from typing import Annotated, Any

import typer
from typer.exceptions import Abort, TyperException

from pointsman_cli import output
from pointsman_cli.errors import EXIT_CODES, CommandError, Exit, UnreachableError
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
            function = getattr(module, name, None) or getattr(module, f"{name}_")  # `list` is Python's own
            app.command(name, epilog=_epilog(examples))(with_stack_options(function))
            continue
        group = typer.Typer(name=name, help=module.HELP, rich_markup_mode=None)
        for command, command_examples in examples.items():
            if not command:  # what the group does by itself
                add = group.callback(invoke_without_command=True, epilog=_epilog(command_examples))
                add(with_stack_options(module.BARE))
                continue
            group.command(command, epilog=_epilog(command_examples))(with_stack_options(module.COMMANDS[command]))
        app.add_typer(group)


def _epilog(examples: str) -> str:
    return f"\b\nExamples:\n{indent(examples.rstrip(), '  ')}\n\n{EXIT_CODES}"


def _print_version(requested: bool) -> None:
    if requested:
        print(f"pointsman {version('pointsman')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None: ...


_add_commands()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a command cannot complete."""

    message: str
    code: int
    """The exit code."""
    next: str | None = None
    """What to do about it, where that is a sentence of its own."""

    def __str__(self) -> str:
        return " ".join((f"{self.message}: {self.next}" if self.next else self.message).split())

    @property
    def document(self) -> dict[str, Any]:
        """The problem for programs."""
        word = Exit(self.code).name.lower() if self.code in Exit else "failed"
        return {"error": {"code": word, "message": " ".join(self.message.split()), "next": self.next}}


def run(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. An error is one line on stderr, with --json also a document on stdout."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = int(app(words or ["--help"], prog_name="pointsman", standalone_mode=False) or Exit.OK)
        sys.stdout.flush()
        if code != Exit.INTERRUPTED:  # which typer makes of Ctrl-C
            return code
        problem = Problem("interrupted", Exit.INTERRUPTED)
    except TyperException as error:
        problem = _usage(error)
    except (KeyboardInterrupt, Abort):
        problem = Problem("interrupted", Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader is gone. Without this, Python reports the broken pipe again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except Exception as error:  # noqa: BLE001  (users get one line, never a traceback)
        problem = explain_error(error)
    output.print_note(f"pointsman: {problem}")
    if "--json" in words:
        output.print_document(problem.document)
    return problem.code


def _usage(error: TyperException) -> Problem:
    """Return what is wrong with the command line, a suggestion, and which help to read."""
    context = getattr(error, "ctx", None)
    suggestions = getattr(error, "possibilities", None)
    problem = error.message if suggestions else error.format_message()
    command = context.command_path if context else "pointsman"
    message = f"{problem.rstrip('.')}{did_you_mean(sorted(suggestions or []))} (see `{command} --help`)"
    return Problem(message, error.exit_code)


def explain_error(error: Exception) -> Problem:
    """Return the problem that an error means for a user."""
    from botocore.exceptions import BotoCoreError, ClientError

    import devstack
    from pointsman.routing.catalog import UnknownPriceError
    from pointsman.routing.config import ConfigError
    from pointsman.values.errors import OutdatedTableError
    from pointsman_cli import aws_errors

    if isinstance(error, UnreachableError):
        return Problem(error.problem, error.code, error.step)
    if isinstance(error, CommandError):
        return Problem(str(error), error.code)
    if isinstance(error, OutdatedTableError):
        return Problem(str(error), Exit.FAILED, aws_errors.DEPLOY_THIS_VERSION)
    if isinstance(error, devstack.LocalStackError):
        return Problem(str(error), Exit.FAILED)
    if isinstance(error, ClientError | BotoCoreError):
        return Problem(aws_errors.aws_problem(error), Exit.FAILED, aws_errors.next_step(error))
    if isinstance(error, ConfigError | UnknownPriceError):
        return Problem(str(error.args[0]), Exit.BAD_INPUT)
    return Problem(f"{type(error).__name__}: {error}", Exit.FAILED)
