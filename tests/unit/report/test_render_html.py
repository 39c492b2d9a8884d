"""The page, the index, the CSV: every sum is the report's, foreign text stays text, an empty day is a page."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.report.figures import history
from pointsman.report.figures.day_summary import DaySpend
from pointsman.report.figures.history import PublishedDay
from pointsman.report.figures.month import project_month
from pointsman.report.figures.report import Report
from pointsman.report.figures.report_builder import ReportScope, build_report
from pointsman.report.figures.speed import Phases, percentile
from pointsman.report.render.as_csv import render_csv
from pointsman.report.render.as_json import as_json
from pointsman.report.render.chart import axis_top
from pointsman.report.render.html import render_html
from pointsman.report.render.index import render_index
from pointsman.report.render.markup import Markup, el, join
from pointsman.values.money import usd
from pointsman.values.taxonomy import Tier
from pointsman.values.times import day_bounds, to_text
from tests.support import pages
from tests.support.pages import DAY, FLASH, HAIKU, HOSTILE, SONNET, ZONE

REPORT, ENTRIES = pages.month()
PAGE = render_html(REPORT, ENTRIES)


def tree(page: str) -> ElementTree.Element:
    """Return the page as XML, which it also is but for the void elements' and doctype's ways."""
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))


def report_of(*rows: dict[str, Any], day: date = DAY, zone: ZoneInfo = ZONE, **changes: Any) -> Report:
    _, until = day_bounds(day, zone)
    defaults: dict[str, Any] = {"day": day, "zone": zone, "policy": pages.policy(), "stand_in": False, "now": until}
    return build_report(ReportScope(**(defaults | changes)), [rows], {})


def section(page: str, name: str) -> ElementTree.Element:
    (element,) = (part for part in tree(page).iter("section") if part.get("aria-labelledby") == name)
    return element


def amounts(part: ElementTree.Element, column: int = 0) -> list[Decimal]:
    """Return the exact amounts of a table's column, of the body's rows, then of the foot."""
    rows = [row for kind in ("tbody", "tfoot") for group in part.iter(kind) for row in group.iter("tr")]
    amounts_of_rows = [[cell for cell in row.iter("data") if "." in str(cell.get("value"))] for row in rows]
    return [Decimal(str(cells[column].get("value"))) for cells in amounts_of_rows if cells]


# ---------------------------------------------------------------- sums


def test_every_table_adds_up_to_the_ledgers_total() -> None:
    total = usd(REPORT.total.cost_nano)
    for name in ("tiers", "work"):
        *rows, foot = amounts(section(PAGE, name))
        assert sum(rows) == foot == total
    tables = list(section(PAGE, "tasks").iter("table"))
    assert len(tables) == 4
    shares = sum(task.share_nano for task in REPORT.tasks)
    for table in tables[1:]:
        for_tasks = REPORT.total.cost_nano - REPORT.classification.cost_nano - REPORT.checking.cost_nano
        assert sum(amounts(table)) == usd(for_tasks + shares)


def test_saving_is_the_baseline_minus_all_costs() -> None:
    for column, comparison in ((0, REPORT.baseline), (1, REPORT.baseline_month)):
        baseline, *parts, saved = amounts(section(PAGE, "saved"), column)
        assert (baseline, saved) == (usd(comparison.baseline_nano), usd(comparison.saved_nano))
        assert sum(parts) == usd(comparison.actual_nano + comparison.aws_nano)
        assert baseline - sum(parts) == saved


def test_chart_days_add_up_to_the_ledgers_month() -> None:
    assert sum(day.cost_nano for day in REPORT.days) == REPORT.baseline_month.actual_nano
    assert REPORT.days[-1].cost_nano == REPORT.total.cost_nano
    month = REPORT.month.total
    assert sum(day.cost_nano for day in REPORT.days) == month.ledger_cost_nano + month.ledger_open_nano
    rows = amounts(section(PAGE, "days"), column=3)
    days = history.chart_days(REPORT, ENTRIES)
    assert len(days) == 30
    assert rows == [usd(day.cost_nano) for day in reversed(days) if day.cost_nano]


def test_page_counts_tokens_of_every_kind() -> None:
    foot = next(section(PAGE, "work").iter("tfoot"))
    counts = [int(str(cell.get("value"))) for cell in foot.iter("data") if "." not in str(cell.get("value"))]
    used = REPORT.total.usage
    assert counts == [REPORT.total.attempts, used.input, used.cache_read, used.output, used.thinking]
    text = "".join(section(PAGE, "work").itertext())
    assert "No tokens of these kinds: cache write 5 min, cache write 1 h." in text


def test_csv_lines_add_up_to_the_ledger() -> None:
    lines = list(csv.DictReader(io.StringIO(render_csv(REPORT))))
    assert sum(int(line["cost_nano"]) for line in lines) == REPORT.total.cost_nano
    assert sum(Decimal(line["usd"]) for line in lines) == usd(REPORT.total.cost_nano)
    assert sum(int(line["attempts"]) for line in lines) == REPORT.total.attempts
    for kind, count in REPORT.total.usage.as_dict().items():
        assert sum(int(line[kind]) for line in lines) == count
    assert {line["type"] for line in lines} >= {"classification", "code_generation"}


def test_csv_escapes_formulas() -> None:
    report = report_of(pages.row("t", day_bounds(DAY, ZONE)[0], HAIKU, tier="implementation", billed_model="=1+1"))
    (line,) = csv.DictReader(io.StringIO(render_csv(report)))
    assert line["model"] == "'=1+1"


# ---------------------------------------------------------------- foreign text


def test_hostile_names_are_escaped() -> None:
    assert "<script" not in PAGE.lower()
    assert "\x1b" not in PAGE
    assert "\u202e" not in PAGE
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;amp;" in PAGE


@given(st.text(max_size=60), st.text(max_size=60))
def test_page_is_well_formed_for_any_task_name(name: str, ticket: str) -> None:
    at = day_bounds(DAY, ZONE)[0]
    fields = {"metadata": {"ticket": ticket, "agent": name}, "parent_id": ticket, "billed_model": name or None}
    page = render_html(report_of(pages.row(name, at, HAIKU, tier="implementation", type=name or None, **fields)))
    parsed = tree(page)
    assert [element.tag for element in parsed.iter("script")] == []
    assert len(list(parsed.iter("h1"))) == 1


def test_markup_escapes_plain_text() -> None:
    assert el("p", "<b>", el("b", "x"), None, title='"') == '<p title="&quot;">&lt;b&gt;<b>x</b></p>'
    assert join("a\x00b") == "a\N{REPLACEMENT CHARACTER}b"
    assert isinstance(join("a"), Markup)


def test_page_fetches_nothing_and_runs_no_script() -> None:
    for page in (PAGE, render_index(ENTRIES)):
        parsed = tree(page)
        assert {element.tag for element in parsed.iter()} & {"script", "img", "iframe", "link", "object"} == set()
        assert not re.search(r"url\(|@import|https?://", page)
        assert not [name for element in parsed.iter() for name in element.keys() if name.startswith("on")]  # noqa: SIM118


# ---------------------------------------------------------------- what it says


def test_page_contains_the_phrases_that_readers_look_for() -> None:
    text = " ".join("".join(tree(PAGE).itertext()).split())
    for phrase in (
        "Saturday, 21 November 2026",
        "Stand-ins answered, not real models.",
        "1 call of unknown cost",
        "claude-sonnet-4-5",
        "free to paid",
        "after quota exhausted",
        "At this pace",
        "another model would count the tokens of the same text differently",
        "20 of 500",
    ):
        assert phrase in text, phrase
    assert "Stand-ins" not in render_html(report_of())


def test_empty_day_gives_a_page_without_details() -> None:
    page = render_html(report_of(policy=_modern()))
    text = "".join(tree(page).itertext())
    assert "No task ran." in text
    assert "All is well" in text
    assert "Nothing was spent in the 30 days" in text
    assert [part.get("aria-labelledby") for part in tree(page).iter("section")] == ["days", "tiers"]


def _modern() -> Any:
    import json

    from pointsman.routing import catalog, config
    from pointsman.routing.policy import RoutingPolicy

    routing = {str(tier): model for tier, (model, _) in pages.WORK.items()}
    return RoutingPolicy(config.parse(json.dumps({"routing": routing})), catalog.load_catalog())


def test_unfinished_day_is_marked_on_the_page() -> None:
    since, _ = day_bounds(DAY, ZONE)
    assert "The day so far" in render_html(report_of(now=since + timedelta(hours=3)))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (DAY, 24)])
def test_days_of_23_and_25_hours_count_as_one_day(day: date, hours: int) -> None:
    since, until = day_bounds(day, ZONE)
    assert until - since == timedelta(hours=hours)
    rows = [
        pages.row(f"h{n}", since + timedelta(hours=n), HAIKU, tier="implementation", input=1_000) for n in range(26)
    ]
    report = report_of(*rows, day=day)
    assert report.total.tasks == hours
    assert report.days[-1].cost_nano == report.total.cost_nano
    assert sum(spend.cost_nano for spend in report.days) == report.total.cost_nano
    assert f"{hours} tasks in {hours} calls" in render_html(report)


# ---------------------------------------------------------------- accessible


class Outline(HTMLParser):
    """Reads the page as a browser's tokenizer does."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if re.fullmatch(r"h\d", tag):
            self.headings.append(int(tag[1]))
        self.ids += [value or "" for name, value in attrs if name == "id"]


@pytest.mark.parametrize("page", [PAGE, render_index(ENTRIES), render_html(report_of())], ids=["day", "index", "empty"])
def test_headings_tables_and_drawings_suit_screen_readers(page: str) -> None:
    outline = Outline()
    outline.feed(page)
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))
    assert len(set(outline.ids)) == len(outline.ids)
    parsed = tree(page)
    assert parsed.get("lang") == "en"
    for table in parsed.iter("table"):
        assert "".join(table[0].itertext())
        assert table[0].tag == "caption"
        assert {cell.get("scope") for cell in table.iter("th")} <= {"col", "row"}
        assert all("".join(cell.itertext()).strip() for cell in table.iter("th"))
        widths = {len(list(row)) for row in table.iter("tr")}
        assert len(widths) == 1, "every row has as many cells as the header"
    for drawing in [*parsed.iter("svg"), *(div for div in parsed.iter("div") if div.get("class") == "bar")]:
        assert drawing.get("role") == "img"
        assert drawing.get("aria-label")


def test_colours_have_contrast_in_both_schemes() -> None:
    style = (files("pointsman") / "data/report.css").read_text()
    light, dark, *_ = [dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in style.split(":root")[1:]]
    assert set(light) == set(dark)
    for colours in (light, dark):
        for ink in ("ink", "soft", "link"):
            for paper in ("paper", "card", "faint"):
                assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
        for kind in ("good", "warn"):
            assert contrast(colours[kind], colours[f"{kind}-paper"]) >= 4.5
            assert contrast(colours["ink"], colours[f"{kind}-paper"]) >= 4.5
        for drawn in (*Tier, "routing", "waiting", "model", "delivery"):
            assert contrast(colours[str(drawn)], colours["paper"]) >= 2.8, drawn


def contrast(one: str, other: str) -> float:
    """Return WCAG's contrast ratio."""
    darker, lighter = sorted(luminance(colour) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


# ---------------------------------------------------------------- history and index


def test_manifest_survives_a_round_trip() -> None:
    entries = history.with_day(ENTRIES, history.published_day(REPORT))
    assert history.read_manifest(history.manifest_text(entries)) == entries
    assert history.manifest_text(history.read_manifest(history.manifest_text(entries))) == history.manifest_text(
        entries
    )
    assert history.with_day(entries, entries[3]) == entries
    assert history.read_manifest(None) == []


def test_index_lists_every_day_once_with_its_link() -> None:
    entries = history.with_day(ENTRIES, history.published_day(REPORT))
    parsed = tree(render_index(entries))
    links = [str(link.get("href")) for link in parsed.iter("a")]
    assert links == [f"{entry.spend.day:%Y/%m/%d}/report.html" for entry in reversed(entries)]
    for month in parsed.iter("section"):
        *rows, foot = amounts(month)
        assert sum(rows) == foot
    assert "No reports yet." in render_index([])
    assert "<a " not in render_index(entries, linked=False)


def test_page_links_to_the_day_before_and_to_all_days() -> None:
    links = [str(link.get("href")) for link in tree(PAGE).iter("a")]
    assert links[:2] == ["../../../2026/10/31/report.html", "../../../index.html"]
    assert "<a " not in render_html(REPORT, ENTRIES, linked=False)


def test_ledger_overrides_the_manifest_in_the_chart() -> None:
    wrong = PublishedDay(DaySpend(DAY, dict.fromkeys(Tier, 1)), 1, 1, 1, 1, complete=True, stand_in=False)
    assert history.chart_days(REPORT, [wrong])[-1] == REPORT.days[-1]


# ---------------------------------------------------------------- the new figures


def test_month_is_projected_at_its_pace() -> None:
    begins, _ = day_bounds(date(2026, 11, 1), ZONE)
    assert project_month(10, begins, begins + timedelta(days=10), ZONE) == 30
    assert project_month(10, begins, begins + timedelta(hours=22), ZONE) is None
    march, _ = day_bounds(date(2026, 3, 1), ZONE)
    assert project_month(743, march, march + timedelta(hours=743), ZONE) == 743


@given(st.lists(st.integers(0, 10_000), min_size=1), st.integers(1, 100))
def test_percentile_is_a_value_that_the_percentage_does_not_exceed(values: list[int], percent: int) -> None:
    result = percentile(sorted(values), percent)
    assert result in values
    assert sum(value <= result for value in values) >= len(values) * percent / 100
    assert percentile([], 50) is None


def test_task_time_is_split_into_phases() -> None:
    since = day_bounds(DAY, ZONE)[0] + timedelta(hours=9)
    rows = [
        pages.row("t", since, HAIKU, tier="implementation", outcome="unavailable", milliseconds=100),
        pages.row(
            "t", since + timedelta(seconds=5), HAIKU, turn="000001.000002", tier="implementation", milliseconds=2_000
        ),
    ]

    def look_up(ids: list[str]) -> Any:
        assert ids == ["t"]
        ended = datetime.fromisoformat(rows[1]["ended_at"])
        received, delivered = to_text(since - timedelta(seconds=1)), to_text(ended + timedelta(milliseconds=300))
        sent = to_text(since - timedelta(seconds=1, milliseconds=400))
        return {"t": pages.Milestones(received, to_text(ended), delivered, sent)}

    _, until = day_bounds(DAY, ZONE)
    scope = ReportScope(DAY, ZONE, pages.policy(), False, until)
    speed = build_report(scope, [rows], {}, (), look_up).speed[Tier.IMPLEMENTATION]
    assert (speed.call_p50_ms, speed.task_p95_ms) == (2_000, 7_090)
    assert speed.phases == Phases(
        tasks=1, queue_ms=400, routing_ms=1_000, waiting_ms=4_990, model_ms=2_100, delivery_ms=300
    )


def test_quota_use_counts_by_the_providers_day() -> None:
    since, _ = day_bounds(DAY, ZONE)  # midnight in Berlin is 15:00 of the day before in California
    free = {"tier": "orchestration", "type": "status"}
    rows = [pages.row(f"b{n}", since - timedelta(hours=n + 1), FLASH, **free) for n in range(3)]
    rows += [pages.row(f"d{n}", since + timedelta(seconds=n * 20), FLASH, **free) for n in range(5)]
    rows += [pages.row("late", since + timedelta(hours=10), FLASH, **free)]
    (use,) = report_of(*rows).quotas
    assert (use.pacific_day, use.requests, use.busiest_minute) == (DAY - timedelta(days=1), 8, 3)
    assert (use.requests_a_day, use.percent) == (500, 1.6)


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


@pytest.mark.parametrize("nano", [0, 1, 999, 1_000, 93_609_300, 4_000_000_001, 10**15])
def test_axis_covers_the_largest_amount(nano: int) -> None:
    assert nano <= axis_top(nano) <= max(nano * 3, 1_000)


def classes(page: str) -> Iterator[str]:
    for element in tree(page).iter():
        yield from str(element.get("class") or "").split()


def test_every_class_is_in_the_style_sheet() -> None:
    style = (files("pointsman") / "data/report.css").read_text()
    styled = set(re.findall(r"\.([a-z][\w-]*)", style))
    assert set(classes(PAGE)) | set(classes(render_index(ENTRIES))) <= styled
