"""The report as CSV: a line per tier, task type, model, billing and outcome, for pivot tables.

There is no line per attempt: a day may have a million. Costs and tokens of the lines add up to the day's exactly.
Task counts do not: a task that used several models counts in several lines. The lines of type `received_tasks` count
the tasks that were received in the day, by what became of them (column `outcome`); they have no calls and no cost.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator

from pointsman.report.figures.report import Report
from pointsman.report.render.as_json import exact_usd
from pointsman.values.usage import Usage

_RECEIVED = "received_tasks"
"""The type of the lines that count tasks."""
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
    out.writerow([*header, *kinds, "cost_nano", "usd", "cost_nano_usd"])
    for report in reports:
        out.writerows(_lines(report, len(kinds)))
    return text.getvalue()


def _lines(report: Report, kinds: int) -> Iterator[list[str | int]]:
    """Yield a day's lines; `kinds` is how many kinds of token there are."""
    day = report.day.isoformat()
    for kind, number in report.received.counts.items() if report.received.received else ():
        nothing = [0] * (2 + kinds)
        yield [day, "", _RECEIVED, "", "", kind, number, *nothing, 0, exact_usd(0), 0]
    for key, totals in report.csv_lines.items():
        counts = [totals.tasks, totals.attempts, totals.open_attempts, *totals.usage.as_dict().values()]
        yield [day, *map(_cell, key), *counts, totals.cost_nano, exact_usd(totals.cost_nano), totals.cost_nano]


def _cell(name: str) -> str:
    """Return a name that no spreadsheet evaluates: a model's name may come from a provider's answer."""
    plain = _SEPARATORS.sub(" ", name)
    return f"'{plain}" if unicodedata.normalize("NFKC", plain).lstrip(" '\"").startswith(_FORMULA) else plain
