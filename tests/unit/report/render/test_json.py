"""The report as JSON."""

import json

from pointsman.report.render.as_json import as_json
from tests.support import pages
from tests.support.kinds_of_day import kinds_of_day
from tests.support.pages import HOSTILE, SONNET
from tests.support.report_rows import report_of, row
from tests.support.schemas import check_document

REPORT, ENTRIES = pages.month()


def test_json_has_work_days_baseline_parents_speed_and_top_tier() -> None:
    document = as_json(REPORT)
    check_document("report", json.loads(json.dumps(document)))
    assert sum(line["cost_nano"] for line in document["work"]) == document["totals"]["cost_nano"]
    assert document["days"][-1]["cost_nano"] == document["totals"]["cost_nano"]
    comparison = document["baseline"]
    parts = ("answers", "classification", "failed", "checking", "unknown", "open")
    assert sum(comparison[f"{part}_nano"] for part in parts) == comparison["actual_nano"]
    assert list(document["parents"]) == sorted([HOSTILE, "release-2026-11"])
    assert document["speed"]["reasoning"]["answers"] == sum(task.model == SONNET for task in REPORT.tasks)
    assert sum(group["answers"] for group in document["reached"]) == document["speed"]["reasoning"]["answers"]


def test_every_amount_has_the_name_that_ends_in_nano_usd() -> None:
    def check(value: object) -> int:
        entries = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        if isinstance(value, dict):
            for name in value:
                assert not name.endswith("_nano") or value[f"{name}_usd"] == value[name]
        return sum(map(check, entries)) + isinstance(value, dict)

    assert check(json.loads(json.dumps(as_json(REPORT)))) > 100


def test_day_with_senders_and_troubles_is_as_the_schema_says() -> None:
    sent = report_of(row(sender="key:ci", metadata={"agent": "ci", "ticket": "T-1"}))
    assert {driver["kind"] for driver in as_json(sent)["drivers"]} == {"ticket", "agent", "sender", "model"}
    for report in (sent, kinds_of_day()["failed"]):
        check_document("report", json.loads(json.dumps(as_json(report))))
