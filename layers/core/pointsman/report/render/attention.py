"""What in the report needs a person: the most urgent first, then the most expensive, each with why and what to do."""

import re
from collections.abc import Iterator
from datetime import date
from enum import IntEnum
from typing import NamedTuple

from pointsman.execution.outcome import AccountTrouble
from pointsman.execution.refused_account import REASONS, STEPS
from pointsman.report.figures.day_tasks import DayTasks, TaskKind
from pointsman.report.figures.drivers import drivers, spend_before
from pointsman.report.figures.report import Report
from pointsman.report.render.formatting import clip, plural, rounded_dollars
from pointsman.report.render.quality_words import group_name
from pointsman.values.money import NANO_PER_USD
from pointsman.values.times import to_text

SHORT_WIDTH = 38
"""Of an item on a phone, after its mark."""
LOCAL_ACCOUNT = "000000000000"
"""The account of the local stack's emulator."""
_LEAST_MONEY = NANO_PER_USD // 100
"""A cent: what is about less money than this, or than a hundredth of the day's cost, is no item."""
_UNUSUAL, _UNUSUAL_NANO = 3, NANO_PER_USD // 10
"""A day is unusual that cost so many times the average before it, and more than ten cents."""
_CAP_WARNS = 80.0
"""Percent of a cap from which it is an item, as for the alarm MonthSpend and `pointsman doctor`."""
_REASONS_SHOWN = 3


class Urgency(IntEnum):
    """How soon an item wants somebody."""

    STANDS_STILL = 0
    """Tasks do not go on."""
    LOST = 1
    """Tasks ended without an answer."""
    MONEY = 2
    LATER = 3


class Attention(NamedTuple):
    """One thing that needs a person."""

    urgency: Urgency
    what: str
    """Its kind, a fixed word."""
    why: str
    """A sentence."""
    money_nano_usd: int
    """What it is about, in nano-dollars; 0: no amount."""
    do: str
    """The next step, a clause with its command in backticks."""
    short: str
    """The sentence in at most `SHORT_WIDTH` characters."""

    @property
    def step(self) -> str:
        """The next step as a sentence."""
        return f"{self.do[:1].upper()}{self.do[1:]}."


def attention_of(report: Report) -> list[Attention]:
    """Return what needs a person, the most urgent and then the most expensive first; empty: all is well."""
    least = max(_LEAST_MONEY, report.total.cost_nano // 100)
    about_money = [item for item in _costs(report) if item.money_nano_usd >= least]
    items = [
        *_accounts(report),
        *task_items(report.received, report.day),
        *_batches(report),
        *_budget(report),
        *about_money,
        *_quality(report),
        *_models(report),
    ]
    ordered = sorted(items, key=lambda item: (item.urgency, -item.money_nano_usd))
    option = stack_option(report)
    return [
        item._replace(short=clip(item.short, SHORT_WIDTH), do=re.sub("(`pointsman [^`]*)`", rf"\1{option}`", item.do))
        for item in ordered
    ]


def stack_option(report: Report) -> str:
    """Return what a command needs to reach the report's stack: nothing for the local one."""
    name, account, _ = report.stack
    return f" --stack {name}" if name and account != LOCAL_ACCOUNT else ""


def all_is_well(report: Report) -> bool:
    """Whether nothing needs a person, and that is known: the records of the day's tasks are there."""
    return not attention_of(report) and not lacks_records(report)


def lacks_records(report: Report) -> bool:
    """Whether there were calls for tasks and no record of a task that was received in the day."""
    return bool(report.total.tasks and not report.received.received)


def _accounts(report: Report) -> Iterator[Attention]:
    for (provider, trouble), count in report.account_refusals.items():
        known = AccountTrouble(trouble)
        yield Attention(
            Urgency.STANDS_STILL,
            "account",
            f"{provider} refused {plural(count, 'call')} ({trouble}): {REASONS[known]}.",
            0,
            f"{STEPS[known]}, unless `pointsman doctor` shows that it is over",
            f"{provider} refuses the account: {trouble}",
        )


def task_items(tasks: DayTasks, day: date) -> Iterator[Attention]:
    """Yield what needs a person about the day's tasks; nothing exactly when `tasks.all_well`."""
    counts, costs = tasks.counts, tasks.costs
    if held := counts[TaskKind.HELD]:
        first = tasks.first(TaskKind.HELD)
        do = first.waiting.do if first and first.waiting else "raise the cap in openclaw.json and deploy"
        yield Attention(
            Urgency.STANDS_STILL,
            "held",
            f"{plural(held, 'task')} {_verb(held, 'is', 'are')} held by a used-up budget{_why(tasks, TaskKind.HELD)}.",
            sum(_needed(tasks)),
            f"see with `pointsman list --status held --since {day}`; {do}",
            f"{plural(held, 'task')} held by the budget",
        )
    if tasks.late:
        yield Attention(
            Urgency.STANDS_STILL,
            "late",
            f"{plural(tasks.late, 'task')} {_verb(tasks.late, 'is', 'are')} late: not ended by the deadline, or ended "
            "and not delivered.",
            0,
            "finish them with `pointsman sweep`",
            f"{plural(tasks.late, 'task')} late",
        )
    if tasks.unread:
        yield Attention(
            Urgency.STANDS_STILL,
            "unread",
            f"What {plural(tasks.unread, 'task')} under way {_verb(tasks.unread, 'waits', 'wait')} for could not be "
            "read; some may be held.",
            0,
            f"see with `pointsman list --status started --since {day}`",
            f"{plural(tasks.unread, 'task')}: wait unknown",
        )
    if failed := counts[TaskKind.FAILED]:
        yield Attention(
            Urgency.LOST,
            "failed",
            f"{plural(failed, 'task')} failed{_why(tasks, TaskKind.FAILED)}.",
            costs[TaskKind.FAILED],
            f"see with `pointsman list --status failed --since {day}`; "
            "repeat them with `pointsman replay --failed --execute`",
            f"{plural(failed, 'task')} failed",
        )
    if rejected := counts[TaskKind.REJECTED]:
        yield Attention(
            Urgency.LOST,
            "rejected",
            f"{plural(rejected, 'message')} {_verb(rejected, 'was', 'were')} rejected{_why(tasks, TaskKind.REJECTED)}.",
            0,
            "see why with `pointsman replay`, and send them again corrected",
            f"{plural(rejected, 'message')} rejected",
        )
    if tasks.dead_letters > rejected or (tasks.dead_letters and not rejected):
        yield Attention(
            Urgency.LOST,
            "dead_letters",
            f"{plural(tasks.dead_letters, 'message')} in the dead-letter queue.",
            0,
            "see why with `pointsman replay`",
            f"{plural(tasks.dead_letters, 'dead letter')}",
        )


def _batches(report: Report) -> Iterator[Attention]:
    unanswered = report.economy.unanswered if report.economy else ()
    if unanswered:
        entries = plural(sum(batch.entries for batch in unanswered), "entry", "entries")
        since = to_text(min(batch.sent_at for batch in unanswered))
        yield Attention(
            Urgency.STANDS_STILL,
            "unanswered_batch",
            f"The creation of a batch ({entries}, sent {since}) is not answered and not found; no other is created.",
            0,
            "see with `pointsman doctor` what keeps the provider from being asked, then look for it with "
            "`pointsman economy`; after an hour without it, its entries end as unknown",
            f"a batch of {entries} is not answered",
        )


def _quality(report: Report) -> Iterator[Attention]:
    for group in report.quality.drops if report.quality else ():
        name = group_name(group)
        yield Attention(
            Urgency.LATER,
            "quality",
            f"The answers of {name} are worse than the baseline's, beyond doubt.",
            0,
            "see them with `pointsman audit`, and what to change with `pointsman tune`",
            f"quality dropped: {name}",
        )


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def _why(tasks: DayTasks, kind: TaskKind) -> str:
    """Return the reasons of a kind, most first, as the end of a sentence."""
    reasons = list(tasks.reasons.get(kind, {}).items())
    more = sum(count for _, count in reasons[_REASONS_SHOWN:])
    words = [f"{count:,} {clip(name.replace('_', ' '), 40)}" for name, count in reasons[:_REASONS_SHOWN]]
    words += [f"{more:,} others"] if more else []
    if len(reasons) == 1:
        words = [clip(reasons[0][0].replace("_", " "), 40)]
    return f" ({', '.join(words)})" if words else ""


def _needed(tasks: DayTasks) -> Iterator[int]:
    for task in tasks.listed:
        if task.kind is TaskKind.HELD and task.waiting and task.waiting.shortfall:
            yield task.waiting.shortfall.needs_nano_usd or 0


def _budget(report: Report) -> Iterator[Attention]:
    month = report.month
    if month.cap and month.projected_nano and month.projected_nano > month.cap.limit_nano:
        projected = rounded_dollars(month.projected_nano, 2)
        yield Attention(
            Urgency.MONEY,
            "pace",
            f"At this pace, {report.day:%B} will cost {projected}, which is over budget.",
            month.projected_nano - month.cap.limit_nano,
            "raise pointsman.budget.month_usd in openclaw.json and deploy, or look at the most expensive tasks; beyond "
            "the cap, tasks are held, degraded or refused, as openclaw.json says",
            f"pace {projected}, over budget",
        )
    for cap in month.caps:
        if (cap.percent or 0) >= _CAP_WARNS and (cap.counter.startswith("month") or not report.complete):
            name = cap.counter.replace("_", " ")
            yield Attention(
                Urgency.MONEY,
                "cap",
                f"{cap.percent:.0f}% of the cap {name} is spent.",
                cap.spent_nano,
                "raise the cap in openclaw.json and deploy, or see what costs most with `pointsman list --sort cost`",
                f"{cap.percent:.0f}% of the cap {name} spent",
            )
    if report.complete and (difference := month.total.difference_nano):
        amount = rounded_dollars(abs(difference))
        yield Attention(
            Urgency.LATER,
            "counters",
            f"The budget's counters and the ledger's rows differ by {amount} this month.",
            abs(difference),
            "publish the day again after the next sweep; if they still differ, a table was changed by hand",
            f"counters differ by {amount}",
        )


def _costs(report: Report) -> Iterator[Attention]:
    """Yield what is about an amount of money alone; too small amounts are left out."""
    cost, before = report.total.cost_nano, spend_before(report.recent)
    if before.average_nano and cost > max(_UNUSUAL * before.average_nano, _UNUSUAL_NANO):
        times = cost / before.average_nano
        most = next(iter(drivers(report)), None)
        by = f"; {most.kind} {clip(most.name, 40)} made {most.percent:.0f}% of it" if most else ""
        yield Attention(
            Urgency.MONEY,
            "unusual",
            f"The day cost {times:.1f} times the average of the {before.average_days} days before{by}.",
            cost,
            f"see what cost most with `pointsman list --sort cost --since {report.day}`",
            f"{times:.1f} times the usual cost",
        )
    if report.unknown.count:
        calls, reserved = plural(report.unknown.count, "call"), rounded_dollars(report.unknown.reserved_nano)
        yield Attention(
            Urgency.LATER,
            "unknown_cost",
            f"{calls} of unknown cost, booked at the reserved amount: {reserved}.",
            report.unknown.reserved_nano,
            "nothing, or compare the month with the provider's bill",
            f"{calls} of unknown cost",
        )
    if report.total.open_attempts and report.complete:
        calls = plural(report.total.open_attempts, "call")
        yield Attention(
            Urgency.LATER,
            "open_calls",
            f"{calls} still open, counted at the reserved amount.",
            report.baseline.open_nano,
            "nothing, the sweep settles them; `pointsman sweep` does so now",
            f"{calls} still open",
        )
    if skipped := report.skipped_free.attempts:
        calls, amount = plural(skipped, "call"), rounded_dollars(report.skipped_free.cost_nano)
        yield Attention(
            Urgency.LATER,
            "free_skipped",
            f"{calls} skipped the free model of the tier (unavailable, or a private task): {amount}.",
            report.skipped_free.cost_nano,
            "nothing for private tasks; else see with `pointsman doctor` what keeps the model from serving",
            f"{calls} skipped the free model",
        )


def _models(report: Report) -> Iterator[Attention]:
    for notice in report.notices:
        step = f"put {notice.successor or 'another model'} into openclaw.json and deploy"
        yield Attention(Urgency.LATER, "model", f"{notice.text}.", 0, step, notice.short)
