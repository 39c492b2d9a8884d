"""The report as JSON."""

from pointsman.report.render.as_json import as_json
from tests.support import pages
from tests.support.pages import HOSTILE, SONNET

REPORT, ENTRIES = pages.month()


def test_json_has_work_days_baseline_parents_speed_and_top_tier() -> None:
    document = as_json(REPORT)
    assert sum(line["cost_nano"] for line in document["work"]) == document["totals"]["cost_nano"]
    assert document["days"][-1]["cost_nano"] == document["totals"]["cost_nano"]
    comparison = document["baseline"]
    parts = ("answers", "classification", "failed", "checking", "unknown", "open")
    assert sum(comparison[f"{part}_nano"] for part in parts) == comparison["actual_nano"]
    assert list(document["parents"]) == sorted([HOSTILE, "release-2026-11"])
    assert document["speed"]["reasoning"]["answers"] == sum(task.model == SONNET for task in REPORT.tasks)
    assert sum(group["answers"] for group in document["reached"]) == document["speed"]["reasoning"]["answers"]
