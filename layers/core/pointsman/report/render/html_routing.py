"""The page's sections on routing: the top tier, fallbacks and outcomes, latency, quotas, and model retirements."""

from pointsman.report.figures.quota_use import QuotaUse
from pointsman.report.figures.report import Report
from pointsman.report.figures.speed import Phases, Speed
from pointsman.report.figures.top_tier import TOP_TIER, TopTierGroup, TopTierReason, TopTierTotals
from pointsman.report.render.chart import legend, share_bar
from pointsman.report.render.components import (
    count,
    duration_text,
    html_table,
    humanized,
    model_label,
    money,
    note_paragraph,
    percent_bar,
    section,
    table_section,
    tier_label,
    with_details,
)
from pointsman.report.render.formatting import percent, plural, rounded_dollars
from pointsman.report.render.markup import Child, Markup, el
from pointsman.values.taxonomy import Tier

_PHASES = ("queue", "routing", "waiting", "model", "delivery")
_STATES = {"ending": "retires", "ended": "retired", "gone": "withdrawn by its provider"}
_REASONS = {
    TopTierReason.DECIDED: "routed here from the start",
    TopTierReason.ESCALATED: "a lower tier’s answer failed a check",  # noqa: RUF001
}


def top_tier_section(report: Report) -> Markup | None:
    """Return the top tier's answers by reason; None without any."""
    groups = report.top_tier
    if not groups:
        return None
    order = sorted(groups, key=lambda group: (group.how is TopTierReason.DECIDED, -groups[group].answers, group))
    total = sum(groups.values(), TopTierTotals(0, 0))
    escalated = sum(totals.answers for group, totals in groups.items() if group.how is TopTierReason.ESCALATED)
    answers = plural(total.answers, "answer")
    return table_section(
        "reached",
        "Sent to the top tier",
        "Answers of the top tier by reason",
        ["Task type and reason", "Answers", "Cost"],
        [_top_tier_row(group, groups[group]) for group in order],
        note_paragraph(
            "Tasks routed here from the start were not tried on a lower tier, so they do not show that it is needed. ",
            "Answer checks (pointsman.verify), corrections and the command “pointsman tune” tell more.",
        ),
        lead=f"{answers} from the {TOP_TIER} tier, {escalated:,} after a lower tier’s answer failed a check.",  # noqa: RUF001
        total=["Total", count(total.answers), money(total.cost_nano)],
    )


def _top_tier_row(group: TopTierGroup, totals: TopTierTotals) -> list[Child]:
    reason = _REASONS[group.how] + (f": {humanized(group.check)}" if group.check else "")
    label = with_details(humanized(group.type), reason, model_label(group.model))
    return [label, count(totals.answers), money(totals.cost_nano)]


def fallbacks_section(report: Report) -> Markup | None:
    """Return which models replaced which and why, and the calls by outcome."""
    if not report.outcomes:
        return None
    fallbacks = sorted(report.fallbacks.items(), key=lambda item: (-item[1], item[0]))
    rows: list[list[Child]] = [
        [
            with_details(
                el("span", model_label(fallback.came_from), " → ", model_label(fallback.model)),
                f"after {humanized(fallback.reason)}",
                "free to paid" if fallback.free_to_paid else None,
            ),
            count(number),
        ]
        for fallback, number in fallbacks
    ]
    outcomes = sorted(report.outcomes.items(), key=lambda item: (-item[1], item[0]))
    outcome_rows: list[list[Child]] = [
        [with_details(humanized(outcome), _unrecognized(report, outcome)), count(number)]
        for outcome, number in outcomes
    ]
    return section(
        "hops",
        "Fallbacks and outcomes",
        el("p", _fallbacks_lead(report), class_="lead"),
        el(
            "div",
            html_table("Fallbacks", ["Models and reason", "Count"], rows) if rows else None,
            html_table("Call outcomes", ["Outcome", "Calls"], outcome_rows),
            class_="pair",
        ),
    )


def _unrecognized(report: Report, outcome: str) -> str | None:
    number = report.unrecognized.get(outcome, 0)
    return f"{number:,} not recognized" if number else None


def _fallbacks_lead(report: Report) -> str:
    fallbacks, skipped = report.fallback_count, report.skipped_free.attempts
    if not (fallbacks or skipped):
        return "Every task was served by the first model of its tier."
    sentence = f"{plural(fallbacks, 'fallback')}, {report.free_to_paid:,} from a free to a paid model."
    if skipped:
        sentence += f" {plural(skipped, 'call')} went straight to a paid model in a tier that starts with a free one."
    if pool := report.free_pool.answers:
        saved = rounded_dollars(report.free_pool.saved_nano)
        sentence += f" Further free models gave {plural(pool, 'answer')}, which saved {saved} (estimate)."
    return sentence


def speed_section(report: Report) -> Markup | None:
    """Return the latency percentiles by tier, and where the time of a task went."""
    rows = [_speed_row(tier, speed) for tier, speed in report.speed.items() if speed.answers]
    if not rows:
        return None
    header = ["Tier", "Task p50", "Task p95", "Call p50", "Call p95", "Answers"]
    lead = "A call is one request to a model. A task runs from its first call to its answer."
    phases = _phases(report)
    return table_section("speed", "Latency", "Latency percentiles by tier", header, rows, *phases, lead=lead)


def _speed_row(tier: Tier, speed: Speed) -> list[Child]:
    return [
        tier_label(tier),
        duration_text(speed.task_p50_ms),
        duration_text(speed.task_p95_ms),
        duration_text(speed.call_p50_ms),
        duration_text(speed.call_p95_ms),
        count(speed.answers),
    ]


def _phases(report: Report) -> list[Markup]:
    rows = [_phases_row(tier, speed.phases) for tier, speed in report.speed.items() if speed.phases.tasks]
    if not rows:
        return []
    header = ["Tier", *(phase.capitalize() for phase in _PHASES), "Tasks"]
    return [
        el("h3", "Where the time went"),
        html_table("Average time of a task by phase", header, rows, hidden=True),
        legend(_PHASES),
        note_paragraph(
            "Averages. Queue: from sending the message to its receipt by the router. Routing: from there to the first "
            "call. Waiting: time between calls. Delivery: from the answer to its event."
        ),
    ]


def _phases_row(tier: Tier, phases: Phases) -> list[Child]:
    means = [(phase, getattr(phases, f"{phase}_ms") // phases.tasks) for phase in _PHASES]
    description = f"{tier}: " + ", ".join(f"{phase} {duration_text(mean)}" for phase, mean in means)
    label = with_details(tier_label(tier), share_bar(means, description))
    return [label, *(duration_text(mean) for _, mean in means), count(phases.tasks)]


def quota_section(report: Report) -> Markup | None:
    """Return how much of the free quotas was used."""
    if not report.quotas:
        return None
    header = ["Model", "Used", "Requests that day", "Busiest minute"]
    days = " and ".join(sorted({f"{use.pacific_day}" for use in report.quotas}))
    return table_section(
        "quota",
        "Free quota used",
        "Requests to free models",
        header,
        [_quota_row(use) for use in report.quotas],
        note_paragraph(
            f"A provider’s quota day ends at midnight in America/Los_Angeles. Shown: {days}, "  # noqa: RUF001
            "up to the end of this report’s day."  # noqa: RUF001
        ),
    )


def _quota_row(use: QuotaUse) -> list[Child]:
    bar = None if use.percent is None else percent_bar(use.percent, f"{percent(use.percent)} of the daily requests")
    label = with_details(model_label(use.model), bar)
    return [
        label,
        percent(use.percent),
        _of_limit(use.requests, use.requests_a_day),
        _of_limit(use.busiest_minute, use.requests_a_minute),
    ]


def _of_limit(requests: int, limit: int | None) -> str:
    return f"{requests:,} of {limit:,}" if limit else f"{requests:,}"


def retirements_section(report: Report) -> Markup | None:
    """Return the models that have retired, or will within 60 days, and their successors."""
    if not report.notices:
        return None
    rows: list[list[Child]] = [
        [
            notice.model,
            _STATES[notice.state],
            notice.ends.isoformat() if notice.ends else None,
            notice.successor or "none",
        ]
        for notice in report.notices
    ]
    header = ["Model", "State", "Date", "Successor"]
    note = note_paragraph("A successor takes over automatically. To choose another model, name it in openclaw.json.")
    caption = "Models that have retired, or will within 60 days"
    return table_section("ending", "Model retirements", caption, header, rows, note, texts=4)
