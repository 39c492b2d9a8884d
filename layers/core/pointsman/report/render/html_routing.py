"""The page's sections on the tasks' ways: hops and outcomes, time, quotas, and models that end."""

from pointsman.report.figures.report import Report
from pointsman.report.render.chart import legend, share_bar
from pointsman.report.render.components import (
    bar,
    count,
    html_table,
    key,
    name,
    note_paragraph,
    seconds,
    section,
    stacked,
    words,
)
from pointsman.report.render.formatting import percent, plural
from pointsman.report.render.markup import Child, Markup, el

_PHASES = ("queue", "routing", "waiting", "model", "delivery")


def hops_section(report: Report) -> Markup | None:
    """Return who stepped in for whom and why, and how calls ended."""
    if not report.outcomes:
        return None
    hops = sorted(report.fallbacks, key=lambda each: (-each.count, each))
    count_of_hops = sum(fallback.count for fallback in hops)
    caption = f"{plural(count_of_hops, 'fallback')}, {report.free_to_paid:,} of them from a free model to a paid one."
    if over := report.passed_over.attempts:
        caption += f" {plural(over, 'call')} went straight to a paid model where a free one stands first."
    rows: list[list[Child]] = [
        [
            stacked(
                el("span", name(fallback.came_from), " → ", name(fallback.model)),
                f"after {words(fallback.reason)}",
                "free to paid" if fallback.free_to_paid else None,
            ),
            count(fallback.count),
        ]
        for fallback in hops
    ]
    outcomes = sorted(report.outcomes.items(), key=lambda each: (-each[1], each[0]))
    ended: list[list[Child]] = [[words(kind), count(number)] for kind, number in outcomes]
    return section(
        "hops",
        "Fallbacks and outcomes",
        el(
            "p",
            caption if count_of_hops or over else "Every task was done by the first model of its tier.",
            class_="lead",
        ),
        el(
            "div",
            html_table("Fallbacks", ["From, to and why", "Hops"], rows) if rows else None,
            html_table("Outcomes of calls", ["Outcome", "Calls"], ended),
            class_="pair",
        ),
    )


def speed_section(report: Report) -> Markup | None:
    """Return percentiles by tier, and where the time of a task went."""
    timed = {tier: speed for tier, speed in report.speed.items() if speed.answers}
    if not timed:
        return None
    rows: list[list[Child]] = [
        [
            key(tier),
            seconds(speed.task_p50_ms),
            seconds(speed.task_p95_ms),
            seconds(speed.call_p50_ms),
            seconds(speed.call_p95_ms),
            count(speed.answers),
        ]
        for tier, speed in timed.items()
    ]
    header = ["Tier", "Task p50", "Task p95", "Call p50", "Call p95", "Answers"]
    return section(
        "speed",
        "How fast",
        el("p", "A call is one request to a model. A task counts from its first call to its answer.", class_="lead"),
        html_table("Percentiles of time by tier", header, rows, hidden=True),
        *_where(report),
    )


def _where(report: Report) -> list[Markup]:
    rows: list[list[Child]] = []
    for tier, speed in report.speed.items():
        tasks = speed.phases.tasks
        if not tasks:
            continue
        means = [(phase, getattr(speed.phases, f"{phase}_ms") // tasks) for phase in _PHASES]
        caption = f"{tier}: " + ", ".join(f"{phase} {seconds(mean)}" for phase, mean in means)
        rows.append(
            [stacked(key(tier), share_bar(means, caption)), *(seconds(mean) for _, mean in means), count(tasks)]
        )
    if not rows:
        return []
    header = ["Tier", *(phase.capitalize() for phase in _PHASES), "Tasks"]
    caption = (
        "Averages. Queue is from a message's sending to the router's receipt, routing from there to the first call, "
        "waiting what lay between the calls, delivery from the answer to its event."
    )
    return [
        el("h3", "Where the time went"),
        html_table("Average time of a task", header, rows, hidden=True),
        legend(_PHASES),
        note_paragraph(caption),
    ]


def quota_section(report: Report) -> Markup | None:
    """Return the use of free quotas."""
    if not report.quotas:
        return None
    rows: list[list[Child]] = []
    for use in report.quotas:
        drawn = bar(use.percent, f"{percent(use.percent)} of the day's requests") if use.percent is not None else None
        a_day = f"{use.requests:,} of {use.requests_a_day:,}" if use.requests_a_day else f"{use.requests:,}"
        most = use.requests_a_minute
        a_minute = f"{use.busiest_minute:,} of {most:,}" if most else f"{use.busiest_minute:,}"
        rows.append([stacked(name(use.model), drawn), percent(use.percent), a_day, a_minute])
    header = ["Model", "Used", "Requests of the day", "In the busiest minute"]
    days = " and ".join(sorted({f"{use.pacific_day}" for use in report.quotas}))
    return section(
        "quota",
        "Free quota used",
        html_table("Requests of the free tier by model", header, rows, hidden=True),
        note_paragraph(
            f"The provider's day ends at midnight in America/Los_Angeles; shown is {days}, up to this report's end."
        ),
    )


def ending_section(report: Report) -> Markup | None:
    """Return the models that end within 60 days, or have ended, and who serves then."""
    if not report.notices:
        return None
    rows: list[list[Child]] = [
        [
            notice.model,
            {"ending": "ends", "ended": "ended", "gone": "gone, says its provider"}[notice.state],
            notice.ends.isoformat() if notice.ends else None,
            notice.successor or "nobody",
        ]
        for notice in report.notices
    ]
    return section(
        "ending",
        "Models that end",
        html_table(
            "Models that end within 60 days", ["Model", "State", "Date", "Successor"], rows, texts=4, hidden=True
        ),
        note_paragraph("A successor serves by itself; name it in openclaw.json to choose another."),
    )
