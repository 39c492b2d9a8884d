"""The report as CSV: a line per tier, task type, model, billing, outcome and lane, for pivot tables.

There is no line per attempt: a day may have a million. Costs and tokens of the lines add up to the day's exactly.
Task counts do not: a task that used several models counts in several lines. The lines of type `received_tasks` count
the tasks that were received in the day, by what became of them (column `outcome`); they have no calls and no cost. Nor
has the line of type `economy_lane` that counts those of them that wait for a batch, and until when, or those of
type `unanswered_batch`, whose `attempts` are the entries of a batch (column `outcome`).
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator

from pointsman.report.figures.day_totals import CsvKey
from pointsman.report.figures.report import Report
from pointsman.report.render.as_json import exact_usd
from pointsman.values.lane import Lane
from pointsman.values.usage import Usage

_RECEIVED = "received_tasks"
"""The type of the lines that count tasks."""
_WAITING, _UNANSWERED = "economy_lane", "unanswered_batch"
"""The types of the lines that count tasks which wait for a batch, and a batch's entries."""
_FORMULA = tuple("=+-@")
"""What a formula begins with in spreadsheets, also after spaces and in full width."""
_SEPARATORS = re.compile(r"[;\s\x00-\x1f\x7f|]+")
"""What begins another cell where a spreadsheet separates by something else than commas."""


def render_csv(*reports: Report) -> str:
    """Return the header and the lines of each day; an empty day has no lines."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    kinds = list(Usage().as_dict())
    header = ["date", "tier", "type", "model", "billing", "outcome", "tasks", "attempts", "open"]
    out.writerow([*header, *kinds, "cost_nano", "usd", "cost_nano_usd", "lane", "saved_nano_usd", "until"])
    for report in reports:
        out.writerows(_lines(report, len(kinds)))
    return text.getvalue()


def _lines(report: Report, kinds: int) -> Iterator[list[str | int]]:
    """Yield a day's lines; `kinds` is how many kinds of token there are."""
    day = report.day.isoformat()
    for key, tasks, attempts, until in _counts(report):
        nothing = [0] * (1 + kinds)
        *names, lane = key
        yield [day, *names, tasks, attempts, *nothing, 0, exact_usd(0), 0, lane, 0, until]
    for key, totals in report.csv_lines.items():
        *names, lane = map(_cell, key)
        counts = [totals.tasks, totals.attempts, totals.open_attempts, *totals.usage.as_dict().values()]
        saved = report.lane_lines[key].saved_nano if key in report.lane_lines else 0
        yield [day, *names, *counts, totals.cost_nano, exact_usd(totals.cost_nano), totals.cost_nano, lane, saved, ""]


def _counts(report: Report) -> Iterator[tuple[CsvKey, int, int, str]]:
    """Yield what the lines without a cost name and count: tasks, calls, and when their wait is over."""
    for kind, number in report.received.counts.items() if report.received.received else ():
        yield CsvKey("", _RECEIVED, "", "", kind, ""), number, 0, ""
    if (economy := report.economy) is None:
        return
    if economy.received.until:
        waiting = CsvKey("", _WAITING, "", "", "waiting", Lane.ECONOMY)
        yield waiting, economy.received.waiting, 0, economy.received.until
    for batch in economy.unanswered:
        yield CsvKey("", _UNANSWERED, batch.model, "", batch.batch_id, Lane.ECONOMY), 0, batch.entries, ""


def _cell(name: str) -> str:
    """Return a name that no spreadsheet evaluates: a model's name may come from a provider's answer."""
    plain = _SEPARATORS.sub(" ", name)
    return f"'{plain}" if unicodedata.normalize("NFKC", plain).lstrip(" '\"").startswith(_FORMULA) else plain
