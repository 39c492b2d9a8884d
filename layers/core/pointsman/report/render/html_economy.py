"""The page's section on the economy lane."""

from pointsman.report.figures.report import Report
from pointsman.report.render.components import money, note_paragraph, section
from pointsman.report.render.formatting import plural
from pointsman.report.render.lane_words import lane_sentences
from pointsman.report.render.markup import Markup, el


def economy_section(report: Report) -> Markup | None:
    """Return what went through the lane and what waits for it; None where nothing has to do with it."""
    economy = report.economy
    if economy is None:
        return None
    entries, lead = economy.entries, el("p", "No batch was made for tasks of this day.", class_="lead")
    if entries.entries:
        work = f"{plural(economy.tasks, 'task')} in {plural(entries.entries, 'batch entry', 'batch entries')}: "
        saved = [", ", money(entries.saved_nano), " less than at the standard price."]
        lead = el("p", work, money(entries.cost_nano), *saved, class_="lead")
    return section("economy", "Economy lane", lead, *map(note_paragraph, lane_sentences(economy, report)))
