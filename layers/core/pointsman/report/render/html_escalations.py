"""The page's section on the highest tier: why its tasks came to it."""

from pointsman.report.figures.escalations import HIGHEST, NO_ESCALATION, Escalations, How
from pointsman.report.figures.report import Report
from pointsman.report.render.components import count, html_table, money, name, note_paragraph, section, stacked, words
from pointsman.report.render.formatting import plural
from pointsman.report.render.markup import Child, Markup, el

WHY = {
    How.DECIDED: "decided for this tier from the start",
    How.ESCALATED: "a lower tier’s answer did not pass",  # noqa: RUF001
}


def reached_section(report: Report) -> Markup | None:
    """Return the answers of the highest tier by why it gave them; None without any."""
    if not report.escalations:
        return None
    order = sorted(
        report.escalations, key=lambda each: (each.how is How.DECIDED, -report.escalations[each].answers, str(each))
    )
    rows = [_row(kind, report) for kind in order]
    whole = sum(report.escalations.values(), NO_ESCALATION)
    proven = sum(total.answers for kind, total in report.escalations.items() if kind.how is How.ESCALATED)
    models = " or ".join(sorted({kind.model for kind in report.escalations}))
    caption = f"{plural(whole.answers, 'answer')} of the {HIGHEST} tier, {proven:,} after a lower tier’s did not pass."  # noqa: RUF001
    return section(
        "reached",
        f"What only {models} could do",
        el("p", caption, class_="lead"),
        html_table(
            "Answers of the highest tier by why it gave them",
            ["Task type and why", "Answers", "Cost"],
            rows,
            total=["Total", count(whole.answers), money(whole.cost_nano)],
            hidden=True,
        ),
        note_paragraph(
            "What was decided for this tier was not tried on a lower one, so that it is no proof: ",
            "checks (pointsman.verify), corrections and the command “pointsman tune” tell more.",
        ),
    )


def _row(each: Escalations, report: Report) -> list[Child]:
    total = report.escalations[each]
    why = WHY[each.how] + (f": {words(each.check)}" if each.check else "")
    return [stacked(words(each.type), why, name(each.model)), count(total.answers), money(total.cost_nano)]
