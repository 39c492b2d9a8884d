"""The statement as text."""

import textwrap

from pointsman.report.render.formatting import clip, percent, rounded_dollars
from pointsman_cli.statement.figures import NamedCost, Statement
from pointsman_cli.statement.wording import (
    billed_sentences,
    by_cost,
    cost_parts,
    measured_sentence,
    name_words,
    quality_lines,
)

STATEMENT_WIDTH = 80
_SHOWN = 5
"""Names of each label; the page has more, and the JSON document all."""


def statement_text(statement: Statement, width: int, *, stand_in: bool) -> str:
    """Return the text."""
    so_far = "" if statement.complete else f", up to {statement.last:%-d %B}"
    comparison = statement.comparison
    saved = percent(statement.saved_percent) if statement.saved_percent is not None else "nothing to compare"
    tables = [
        ("Spent", [*cost_parts(comparison), ("Spent", statement.spent_nano)]),
        (
            f"Saved against {comparison.model}",
            [
                ("The same answers on it, measured", statement.measured.measured_nano),
                ("The same answers on it, estimated", statement.baseline_nano - statement.measured.measured_nano),
                ("Spent", -statement.spent_nano),
                ("AWS (estimate)", -comparison.aws_nano),
                (f"Saved ({saved})", statement.saved_nano),
            ],
        ),
        *((f"By {label}", _named(names)) for label, names in statement.labels.items() if any(names)),
    ]
    lines = [f"Pointsman statement for {statement.first:%B %Y}{so_far}"]
    lines += ["STAND-INS ANSWERED, NOT REAL MODELS: costs as if they were real."] if stand_in else []
    for title, amounts in tables:
        lines += ["", title, *(_amount(name, nano, width) for name, nano in amounts)]
    sentences = [measured_sentence(statement), *billed_sentences(statement), *_quality(statement)]
    for sentence in sentences:
        lines += ["", *textwrap.wrap(sentence.replace("’", "'").replace("±", "+-"), width, break_on_hyphens=False)]  # noqa: RUF001
    return "\n".join(lines) + "\n"


def _quality(statement: Statement) -> list[str]:
    first, *tiers = quality_lines(statement)
    return [f"Quality: {first}", *tiers]


def _named(names: dict[str | None, NamedCost]) -> list[tuple[str, int]]:
    shown, others = by_cost(names, _SHOWN)
    rows = [(name_words(name), named.cost_nano) for name, named in shown]
    return rows + ([(f"{len(others):,} others", sum(it.cost_nano for it in others))] if others else [])


def _amount(name: str, nano: int, width: int) -> str:
    return f"  {clip(name, width - 18):<{width - 18}}{rounded_dollars(nano):>16}"
