"""The report as one page: the day's tasks, what needs a person, money, what made most of it, then the details."""

from collections.abc import Sequence

from pointsman.report.figures.baseline import ESTIMATE
from pointsman.report.figures.day_summary import CHART_DAYS
from pointsman.report.figures.drivers import spend_before
from pointsman.report.figures.history import PublishedDay
from pointsman.report.figures.ledger_entries import Totals
from pointsman.report.figures.report import Report
from pointsman.report.render.attention import LOCAL_ACCOUNT
from pointsman.report.render.chart import budget_line, days_chart, describe_days, tier_legend
from pointsman.report.render.components import (
    count,
    headline_amount,
    html_page,
    html_table,
    model_label,
    money,
    note_paragraph,
    percent_bar,
    section,
    table_section,
    tier_label,
)
from pointsman.report.render.formatting import cap_dollars, compared, percent, plural, rounded_dollars
from pointsman.report.render.html_cost import saved_section, tasks_section, work_section
from pointsman.report.render.html_economy import economy_section
from pointsman.report.render.html_quality import quality_section
from pointsman.report.render.html_routing import (
    fallbacks_section,
    quota_section,
    retirements_section,
    speed_section,
    top_tier_section,
)
from pointsman.report.render.html_tasks import attention_section, drivers_section, tasks_banner, troubled_section
from pointsman.report.render.markup import Child, Markup, el
from pointsman.report.render.reconciled import reconciled_section
from pointsman.values.times import to_text

_UP = "../../../"
"""From a day's folder to the folder of all reports."""


def render_html(report: Report, entries: Sequence[PublishedDay] = (), *, linked: bool = True) -> str:
    """Return the page. `entries` are the published days; `linked`: their reports are stored beside it."""
    return html_page(
        f"Pointsman {report.day}",
        _header(report, entries, linked=linked),
        tasks_banner(report),
        attention_section(report),
        _stand_in(report),
        _figures(report),
        drivers_section(report),
        _chart(report),
        troubled_section(report),
        tasks_section(report),
        _tiers(report),
        economy_section(report),
        quality_section(report),
        work_section(report),
        saved_section(report),
        reconciled_section(report),
        top_tier_section(report),
        fallbacks_section(report),
        speed_section(report),
        quota_section(report),
        retirements_section(report),
        _footer(report, linked=linked),
    )


def _header(report: Report, entries: Sequence[PublishedDay], *, linked: bool) -> Markup:
    before = max((entry.spend.day for entry in entries if entry.spend.day < report.day), default=None)
    earlier = el("a", f"{before:%-d %B}", href=f"{_UP}{before:%Y/%m/%d}/report.html", rel="prev") if before else None
    every = el("a", "All days", href=f"{_UP}index.html")
    links = el("nav", earlier, every, aria_label="Reports") if linked else None
    so_far = None if report.complete else el("p", "The day so far: its figures will still change.", class_="lead")
    title = el("h1", f"{report.day:%A, %-d %B %Y}")
    return el("header", el("div", el("strong", "Pointsman"), links, class_="brand"), title, _place(report), so_far)


def _place(report: Report) -> Markup | None:
    """Return the stack and the account that the report is of."""
    name, account, region = report.stack
    if not name:
        return None
    where = "on this machine" if account == LOCAL_ACCOUNT else f"account {account}, {region}"
    return el("p", f"Stack {name}, {where}", class_="place")


def _stand_in(report: Report) -> Markup | None:
    if not report.stand_in:
        return None
    sentence = "Stand-ins answered, not real models. Costs are calculated as if they were real."
    return el("p", el("strong", sentence), class_="standin", role="note")


def _figures(report: Report) -> Markup:
    total = report.total
    work = f"{plural(total.tasks, 'task')} in {plural(total.attempts, 'call')}" if total.attempts else "No task ran."
    title = "Spent" if report.complete else "Spent so far"
    spent = _figure(title, headline_amount(total.cost_nano), *_before(report), el("span", work), _aws(report))
    return el("dl", spent, _month(report), _saved(report), class_="figures")


def _before(report: Report) -> list[Markup]:
    """Return how the day compares with the one before and with the average."""
    before, cost = spend_before(report.recent), report.total.cost_nano
    if before.average_nano is None or before.yesterday_nano is None:
        return []
    average = f"{before.average_days}-day average" if before.average_days > 1 else "average"
    sides = {"day before": before.yesterday_nano} | ({average: before.average_nano} if before.average_days > 1 else {})
    return [
        el("span", money(nano, 4), f" {name}: ", el("strong", compared(cost, nano))) for name, nano in sides.items()
    ]


def _aws(report: Report) -> Markup | None:
    nano = report.baseline.aws_nano
    return el("span", "plus about ", money(nano, 4), " for AWS") if nano else None


def _figure(title: str, big: Markup | str, *sub: Markup | None) -> Markup:
    lines = (el("dd", line, class_="sub") for line in sub if line)
    return el("div", el("dt", title), el("dd", big, class_="big"), *lines)


def _saved(report: Report) -> Markup:
    comparison = report.baseline
    if comparison.percent is None:
        return _figure("Saved", "–", el("span", "Nothing to compare: no task was answered."))  # noqa: RUF001
    of = el(
        "span",
        money(abs(comparison.saved_nano), 4),
        " of ",
        money(comparison.baseline_nano, 4),
        " at the list price of ",
        model_label(comparison.model),
    )
    title = "Saved (estimate)" if comparison.saved_nano >= 0 else "Lost (estimate)"
    return _figure(title, percent(abs(comparison.percent)), el("span", of))


def _month(report: Report) -> Markup:
    month, cap = report.month, report.month.cap
    title = f"{report.day:%B} to date"
    pace = None
    if month.projected_nano is not None:
        pace = el("span", "On pace for ", money(month.projected_nano, 2))
    if cap is None:
        return _figure(title, headline_amount(month.total.spent_nano), el("span", "No monthly cap."), pace)
    used = f"{percent(cap.percent)} of the {cap_dollars(cap.limit_nano)} budget"
    return _figure(
        title, headline_amount(month.total.spent_nano), percent_bar(cap.percent or 0.0, used), el("span", used), pace
    )


def _chart(report: Report) -> Markup:
    days = report.recent
    rows = [
        [f"{day.day:%a %-d %b}", *(money(nano) for nano in day.tiers.values()), money(day.cost_nano)]
        for day in reversed(days)
        if day.cost_nano
    ]
    header = ["Day", *(str(tier).capitalize() for tier in report.tiers), "Cost"]
    data = el(
        "details", el("summary", "Show as a table"), html_table("Cost by day and tier", header, rows, hidden=True)
    )
    return section(
        "days",
        f"Last {CHART_DAYS} days",
        el("p", describe_days(days), class_="lead"),
        *((days_chart(days, budget_line(report)), tier_legend()) if any(day.cost_nano for day in days) else ()),
        data if rows else None,
    )


def _tiers(report: Report) -> Markup | None:
    if not report.total.attempts:
        return None
    whole = report.total.cost_nano
    rows = [[tier_label(tier), *_numbers(totals, whole)] for tier, totals in report.tiers.items()]
    if report.classification.attempts:
        rows.append(["classification", *_numbers(report.classification, whole)])
    if report.checking.attempts:
        rows.append(["judges and audits", *_numbers(report.checking, whole)])
    header = ["Tier", "Cost", "Share of cost", "Tasks", "Calls", "Input tokens", "Output tokens"]
    caption, total = "Tasks, calls, tokens and cost by tier", ["Total", *_numbers(report.total, 0)]
    caps = note_paragraph(_caps(report)) if len(report.month.caps) > 1 else None
    return table_section("tiers", "By tier", caption, header, rows, caps, total=total)


def _numbers(totals: Totals, whole: int) -> list[Child]:
    share = 100 * totals.cost_nano / whole if whole else None
    bar = percent_bar(share, f"{percent(share)} of the cost", plain=True) if share is not None else None
    counts = [totals.tasks, totals.attempts, totals.usage.prompt, totals.usage.output]
    return [money(totals.cost_nano), bar or " ", *map(count, counts)]


def _caps(report: Report) -> str:
    caps = [
        f"{cap.counter.replace('_', ' ')} {rounded_dollars(cap.spent_nano, 4)} of {cap_dollars(cap.limit_nano)}"
        f" ({percent(cap.percent)})"
        for cap in report.month.caps
    ]
    return "Caps: " + ", ".join(caps) + "."


def _footer(report: Report, *, linked: bool) -> Markup:
    scope = f"Covers calls started from {to_text(report.since)} to {to_text(report.until)} ({report.zone})."
    files = [el("a", file, href=file) for file in ("report.csv", "report.json", "report.txt")]
    other_formats = el(
        "p",
        "Other formats: ",
        files[0],
        " (a line per tier, type, model, billing, outcome and lane), ",
        files[1],
        " and ",
        files[2],
        ".",
    )
    return el(
        "footer",
        el("p", scope + " Amounts are rounded for display; source and files hold the exact values."),
        el("p", f"Savings are {ESTIMATE}. The cost of AWS is an estimate too: a thirtieth of a month of such days."),
        other_formats if linked else None,
    )
