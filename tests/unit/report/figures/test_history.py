"""The manifest of published days."""

from pointsman.report.figures import history
from pointsman.report.figures.day_summary import DaySpend
from pointsman.report.figures.history import PublishedDay
from pointsman.values.taxonomy import Tier
from tests.support import pages
from tests.support.pages import DAY

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
    wrong = PublishedDay(DaySpend(DAY, dict.fromkeys(Tier, 1)), 1, 1, 1, 1, complete=True, stand_in=False)
    assert history.chart_days(REPORT, [wrong])[-1] == REPORT.days[-1]
