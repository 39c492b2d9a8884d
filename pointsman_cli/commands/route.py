"""`pointsman route`: which tier and model would a task get, and what would it cost?"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pointsman.contracts.task import Rejection, Task, read_task
from pointsman.values import strict_json
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli import output, reading
from pointsman_cli.errors import BadInputError, Exit
from pointsman_cli.options import AsJson, Config, Private, Profile, Region, Stack, TierChoice, TypeChoice

if TYPE_CHECKING:
    from pointsman_cli.dry_run import DryRun

EXAMPLES = """\b
Examples:
  pointsman route "Why does the cache return stale rows under load?"
  pointsman route --offline --file events/12-architecture.json --json
  pointsman route --offline --jsonl < texts.jsonl     {"text", "id"?, "type"?, "tier"?, "private"?} a line"""
MOST_WAITING = 200
"""Lines that are held back at most until a request for the undecided ones among them is full."""


@dataclass(slots=True)
class _Line:
    """One line of the input: a task, or why it is none."""

    known: dict[str, Any]
    """The line's `id`, if it has one."""
    task: Task | None = None
    error: str | None = None


def route(
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="What the task asks for; without: --file or stdin.")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", metavar="FILE", help="A text, or a message as `submit` takes it; - is stdin."),
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Read a JSON object a line, print a decision a line, in order.")
    ] = False,
    offline: Annotated[
        bool, typer.Option("--offline", help="Decide without any model: no stack and no key is needed.")
    ] = False,
    type_: TypeChoice = None,
    tier: TierChoice = None,
    private: Private = False,
    as_json: AsJson = False,
    config: Config = None,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Say how a task would be served, and at what cost.

    Nothing is sent. A text that neither its sender nor the local classifier decides is shown to the stack's
    classification model, and that request is booked on the stack. Offline, or when no stack is up, it gets the
    local best guess.
    """
    if text is not None and (file or jsonl):
        raise BadInputError("give TEXT, --file or --jsonl, not two of them")
    run = _dry_run(offline, config, stack, profile, region)
    if jsonl:
        for answer in _answers(run, file):
            output.json_line(answer)
        return Exit.OK
    task = _task(text if text is not None else reading.read_text(file), type_, tier, private)
    answer = run.answer(task, *run.decide([task]))
    if as_json:
        output.print_document(answer)
    else:
        cost = answer["estimated_cost_usd"]
        answer["estimated_cost_usd"] = None if cost is None else f"{cost:.9f}".rstrip("0").rstrip(".")
        output.print_pairs((name.replace("_", " "), value) for name, value in answer.items())
    return Exit.OK


def _dry_run(
    offline: bool, config: Path | None, stack: str | None, profile: str | None, region: str | None
) -> "DryRun":
    from pointsman_cli import stacks
    from pointsman_cli.dry_run import DryRun

    if not offline:
        try:
            connection = stacks.connect(stack, profile, region, config)
        except stacks.NoLocalStackError as error:
            output.print_note(f"Deciding locally: {error}")
        else:
            runtime = connection.runtime
            connection.say_stand_in()
            return DryRun(runtime, runtime.stores.model_health.states(runtime.context.policy.catalog.models))
    return DryRun(stacks.offline_runtime(config), None)


def _task(text: str, type_: TaskType | None, tier: Tier | None, private: bool) -> Task:
    """Return the task of a text, or of a message in JSON; options win over what it states."""
    chosen: dict[str, strict_json.Json] = {"type": type_, "tier": tier, "private": private or None}
    try:
        fields = _message(text) or {"prompt": text}
        fields.update((name, value) for name, value in chosen.items() if value is not None)
        return read_task(fields)
    except Rejection as rejection:
        raise BadInputError(rejection.reason) from None


def _message(text: str) -> dict[str, strict_json.Json] | None:
    """Return the task's fields if the text is a message; any other text is the prompt itself."""
    from pointsman.contracts.envelope import unwrap

    if not text.lstrip().startswith("{"):
        return None
    try:
        fields, _ = unwrap(text, "")
    except Rejection:
        return None
    return fields if isinstance(fields, dict) and "prompt" in fields else None


def _answers(run: "DryRun", file: Path | None) -> Iterator[dict[str, Any]]:
    """Yield an answer for every line, in order, asking for as many undecided tasks at once as one request takes."""
    from pointsman_cli.dry_run import BATCH

    waiting: list[_Line] = []
    undecided = 0
    for raw in reading.numbered_lines(file):
        line = _line(raw)
        waiting.append(line)
        undecided += line.task is not None and not run.certain(line.task)
        if not undecided or undecided == BATCH or len(waiting) == MOST_WAITING:
            yield from _decided(run, waiting)
            waiting, undecided = [], 0
    yield from _decided(run, waiting)


def _decided(run: "DryRun", waiting: list[_Line]) -> Iterator[dict[str, Any]]:
    tasks = [line.task for line in waiting if line.task]
    decisions = iter(zip(tasks, run.decide(tasks), strict=True))
    for line in waiting:
        yield {**line.known, **(run.answer(*next(decisions)) if line.task else {"error": line.error})}


def _line(raw: bytes) -> _Line:
    try:
        fields = reading.read_line(raw)
    except reading.BrokenLineError as error:
        return _Line({}, error=str(error))
    identity = {"id": fields["id"]} if "id" in fields else {}
    choices = {name: fields[name] for name in ("type", "tier", "private") if name in fields}
    try:
        return _Line(identity, read_task(choices | {"prompt": fields["text"]}))
    except KeyError:
        return _Line(identity, error="text: is required")
    except Rejection as rejection:
        return _Line(identity, error=rejection.reason.replace("prompt:", "text:"))
