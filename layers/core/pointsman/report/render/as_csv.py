"""The report as CSV: a line per tier, task type, model, billing and outcome, for pivot tables.

There is no line per attempt: a day may have a million. Costs and tokens of the lines add up to the day's exactly.
Task counts do not: a task that used several models counts in several lines.
"""

import csv
import io
import re
import unicodedata

from pointsman.report.figures.report import Report
from pointsman.report.render.as_json import exact_usd
from pointsman.values.usage import Usage

_FORMULA = tuple("=+-@")
"""What a formula begins with in spreadsheets, also after spaces and in full width."""
_SEPARATORS = re.compile(r"[;\s\x00-\x1f\x7f|]+")
"""What begins another cell where a spreadsheet separates by something else than commas."""


def render_csv(report: Report) -> str:
    """Return the header and the lines; an empty day has no lines."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    kinds = list(Usage().as_dict())
    out.writerow(
        ["date", "tier", "type", "model", "billing", "outcome", "tasks", "attempts", "open", *kinds, "cost_nano", "usd"]
    )
    for key, totals in report.csv_lines.items():
        counts = [totals.tasks, totals.attempts, totals.open_attempts, *totals.usage.as_dict().values()]
        out.writerow([report.day.isoformat(), *map(_cell, key), *counts, totals.cost_nano, exact_usd(totals.cost_nano)])
    return text.getvalue()


def _cell(name: str) -> str:
    """Return a name that no spreadsheet evaluates: a model's name may come from a provider's answer."""
    plain = _SEPARATORS.sub(" ", name)
    return f"'{plain}" if unicodedata.normalize("NFKC", plain).lstrip(" '\"").startswith(_FORMULA) else plain
