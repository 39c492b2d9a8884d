"""`pointsman audit`: the answers of the sample beside the baseline's."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from pointsman_cli import output
from pointsman_cli.errors import Exit, NotFoundError
from pointsman_cli.options import AsJson, Profile, Region, Stack

EXAMPLES = """\b
Examples:
  pointsman audit                         the sample of the last 7 days
  pointsman audit nightly-triage-118      both answers to one task
  pointsman audit --days 30 --json | jq '.pairs[] | {prompt, delivered, baseline}'"""
MOST_DAYS = 100
"""The days that a task's record is kept."""


def audit(
    task_id: Annotated[
        str | None, typer.Argument(metavar="TASK_ID", help="Show both answers to this task; without: the sample.")
    ] = None,
    days: Annotated[
        int, typer.Option("--days", metavar="N", min=1, max=MOST_DAYS, help="Look at the audits of the last N days.")
    ] = 7,
    as_json: AsJson = False,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Show tasks that the baseline has answered too, for a person to compare.

    Which share of the tasks that is, `pointsman.audit.share` in openclaw.json says: none by default.
    """
    from pointsman_cli import audits, stacks, tasks

    found = stacks.find(stack, profile, region)
    if task_id:
        record = tasks.read(found.client, task_id)
        if record.audit is None:
            raise NotFoundError(f"task {task_id} has no audit")
        records = [record]
    else:
        until = found.runtime.context.clock.now()
        records = audits.sampled(found.runtime, until - timedelta(days=days), until)
    stated = audits.document((audits.pair(found.runtime, record) for record in records), stand_in=found.stand_in)
    if as_json:
        output.document(stated)
        return Exit.OK
    found.say_stand_in()
    if task_id:
        _show(stated["pairs"][0])
    else:
        _list(stated, days)
    return Exit.OK


def _list(stated: dict[str, Any], days: int) -> None:
    if not stated["pairs"]:
        output.note(f"No task was audited in the last {days} days.")
        return
    header = ("task", "type", "answered by", "cost", "baseline", "outcome", "cost", "at")
    output.table(header, [_row(each) for each in stated["pairs"]], right=(3, 6))
    print()
    output.pairs([("audits", stated["audits"]), ("cost", output.dollars(stated["cost_nano_usd"]))])


def _row(pair: dict[str, Any]) -> tuple[object, ...]:
    own, other = pair["delivered"], pair["baseline"]
    baseline = (other["model"], other["outcome"], _cost(other), other["at"])
    return pair["task_id"], pair["type"], own["model"], _cost(own), *baseline


def _show(pair: dict[str, Any]) -> None:
    own, other = pair["delivered"], pair["baseline"]
    parts = [
        (f"task {pair['task_id']} ({pair['type']})", pair["prompt"]),
        (f"delivered: {own['model']}, {_cost(own)}", own["answer"]),
        (f"baseline: {other['model']}, {other['outcome']}, {_cost(other)}", other["answer"]),
    ]
    for title, words in parts:
        print(f"── {title}")
        output.text("(no text)" if words is None else words)
        print()


def _cost(answer: dict[str, Any]) -> str:
    return output.dollars(answer["cost_nano_usd"] or 0)
