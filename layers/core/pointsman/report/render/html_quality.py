"""The page's section on the quality of the answers."""

from pointsman.report.figures.quality import QUALITY_DAYS
from pointsman.report.figures.report import Report
from pointsman.report.render.components import count, html_table, note_paragraph, section
from pointsman.report.render.formatting import percent
from pointsman.report.render.markup import Child, Markup, el
from pointsman.report.render.quality_words import group_name, group_sentence, judge_sentence, quality_text


def quality_section(report: Report) -> Markup | None:
    """Return the answers' quality beside the baseline's, by tier and type; None where nobody asks for it."""
    quality = report.quality
    if quality is None:
        return None
    header = ["Tasks", "What holds", "Points", "95% interval", "Pairs", "By people", "Judges agree"]
    rows: list[list[Child]] = [
        [
            group_name(group),
            group_sentence(quality, group),
            f"{group.points:+.1f}",
            f"{group.low:+.1f} to {group.high:+.1f}",
            count(group.pairs),
            count(group.by_people),
            percent(group.agreement.percent),
        ]
        for group in quality.groups
    ]
    both = quality.people
    people = f"Judges and people agree in {percent(both.percent)} of the {both.of:,} pairs that both judged."
    scale = (
        f"Of the audit's pairs of the last {QUALITY_DAYS} days. Points run from -100 (the baseline's answer is always "
        "better) to +100."
    )
    return section(
        "quality",
        "Quality",
        el("p", quality_text(quality), class_="lead"),
        html_table("Quality by tier and type", header, rows, texts=2, hidden=True) if rows else None,
        *(note_paragraph(judge_sentence(judge)) for judge in quality.judges),
        note_paragraph(people) if both.of else None,
        note_paragraph(scale),
    )
