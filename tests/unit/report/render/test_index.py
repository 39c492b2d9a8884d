"""The page that lists all days."""

from pointsman.report.figures import history
from pointsman.report.render.index import render_index
from tests.support import pages
from tests.support.pages import exact_amounts, parse_page

REPORT, ENTRIES = pages.month()


def test_index_lists_every_day_once_with_its_link() -> None:
    entries = history.with_day(ENTRIES, history.published_day(REPORT))
    parsed = parse_page(render_index(entries))
    links = [str(link.get("href")) for link in parsed.iter("a")]
    assert links == [f"{entry.spend.day:%Y/%m/%d}/report.html" for entry in reversed(entries)]
    chart, *months = parsed.iter("section")
    assert [len(list(chart.iter("svg"))), len(list(chart.iter("table")))] == [2, 0]
    for month in months:
        *rows, foot = exact_amounts(month)
        assert sum(rows) == foot
    assert "No reports yet." in render_index([])
    unlinked = render_index(entries, linked=False)
    assert "<a " not in unlinked
    assert "pointsman report --date 2026-11-21" in unlinked
