"""What the report says of the economy lane, in sentences."""

from pointsman.report.figures.economy import EconomyDay, LaneEntries
from pointsman.report.figures.report import Report
from pointsman.report.render.components import clock_time, humanized
from pointsman.report.render.formatting import plural, rounded_dollars

_KINDS = {
    "answered": "answered",
    "not_processed": "released and repeated the standard way",
    "otherwise": "refused or failed",
    "unknown": "of unknown cost, booked as reserved",
    "open": "in a batch now",
}
"""What became of an entry, by the field of `LaneEntries` that counts it."""


def lane_sentences(economy: EconomyDay, report: Report) -> list[str]:
    """Return sentences on the entries, on what is not done, and on the tasks that went the standard way."""
    received, sentences = economy.received, _on_entries(economy.entries)
    if received.waiting and received.until:
        until = clock_time(received.until, report.zone, report.day)
        waiting = f"{plural(received.waiting, 'task')} of this day {'waits' if received.waiting == 1 else 'wait'}"
        sentences.append(f"{waiting} for a batch, until {until} at the latest; then the standard way.")
    if economy.open_batches:
        entries = plural(sum(batch.entries for batch in economy.unanswered), "entry", "entries")
        unanswered = f", {len(economy.unanswered)} of them not answered ({entries})" if economy.unanswered else ""
        sentences.append(f"{plural(economy.open_batches, 'batch', 'batches')} open{unanswered}.")
    if received.standard:
        reasons = ", ".join(f"{number:,} {humanized(reason)}" for reason, number in received.standard.items())
        went = plural(sum(received.standard.values()), "task")
        sentences.append(f"{went} asked for the lane and went the standard way: {reasons}.")
    return sentences


def lane_text(report: Report) -> str:
    """Return all that there is to say as text; empty where nothing has to do with the lane."""
    economy = report.economy
    if economy is None:
        return ""
    cost, saved = rounded_dollars(economy.entries.cost_nano), rounded_dollars(economy.entries.saved_nano)
    head = [f"{plural(economy.tasks, 'task')}: {cost}, saved {saved}."] if economy.entries.entries else []
    return " ".join([*head, *lane_sentences(economy, report)])


def _on_entries(entries: LaneEntries) -> list[str]:
    kinds = [f"{number:,} {words}" for kind, words in _KINDS.items() if (number := getattr(entries, kind))]
    return [f"Batch entries: {', '.join(kinds)}."] if kinds else []
