"""Kinds of day, for pictures of the report's page: empty, one task, normal, all failed, 5,000 tasks, batches."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pointsman.execution.batch import BatchEntry, BatchStage, LaneBatch
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.outcome import Shortfall
from pointsman.execution.waiting import Waiting, WaitingFor
from pointsman.report.figures.day_tasks import DayTask, DayTasks, day_tasks
from pointsman.report.figures.report import Report, build_report
from pointsman.report.figures.stack_place import StackPlace
from pointsman.values.taxonomy import Tier
from pointsman.values.times import day_bounds, to_text
from tests.support import pages, report_rows
from tests.support.pages import DAY, FLASH, HAIKU, SONNET, ZONE

SINCE, UNTIL = day_bounds(DAY, ZONE)


def _attempts(number: int, dice: random.Random) -> Iterator[dict[str, Any]]:
    choices = [(FLASH, "orchestration", "status"), (HAIKU, "implementation", "code_generation")]
    choices.append((SONNET, "reasoning", "architecture"))
    for index in range(number):
        model, tier, kind = choices[min(2, int(dice.expovariate(0.9)))]
        at = SINCE + timedelta(seconds=dice.randint(0, 86_000))
        yield pages.row(
            f"{kind.replace('_', '-')}-{index}",
            at,
            model,
            tier=tier,
            type=kind,
            input=dice.randint(500, 30_000),
            output=dice.randint(100, 6_000),
            milliseconds=dice.randint(300, 9_000),
            metadata={"ticket": f"PAY-{dice.randint(100, 140)}", "agent": dice.choice(["ci", "main", "work"])},
        )


def _received(rows: list[dict[str, Any]], **others: int) -> DayTasks:
    """Return the rows' tasks as completed, and so many others of each kind."""
    waiting = Waiting(
        WaitingFor.BUDGET, UNTIL, UNTIL, HAIKU, None, Shortfall("day_21_implementation", 900_000, 12_000, 0)
    )
    reasons = {"failed": ("deadline", "over_budget", "refused"), "rejected": ("unknown_tier",)}
    tasks = [DayTask(row["task_id"], row["at"], "completed", ended_at=row["at"]) for row in rows]
    for kind, number in others.items():
        for index in range(number):
            tasks.append(
                DayTask(
                    f"{kind.replace('_', '-')}-{index}",
                    to_text(SINCE + timedelta(hours=9, minutes=index % 600)),
                    "started" if kind in ("held", "under_way") else kind,
                    reason=reasons[kind][index * index % len(reasons[kind])] if kind in reasons else None,
                    type=None if kind == "rejected" else "code_generation",
                    ticket=None if kind == "rejected" else f"PAY-{310 + index % 5}",
                    cost_nano=1_200_000 if kind == "failed" else 0,
                    waiting=waiting if kind == "held" else None,
                )
            )
    return day_tasks(tasks, UNTIL)


def economy_entries() -> list[dict[str, Any]]:
    """Return entries of batches that ended in every way, and a repetition of one the standard way."""
    work: dict[str, Any] = {"tier": "implementation", "type": "documentation", "input": 14_000, "output": 3_000}
    nothing: dict[str, Any] = {**work, "input": 0, "output": 0}
    rows = []
    for number, (outcome, fields) in enumerate(
        [
            *[("answered", {**work, "cost_nano": 1_450_000})] * 5,
            ("not_sent", {**nothing, "cost_nano": 0}),
            ("unknown", {**nothing, "cost_nano": 4_000_000, "cost_known": False}),
            ("refused", {**nothing, "cost_nano": 0}),
        ]
    ):
        at, entry = SINCE + timedelta(hours=9, minutes=number), f"20261121T080000-ab12cd34ef56-{number:04d}"
        rows.append(pages.row(f"documentation-{number}", at, HAIKU, outcome=outcome, batch_entry=entry, **fields))
    later = pages.row("documentation-8", SINCE + timedelta(hours=20), HAIKU, batch_entry="b-0000", **work)
    for settled in ("outcome", "cost_nano", "cost_known", "input", "output"):
        del later[settled]
    again = SINCE + timedelta(hours=19)
    repeated = pages.row("documentation-5", again, HAIKU, turn="000001.000002", hop=0, milliseconds=2_100, **work)
    return [*rows, later, repeated]


def economy_tasks() -> DayTasks:
    """Return the tasks of these entries, one that waits, and two that the lane could not take."""
    ends = UNTIL + timedelta(hours=9, minutes=30)
    in_batch = Waiting(WaitingFor.BATCH, ends, ends)
    at = to_text(SINCE + timedelta(hours=9))
    done = [DayTask(f"documentation-{number}", at, "completed", ended_at=at) for number in range(8)]
    return day_tasks(
        [
            *done,
            DayTask("documentation-8", at, "started", waiting=in_batch, type="documentation"),
            DayTask("documentation-9", at, "completed", ended_at=at, standard_reason="deadline"),
            DayTask("status-1", at, "completed", ended_at=at, standard_reason="model_without_batches"),
        ],
        UNTIL,
    )


def economy_batches() -> tuple[LaneBatch, ...]:
    """Return a batch that is under way, and one whose creation was not answered."""
    until, key = UNTIL + timedelta(hours=9), RowKey("2026-11-21#1", "2026-11-21T19:00:00.000Z#documentation-8#1.1")
    created = LaneBatch("b", HAIKU, until, (BatchEntry("documentation-8", key),), BatchStage.CREATED)
    sent_at = UNTIL - timedelta(minutes=40)
    return created, replace(created, batch_id="c", stage=BatchStage.SENT, sent_at=sent_at)


def _report(rows: list[dict[str, Any]], received: DayTasks | None = None, **scope_of: Any) -> Report:
    spent = sum(row.get("cost_nano", 0) for row in rows)
    place = StackPlace("pointsman", "000000000000", "us-east-1")
    scope = report_rows.scope_of(day=DAY, zone=ZONE, now=UNTIL + timedelta(hours=6), stack=place, **scope_of)
    counters = {"day_21": spent, **{f"day_21_{tier}": 0 for tier in Tier}}
    return build_report(scope, [rows], counters, received=received or pages.completed(rows, UNTIL))


def kinds_of_day() -> dict[str, Report]:
    """Return a report of each kind."""
    dice = random.Random(4)
    one = [
        pages.row(
            "write-parser",
            SINCE + timedelta(hours=10, minutes=5),
            HAIKU,
            tier="implementation",
            type="code_generation",
            input=900,
            output=350,
            milliseconds=1_900,
            metadata={"ticket": "PAY-311", "agent": "ci"},
        )
    ]
    failed = [
        pages.row(
            f"failed-{number}",
            SINCE + timedelta(hours=9, minutes=number),
            HAIKU,
            tier="implementation",
            type="code_generation",
            outcome="refused",
            input=800,
            milliseconds=700,
            cost_nano=1_200_000,
        )
        for number in range(6)
    ]
    many = list(_attempts(4_958, dice))
    month, _ = pages.month()
    return {
        "empty": _report([], DayTasks()),
        "one": _report(one),
        "normal": month,
        "failed": _report(failed, _received([], failed=6, held=2, rejected=1)),
        "many": _report(many, _received(many, failed=21, held=9, rejected=4, under_way=6, cancelled=2)),
        "economy": _report(economy_entries(), economy_tasks(), open_batches=economy_batches()),
    }
