"""The page's section on the top tier: why tasks were sent there."""

from pointsman.report.figures.report import Report
from pointsman.report.figures.top_tier import TOP_TIER, TopTierGroup, TopTierReason, TopTierTotals
from pointsman.report.render.components import (
    count,
    html_table,
    humanized,
    model_label,
    money,
    note_paragraph,
    section,
    with_details,
)
from pointsman.report.render.formatting import plural
from pointsman.report.render.markup import Child, Markup, el

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
    return section(
        "reached",
        "Sent to the top tier",
        el(
            "p",
            f"{answers} from the {TOP_TIER} tier, {escalated:,} after a lower tier’s answer failed a check.",  # noqa: RUF001
            class_="lead",
        ),
        html_table(
            "Answers of the top tier by reason",
            ["Task type and reason", "Answers", "Cost"],
            [_row(group, groups[group]) for group in order],
            total=["Total", count(total.answers), money(total.cost_nano)],
            hidden=True,
        ),
        note_paragraph(
            "Tasks routed here from the start were not tried on a lower tier, so they do not show that it is needed. ",
            "Answer checks (pointsman.verify), corrections and the command “pointsman tune” tell more.",
        ),
    )


def _row(group: TopTierGroup, totals: TopTierTotals) -> list[Child]:
    reason = _REASONS[group.how] + (f": {humanized(group.check)}" if group.check else "")
    label = with_details(humanized(group.type), reason, model_label(group.model))
    return [label, count(totals.answers), money(totals.cost_nano)]
