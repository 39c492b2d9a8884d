"""The manifest of published days."""

from datetime import date

from pointsman.report.figures import history
from pointsman.report.figures.day_summary import DaySpend
from pointsman.report.figures.report import build_report
from pointsman.values.taxonomy import Tier
from tests.support import pages
from tests.support.pages import DAY
from tests.support.report_rows import row, scope_of

REPORT, ENTRIES = pages.month()


def test_manifest_survives_a_round_trip() -> None:
    entries = history.with_day(ENTRIES, history.published_day(REPORT))
    assert history.read_manifest(history.manifest_text(entries)) == entries
    assert history.manifest_text(history.read_manifest(history.manifest_text(entries))) == history.manifest_text(
        entries
    )
    assert history.with_day(entries, entries[3]) == entries
    assert history.read_manifest(None) == []


def test_ledger_overrides_the_manifest_in_the_chart() -> None:
    wrong = [DaySpend(day, dict.fromkeys(Tier, 1)) for day in (DAY, DAY.replace(day=3))]
    report = build_report(
        scope_of(), [[row()]], {}, published=[*wrong, DaySpend(date(2026, 10, 30), dict.fromkeys(Tier, 2))]
    )
    assert [day.cost_nano for day in report.recent] == [0] * 7 + [6] + [0] * 21 + [2_000_000]
