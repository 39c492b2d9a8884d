"""`pointsman route`: the model and cost of a task, without sending it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from botocore.exceptions import ClientError

from pointsman.contracts.task import Rejection, Task, read_task, states_task
from pointsman.values import strict_json
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli import output, reading
from pointsman_cli.errors import BadInputError, CommandError
from pointsman_cli.options import AsJson, Config, Private, StackOptions, TierChoice, TypeChoice

if TYPE_CHECKING:
    from pointsman_cli.dry_run import DryRun
    from pointsman_cli.stacks import StackConnection

_MOST_BUFFERED = 200
"""Lines to buffer while the undecided ones among them fill a request."""


@dataclass(slots=True)
class _Line:
    """One line of the input: a task, or an error."""

    identity: dict[str, Any]
    """The line's `id`, if any."""
    task: Task | None = None
    error: str | None = None


def route(
    stack: StackOptions,
    text: Annotated[
        str | None, typer.Argument(metavar="TEXT", help="Prompt of the task. Default: --file or stdin.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="File with a prompt or a complete message; - for stdin.")
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Read a JSON object per line, and print a decision per line in order.")
    ] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no model. Needs no stack and no keys.")] = False,
    type_: TypeChoice = None,
    tier: TierChoice = None,
    private: Private = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Show which model would run a task, and what it would cost.

    Does not submit the task. If neither its fields nor the local classifier decide, the stack's classification model
    does, and the ledger records that request. With --offline, or without a running stack, the local classifier's best
    guess decides.
    """
    if text is not None and (file or jsonl):
        raise BadInputError("TEXT excludes --file and --jsonl")
    run = _dry_run(offline, config, stack)
    if jsonl:
        for answer in _documents(run, file):
            output.print_json_line(answer)
        return
    task = _task(reading.check_text(text) if text is not None else reading.read_text(file), type_, tier, private)
    answer = run.document(task, *run.decide([task]))
    if as_json:
        output.print_document(answer)
    else:
        from pointsman_cli.dry_run import lane_words

        cost, _ = answer.pop("estimated_cost_nano_usd"), answer.pop("estimated_cost_usd")
        answer["estimated_cost"] = None if cost is None else output.exact_dollars(cost)
        answer["lane"] = lane_words(answer.pop("lanes"))
        output.print_pairs((name.replace("_", " "), value) for name, value in answer.items())


def _dry_run(offline: bool, config: Path | None, stack: StackOptions) -> "DryRun":
    from pointsman_cli import stacks
    from pointsman_cli.dry_run import DryRun

    if not offline:
        try:
            connection = stack.connect(config)
        except stacks.NoLocalStackError as error:
            output.print_note(f"Deciding offline: {error}")
        else:
            runtime = connection.runtime
            connection.say_stand_in()
            _note_difference(connection)
            return DryRun(runtime, runtime.stores.model_health.states(runtime.context.policy.catalog.models))
    return DryRun(stacks.offline_runtime(config), None)


def _note_difference(connection: "StackConnection") -> None:
    """Say on stderr if the stack runs another configuration than this estimate."""
    from pointsman_cli.deployed_config import deployed_config, differences

    try:
        differing = differences(connection.config_text, deployed_config(connection))
    except (CommandError, ClientError) as error:
        output.print_note(f"Not compared with the configuration that the stack runs: {error}")
        return
    if differing:
        paths = ", ".join(difference.path or "all of it" for difference in differing[:3])
        output.print_note(
            f"The openclaw.json here is not what {connection.name} runs ({paths}); this estimate uses the one here. "
            "See `pointsman config diff`."
        )


def _task(text: str, type_: TaskType | None, tier: Tier | None, private: bool) -> Task:
    """Return the task in a prompt or a JSON message. Options override its fields."""
    chosen: dict[str, strict_json.Json] = {"type": type_, "tier": tier, "private": private or None}
    try:
        fields = _message(text) or {"prompt": text}
        fields.update((name, value) for name, value in chosen.items() if value is not None)
        return read_task(fields)
    except Rejection as rejection:
        raise BadInputError(rejection.reason) from None


def _message(text: str) -> dict[str, strict_json.Json] | None:
    """Return the task's fields if the text is a message. Any other text is the prompt itself."""
    from pointsman.contracts.envelope import unwrap

    if not text.lstrip().startswith("{"):
        return None
    try:
        fields, _ = unwrap(text, "")
    except Rejection:
        return None
    return fields if isinstance(fields, dict) and states_task(fields) else None


def _documents(run: "DryRun", file: Path | None) -> Iterator[dict[str, Any]]:
    """Yield a document per line, in order. Classifies as many undecided tasks per request as possible."""
    from pointsman_cli.dry_run import BATCH

    buffered: list[_Line] = []
    undecided = 0
    for raw in reading.read_lines(file):
        line = _line(raw)
        buffered.append(line)
        undecided += line.task is not None and not run.decides_locally(line.task)
        if not undecided or undecided == BATCH or len(buffered) == _MOST_BUFFERED:
            yield from _decided(run, buffered)
            buffered, undecided = [], 0
    yield from _decided(run, buffered)


def _decided(run: "DryRun", buffered: list[_Line]) -> Iterator[dict[str, Any]]:
    tasks = [line.task for line in buffered if line.task]
    decisions = iter(zip(tasks, run.decide(tasks), strict=True))
    for line in buffered:
        yield {**line.identity, **(run.document(*next(decisions)) if line.task else {"error": line.error})}


def _line(raw: bytes) -> _Line:
    try:
        fields = reading.parse_line(raw)
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
