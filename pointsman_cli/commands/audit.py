"""`pointsman audit`: the answers of the sample beside the baseline's."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from pointsman_cli import output
from pointsman_cli.errors import BadInputError, NotFoundError
from pointsman_cli.options import AsJson, StackOptions

_MOST_DAYS = 100
"""The days that a task's record is kept."""


def audit(
    stack: StackOptions,
    task_id: Annotated[
        str | None, typer.Argument(metavar="TASK_ID", help="Show both answers to this task; without: the sample.")
    ] = None,
    days: Annotated[
        int, typer.Option(metavar="N", min=1, max=_MOST_DAYS, help="Look at the audits of the last N days.")
    ] = 7,
    better: Annotated[
        str | None,
        typer.Option(metavar="WHICH", help="Keep which answer to TASK_ID is better: delivered, baseline or same."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare answers with those of the baseline.

    `pointsman.audit.share` in openclaw.json sets which share of the tasks the baseline answers too: none by default.
    """
    from pointsman_cli import tasks

    if better and not task_id:
        raise BadInputError("--better: say which task it is about")
    connection = stack.connect()
    if task_id:
        task_id = connection.task_id(task_id)
        record = tasks.read_task_record(connection.client, task_id)
        if record.audit is None:
            raise NotFoundError(f"task {task_id} has no audit")
        if better:
            tasks.keep_better(connection.runtime, record, better)
            record = tasks.read_task_record(connection.client, task_id)
        records = [record]
    else:
        until = connection.runtime.context.clock.now()
        records = tasks.audited_tasks(connection.runtime, until - timedelta(days=days), until)
    document = tasks.audit_document(
        (tasks.answer_pair(connection.runtime, record) for record in records), stand_in=connection.stand_in
    )
    if as_json:
        output.print_document(document)
        return
    connection.say_stand_in()
    if task_id:
        _show(document["pairs"][0])
    else:
        _list(document, days)


def _list(stated: dict[str, Any], days: int) -> None:
    if not stated["pairs"]:
        output.print_note(f"No task was audited in the last {days} days.")
        return
    header = ("task", "type", "answered by", "cost", "baseline", "outcome", "cost", "at")
    output.print_table(header, [_row(pair) for pair in stated["pairs"]], right=(3, 6))
    print()
    output.print_pairs([("audits", stated["audits"]), ("cost", output.exact_dollars(stated["cost_nano_usd"]))])


def _row(pair: dict[str, Any]) -> tuple[object, ...]:
    delivered, other = pair["delivered"], pair["baseline"]
    baseline = (other["model"], other["outcome"], _cost(other), other["at"])
    return pair["task_id"], pair["type"], delivered["model"], _cost(delivered), *baseline


def _show(pair: dict[str, Any]) -> None:
    delivered, other = pair["delivered"], pair["baseline"]
    parts = [
        (f"task {pair['task_id']} ({pair['type']})", pair["prompt"]),
        (f"delivered: {delivered['model']}, {_cost(delivered)}", delivered["answer"]),
        (f"baseline: {other['model']}, {other['outcome']}, {_cost(other)}", other["answer"]),
    ]
    for title, words in parts:
        print(f"── {title}")
        output.print_text("(no text)" if words is None else words)
        print()


def _cost(answer: dict[str, Any]) -> str:
    return output.exact_dollars(answer["cost_nano_usd"] or 0)
