"""The report as CSV: a line per tier, task type, model, billing and outcome, which a spreadsheet can turn at will.

Not a line per attempt: a day may have a million. The lines' costs and tokens add up to the day's total exactly; a task
that moved on stands in several, so that its count does not.
"""

import csv
import io

from pointsman.report.figures.report import Report
from pointsman.report.render.as_json import exact
from pointsman.values.usage import Usage

FORMULA = tuple("=+-@\t\r")
"""What a spreadsheet takes for the beginning of a formula."""


def render_csv(report: Report) -> str:
    """Return the lines under a header; an empty day has none."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    kinds = list(Usage().as_dict())
    out.writerow(
        ["date", "tier", "type", "model", "billing", "outcome", "tasks", "attempts", "open", *kinds, "cost_nano", "usd"]
    )
    for key, line in report.kinds.items():
        counts = [line.tasks, line.attempts, line.open_attempts, *line.usage.as_dict().values()]
        out.writerow([report.day.isoformat(), *map(_cell, key), *counts, line.cost_nano, exact(line.cost_nano)])
    return text.getvalue()


def _cell(name: str) -> str:
    """Return a name that no spreadsheet runs: a model's may come from a provider's answer."""
    return f"'{name}" if name.startswith(FORMULA) else name
