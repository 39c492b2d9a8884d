"""What in the report may need a person: the most urgent first, each with why and what to do."""

from collections.abc import Iterator
from typing import NamedTuple

from pointsman.execution.outcome import AccountTrouble
from pointsman.execution.refused_account import REASONS, STEPS
from pointsman.report.figures.report import Report
from pointsman.report.render.formatting import clip, plural, rounded_dollars

SHORT_WIDTH = 38
"""Of an item on a phone, after its mark."""


class Attention(NamedTuple):
    """One thing that may need a person."""

    what: str
    """Its kind, a fixed word."""
    why: str
    """A sentence."""
    money_nano_usd: int
    """What it is about, in nano-dollars; 0: no amount."""
    do: str
    """The next step, a clause."""
    short: str
    """The sentence in at most `SHORT_WIDTH` characters."""

    @property
    def step(self) -> str:
        """The next step as a sentence."""
        return f"{self.do[:1].upper()}{self.do[1:]}."


def attention_of(report: Report) -> list[Attention]:
    """Return what may need a person, the most urgent first; empty: all is well."""
    items = [*_accounts(report), *_budget(report), *_costs(report), *_free(report), *_models(report)]
    return [item._replace(short=clip(item.short, SHORT_WIDTH)) for item in items]


def _accounts(report: Report) -> Iterator[Attention]:
    for (provider, trouble), count in report.account_refusals.items():
        known = AccountTrouble(trouble)
        yield Attention(
            "account",
            f"{provider} refused {plural(count, 'call')} ({trouble}): {REASONS[known]}.",
            0,
            f"{STEPS[known]}, unless `pointsman doctor` shows that it is over",
            f"{provider} refuses the account: {trouble}",
        )


def _budget(report: Report) -> Iterator[Attention]:
    month = report.month
    if month.cap and month.projected_nano and month.projected_nano > month.cap.limit_nano:
        projected = rounded_dollars(month.projected_nano, 2)
        yield Attention(
            "pace",
            f"At this pace, {report.day:%B} will cost {projected}, which is over budget.",
            month.projected_nano - month.cap.limit_nano,
            "raise pointsman.budget.month_usd or look at the most expensive tasks; beyond the cap, tasks are held, "
            "degraded or refused, as openclaw.json says",
            f"pace {projected}, over budget",
        )
    if report.complete and (difference := month.total.difference_nano):
        amount = rounded_dollars(abs(difference))
        yield Attention(
            "counters",
            f"The budget's counters and the ledger's rows differ by {amount} this month.",
            abs(difference),
            "publish the day again after the next sweep; if they still differ, a table was changed by hand",
            f"counters differ by {amount}",
        )


def _costs(report: Report) -> Iterator[Attention]:
    if report.unknown.count:
        calls, reserved = plural(report.unknown.count, "call"), rounded_dollars(report.unknown.reserved_nano)
        yield Attention(
            "unknown_cost",
            f"{calls} of unknown cost, booked at the reserved amount: {reserved}.",
            report.unknown.reserved_nano,
            "nothing, or compare the month with the provider's bill",
            f"{calls} of unknown cost",
        )
    if report.total.open_attempts:
        calls = plural(report.total.open_attempts, "call")
        yield Attention(
            "open_calls",
            f"{calls} still open, counted at the reserved amount.",
            report.baseline.open_nano,
            "nothing, the sweep settles them",
            f"{calls} still open",
        )


def _free(report: Report) -> Iterator[Attention]:
    if skipped := report.skipped_free.attempts:
        calls, cost = plural(skipped, "call"), rounded_dollars(report.skipped_free.cost_nano)
        yield Attention(
            "free_skipped",
            f"{calls} skipped the free model of the tier (unavailable, or a private task): {cost}.",
            report.skipped_free.cost_nano,
            "nothing for private tasks; else see with `pointsman doctor` what keeps the model from serving",
            f"{calls} skipped the free model",
        )


def _models(report: Report) -> Iterator[Attention]:
    for notice in report.notices:
        step = f"put {notice.successor or 'another model'} into openclaw.json and deploy"
        yield Attention("model", f"{notice.text}.", 0, step, notice.short)
