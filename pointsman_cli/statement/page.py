"""The statement as one page, for a browser and for print."""

from collections.abc import Iterable

from pointsman.report.figures.stack_place import StackPlace
from pointsman.report.render.attention import LOCAL_ACCOUNT
from pointsman.report.render.chart import days_chart, tier_legend
from pointsman.report.render.components import (
    count,
    headline_amount,
    html_page,
    model_label,
    money,
    note_paragraph,
    section,
    table_section,
)
from pointsman.report.render.formatting import percent, plural
from pointsman.report.render.markup import Child, Markup, el
from pointsman_cli.statement.figures import NamedCost, Statement
from pointsman_cli.statement.wording import (
    NAMES_SHOWN,
    billed_sentences,
    billed_word,
    by_cost,
    cost_parts,
    measured_sentence,
    name_words,
    quality_lines,
)

_TITLES = {"sender": "By team", "agent": "By agent", "ticket": "By ticket"}


def render_statement(statement: Statement, stack: StackPlace, *, stand_in: bool) -> str:
    """Return the page."""
    return html_page(
        f"Pointsman statement {statement.month}",
        _header(statement, stack, stand_in=stand_in),
        _figures(statement),
        el(
            "div",
            _spent(statement),
            _saved(statement),
            _sentences("billed", "Spent and billed", billed_sentences(statement)),
            _sentences("quality", "Quality", quality_lines(statement)),
            _models(statement),
            *(_named(statement, label) for label in _TITLES),
            class_="halves",
        ),
        _days(statement),
        _footer(statement),
    )


def _header(statement: Statement, stack: StackPlace, *, stand_in: bool) -> Markup:
    account = "on this machine" if stack.account == LOCAL_ACCOUNT else f"account {stack.account}, {stack.region}"
    place = el("p", f"Stack {stack.name}, {account}", class_="place") if stack.name else None
    so_far = f"The month so far, up to {statement.last:%-d %B}: its figures will still change."
    warning = "Stand-ins answered, not real models. Costs are calculated as if they were real."
    return el(
        "header",
        el("div", el("strong", "Pointsman"), class_="brand"),
        el("h1", f"Statement for {statement.first:%B %Y}"),
        place,
        None if statement.complete else el("p", so_far, class_="lead"),
        el("p", el("strong", warning), class_="standin", role="note") if stand_in else None,
    )


def _figures(statement: Statement) -> Markup:
    tasks = sum(named.tasks for named in statement.labels["sender"].values())
    calls = sum(named.calls for named in statement.models.values())
    spent = _figure(
        "Spent", headline_amount(statement.spent_nano), f"{plural(tasks, 'task')} in {plural(calls, 'call')}"
    )
    of = el("span", money(abs(statement.saved_nano), 4), " of ", money(statement.baseline_nano, 4))
    known = statement.saved_percent is not None
    title = "Saved" if statement.saved_nano >= 0 else "Lost"
    big = percent(abs(statement.saved_percent)) if statement.saved_percent is not None else "–"  # noqa: RUF001
    saved = _figure(title, big, of if known else "Nothing to compare: no task was answered.")
    billed = _figure("Billed", *billed_word(statement))
    return el("dl", spent, saved, billed, class_="figures")


def _figure(title: str, big: Markup | str, *sub: Child) -> Markup:
    return el(
        "div", el("dt", title), el("dd", big, class_="big"), *(el("dd", line, class_="sub") for line in sub if line)
    )


def _spent(statement: Statement) -> Markup:
    rows: list[list[Child]] = [[name, money(nano)] for name, nano in cost_parts(statement.comparison)]
    counted = statement.counted_nano - statement.spent_nano
    note = "The budget’s counters hold the same amount."  # noqa: RUF001
    if counted:
        note = "The budget’s counters differ from the ledger: "  # noqa: RUF001
    return table_section(
        "spent",
        "What was spent",
        "Parts of what was spent",
        ["USD", "Cost"],
        rows,
        note_paragraph(note, money(counted) if counted else None),
        total=["Spent", money(statement.spent_nano)],
    )


def _saved(statement: Statement) -> Markup | None:
    comparison, measured = statement.comparison, statement.measured
    if not comparison.answers:
        return None
    estimated = comparison.baseline_nano - measured.estimated_nano
    rows: list[list[Child]] = [
        [f"Measured: {plural(measured.answers, 'answer')}", money(measured.measured_nano)],
        [f"Estimated: {plural(comparison.answers - measured.answers, 'answer')}", money(estimated)],
        ["− Spent", money(statement.spent_nano)],  # noqa: RUF001
        ["− AWS (estimate)", money(comparison.aws_nano)],  # noqa: RUF001
    ]
    economy = statement.economy.saved_nano
    of_lane = ["Batches at half the price are ", money(economy), " of it."] if economy else []
    return table_section(
        "saved",
        "What was saved",
        "The same answers on the baseline, minus what was spent",
        ["USD", "Amount"],
        rows if measured.answers else rows[1:],
        note_paragraph(measured_sentence(statement), *([" ", *of_lane] if of_lane else [])),
        lead=el(
            "span", "The baseline is every answer from ", model_label(comparison.model), ", at its list price then."
        ),
        total=["Saved" if statement.saved_nano >= 0 else "Lost", money(abs(statement.saved_nano))],
    )


def _sentences(name: str, heading: str, lines: Iterable[str]) -> Markup:
    return section(name, heading, *(el("p", line) for line in lines))


def _models(statement: Statement) -> Markup:
    rows: list[list[Child]] = [
        [model_label(name), count(named.calls), money(named.cost_nano)]
        for name, named in sorted(statement.models.items(), key=lambda item: (-item[1].cost_nano, item[0]))
    ]
    calls = sum(named.calls for named in statement.models.values())
    total: list[Child] = ["Total", count(calls), money(statement.spent_nano)]
    return table_section("models", "By model", "Calls and cost by model", ["Model", "Calls", "Cost"], rows, total=total)


def _named(statement: Statement, label: str) -> Markup | None:
    names = statement.labels[label]
    if not any(names):
        return None
    shown, others = by_cost(names, NAMES_SHOWN)
    rows = [_name_row(name_words(name), named) for name, named in shown]
    if others:
        rows.append(_name_row(f"{len(others):,} others", _sum(others)))
    # A task that was worked on under two names counts under both, so tasks have no total.
    total: list[Child] = ["Total", None, money(statement.spent_nano)]
    header = [label.capitalize(), "Tasks", "Cost"]
    return table_section(f"by-{label}", _TITLES[label], f"Tasks and cost by {label}", header, rows, total=total)


def _name_row(name: str, named: NamedCost) -> list[Child]:
    return [name, count(named.tasks), money(named.cost_nano)]


def _sum(named: Iterable[NamedCost]) -> NamedCost:
    costs = list(named)
    return NamedCost(sum(it.tasks for it in costs), sum(it.calls for it in costs), sum(it.cost_nano for it in costs))


def _days(statement: Statement) -> Markup | None:
    if not any(day.cost_nano for day in statement.days):
        return None
    return section("days", "By day", days_chart(statement.days), tier_legend())


def _footer(statement: Statement) -> Markup:
    span = f"Covers calls started from {statement.first:%-d} to {statement.last:%-d %B %Y}, in the report’s time zone."  # noqa: RUF001
    return el(
        "footer",
        el("p", f"{span} Amounts are rounded for display; source and JSON hold the exact values."),
        el("p", "Teams are senders, as AWS and this stack know them. The cost of AWS is an estimate."),
    )
