"""What a statement says in words, for its page and its text."""

from collections.abc import Mapping

from pointsman.report.figures.baseline import ESTIMATE, Comparison
from pointsman.report.figures.quality import GroupKind
from pointsman.report.render.formatting import clip, percent, plural, rounded_dollars
from pointsman.report.render.quality_words import group_name, group_sentence, quality_text
from pointsman.report.render.reconciled import reconciled_words
from pointsman_cli.statement.figures import NamedCost, Statement

NAMES_SHOWN = 6
"""Of each label; all others are one line, and the JSON document has every name."""
NOBODY = "not stated"
_LONGEST_NAME = 60
_NOT_RECONCILED = "Not reconciled with a provider’s bill."  # noqa: RUF001


def billed_sentences(statement: Statement) -> list[str]:
    """Return how far the month's bills have been held against the ledger."""
    return [f"{reconciled_words(kept)}." for kept in statement.reconciled] or [_NOT_RECONCILED]


def billed_word(statement: Statement) -> tuple[str, str | None]:
    """Return whether what was billed is what was spent, and up to which day that is known."""
    days = [kept.until for kept in statement.reconciled if kept.until]
    if not days:
        return "not reconciled", None
    agrees = all(kept.explained for kept in statement.reconciled if kept.until)
    return "as spent" if agrees else "differs", f"reconciled until {min(days):%-d %B}"


def name_words(name: str | None) -> str:
    """Return a name as it is shown."""
    return NOBODY if name is None else clip(name, _LONGEST_NAME)


def by_cost(
    names: Mapping[str | None, NamedCost], most: int
) -> tuple[list[tuple[str | None, NamedCost]], list[NamedCost]]:
    """Return the names by cost, and those that are too many."""
    order = sorted(names.items(), key=lambda item: (item[0] is None, -item[1].cost_nano, item[0] or ""))
    kept = [item for item in order if item[1].tasks or item[1].cost_nano]
    named, nobody = [it for it in kept if it[0] is not None], [it for it in kept if it[0] is None]
    shown = len(named) if len(named) == most + 1 else most  # a line of others would take as much room
    return [*named[:shown], *nobody], [it for _, it in named[shown:]]


def cost_parts(comparison: Comparison) -> list[tuple[str, int]]:
    """Return the parts of what was spent; answers always, others where they are something."""
    parts = [
        ("Answers", comparison.answers_nano),
        ("Classification", comparison.classification_nano),
        ("Failed calls and replaced answers", comparison.failed_nano),
        ("Judges and audits", comparison.checking_nano),
        ("Calls of unknown cost (upper bound)", comparison.unknown_nano),
        ("Open calls (upper bound)", comparison.open_nano),
    ]
    return [(name, nano) for number, (name, nano) in enumerate(parts) if nano or not number]


def measured_sentence(statement: Statement) -> str:
    """Return which of the baseline's costs are measured, and how far the estimate was from them."""
    measured, answers = statement.measured, statement.comparison.answers
    if not measured.answers:
        return (
            f"All {plural(answers, 'answer')} are {ESTIMATE}; none was answered by the baseline too (pointsman.audit)."
        )
    difference = measured.measured_nano - measured.estimated_nano
    change = percent(100 * difference / measured.estimated_nano) if measured.estimated_nano else "-"
    was = "the same as" if not difference else f"{change.lstrip('-')} {'above' if difference > 0 else 'below'}"
    others = f"The cost of the other {answers - measured.answers:,} is {ESTIMATE}."
    given, estimate = plural(measured.answers, "answer"), rounded_dollars(measured.estimated_nano)
    return f"The baseline gave {given} too, for the audit: {was} the estimate of {estimate}. {others}"


def quality_lines(statement: Statement) -> list[str]:
    """Return what is known of the answers beside the baseline's: of all tasks, then by tier."""
    quality = statement.quality
    if quality is None:
        return ["Not measured: nobody judges the audit’s answers (pointsman.quality)."]  # noqa: RUF001
    tiers = [group for group in quality.groups if group.kind is GroupKind.TIER]
    by_tier = [f"{group_name(group).capitalize()}: {group_sentence(quality, group)}" for group in tiers]
    return [quality_text(quality), *(by_tier if len(by_tier) > 1 else [])]
