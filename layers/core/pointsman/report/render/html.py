"""The report as one page: what was spent and saved first, then whether a person is needed, then the details."""

from collections.abc import Iterable, Sequence

from pointsman.report.figures.baseline import ESTIMATE
from pointsman.report.figures.history import PublishedDay, chart_days
from pointsman.report.figures.ledger_entries import Totals
from pointsman.report.figures.report import Report
from pointsman.report.render.chart import days_chart, in_words, tiers_legend
from pointsman.report.render.components import (
    bar,
    count,
    headline,
    html_table,
    key,
    money,
    name,
    note_paragraph,
    page,
    section,
)
from pointsman.report.render.formatting import cap_dollars, cautions, percent, plural, rounded_dollars
from pointsman.report.render.html_cost import saved_section, work_section
from pointsman.report.render.html_escalations import reached_section
from pointsman.report.render.html_routing import ending_section, hops_section, quota_section, speed_section
from pointsman.report.render.html_tasks import tasks_section
from pointsman.report.render.markup import Child, Markup, el
from pointsman.values.times import to_text

UP = "../../../"
"""From a day's folder to the folder of all reports."""


def render_html(report: Report, entries: Sequence[PublishedDay] = (), *, linked: bool = True) -> str:
    """Return the page. `entries` are earlier days for the chart; `linked`: it lies among the other reports' files."""
    return page(
        f"Pointsman {report.day}",
        _header(report, entries, linked=linked),
        _stand_in(report),
        _figures(report),
        _attention(report),
        _chart(report, entries),
        _tiers(report),
        work_section(report),
        saved_section(report),
        reached_section(report),
        hops_section(report),
        speed_section(report),
        quota_section(report),
        ending_section(report),
        tasks_section(report),
        _footer(report, linked=linked),
    )


def _header(report: Report, entries: Sequence[PublishedDay], *, linked: bool) -> Markup:
    before = max((entry.spend.day for entry in entries if entry.spend.day < report.day), default=None)
    earlier = el("a", f"{before:%-d %B}", href=f"{UP}{before:%Y/%m/%d}/report.html", rel="prev") if before else None
    links = el("nav", earlier, el("a", "All days", href=f"{UP}index.html"), aria_label="Reports") if linked else None
    so_far = None if report.complete else el("p", "The day so far: it is not over.", class_="lead")
    title = el("h1", f"{report.day:%A, %-d %B %Y}")
    return el("header", el("div", el("strong", "Pointsman"), links, class_="brand"), title, so_far)


def _stand_in(report: Report) -> Markup | None:
    if not report.stand_in:
        return None
    sentence = "Stand-ins answered, not real models. Costs are as if they were real."
    return el("p", el("strong", sentence), class_="standin", role="note")


def _figures(report: Report) -> Markup:
    total = report.total
    work = f"{plural(total.tasks, 'task')} in {plural(total.attempts, 'call')}" if total.attempts else "No task ran."
    return el(
        "dl",
        _figure(
            "Spent" if report.complete else "Spent so far", headline(total.cost_nano), el("span", work), _aws(report)
        ),
        _saved(report),
        _month(report),
        class_="figures",
    )


def _aws(report: Report) -> Markup | None:
    nano = report.baseline.aws_nano
    return el("span", "AWS: about ", money(nano, 4), " more") if nano else None


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
        " at list price of ",
        name(comparison.model),
    )
    title = "Saved, an estimate" if comparison.saved_nano >= 0 else "Lost, an estimate"
    return _figure(title, percent(abs(comparison.percent)), el("span", of))


def _month(report: Report) -> Markup:
    month, cap = report.month, report.month.cap
    title = f"{report.day:%B}, to date"
    pace = None
    if month.projected_nano is not None:
        pace = el("span", "At this pace ", money(month.projected_nano, 2), " by its end")
    if cap is None:
        return _figure(title, headline(month.total.spent_nano), el("span", "No cap on the month."), pace)
    used = f"{percent(cap.percent)} of the budget of {cap_dollars(cap.limit_nano)}"
    return _figure(title, headline(month.total.spent_nano), bar(cap.percent or 0.0, used), el("span", used), pace)


def _attention(report: Report) -> Markup:
    warnings = [text for text, _ in cautions(report)]
    month = report.month
    if month.cap and month.projected_nano and month.projected_nano > month.cap.limit_nano:
        sentence = f"At this pace {month.name} comes to {rounded_dollars(month.projected_nano, 2)}, over its budget."
        warnings.insert(0, f"{sentence} Past the cap, tasks are held, degraded or refused, as openclaw.json says.")
    if not warnings:
        return el("div", el("p", "All is well: nothing here needs you."), class_="eye quiet")
    return el(
        "section",
        el("h2", "Worth a look", id="eye"),
        el("ul", *(el("li", text) for text in warnings)),
        class_="eye",
        aria_labelledby="eye",
    )


def _chart(report: Report, entries: Sequence[PublishedDay]) -> Markup:
    days = chart_days(report, entries)
    rows = [
        [f"{day.day:%a %-d %b}", *(money(nano) for nano in day.tiers.values()), money(day.cost_nano)]
        for day in reversed(days)
        if day.cost_nano
    ]
    header = ["Day", *(str(tier).capitalize() for tier in report.tiers), "Cost"]
    data = el(
        "details", el("summary", "The same as a table"), html_table("Cost by day and tier", header, rows, hidden=True)
    )
    return section(
        "days",
        "Thirty days",
        el("p", in_words(days), class_="lead"),
        days_chart(days),
        tiers_legend(),
        data if rows else None,
    )


def _tiers(report: Report) -> Markup:
    whole = report.total.cost_nano
    rows = [[key(tier), *_numbers(line, whole)] for tier, line in report.tiers.items()]
    if report.classification.attempts:
        rows.append(["deciding about tasks", *_numbers(report.classification, whole)])
    if report.checking.attempts:
        rows.append(["judging and auditing answers", *_numbers(report.checking, whole)])
    header = ["Tier", "Cost", "Of the cost", "Tasks", "Calls", "Tokens in", "Tokens out"]
    return section(
        "tiers",
        "By tier",
        html_table(
            "Tasks, calls, tokens and cost by tier",
            header,
            rows,
            total=["Total", *_numbers(report.total, 0)],
            hidden=True,
        ),
        note_paragraph(*_cap_words(report)) if len(report.month.caps) > 1 else None,
    )


def _numbers(line: Totals, whole: int) -> list[Child]:
    share = 100 * line.cost_nano / whole if whole else None
    drawn = bar(share, f"{percent(share)} of the cost", plain=True) if share is not None else None
    counts = [line.tasks, line.attempts, line.usage.prompt, line.usage.output]
    return [money(line.cost_nano), drawn or " ", *map(count, counts)]


def _cap_words(report: Report) -> Iterable[str]:
    caps = [
        f"{cap.counter.replace('_', ' ')} {rounded_dollars(cap.spent_nano, 4)} of {cap_dollars(cap.limit_nano)}"
        f" ({percent(cap.percent)})"
        for cap in report.month.caps
    ]
    return ["Caps: " + ", ".join(caps) + "."]


def _footer(report: Report, *, linked: bool) -> Markup:
    span = f"Calls that began from {to_text(report.since)} until {to_text(report.until)}, a day of {report.zone}."
    files = [el("a", file, href=file) for file in ("report.csv", "report.json", "report.txt")]
    sentence = el(
        "p",
        "The same for programs: ",
        files[0],
        " (a line per tier, type, model and outcome), ",
        files[1],
        ", ",
        files[2],
        ".",
    )
    return el(
        "footer",
        el("p", span + " Amounts are rounded to read; their exact values stand in the page and in the files."),
        el("p", f"Savings are {ESTIMATE}. So is AWS: a part of a month of such days, as `pointsman cost` has it."),
        sentence if linked else None,
    )
