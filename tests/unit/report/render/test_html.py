"""The day's page: every sum is the report's, hostile names stay text, an empty day is a page."""

import html
import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.report.render.html import render_html
from pointsman.report.render.index import render_index
from pointsman.report.render.markup import Markup, el, join
from pointsman.values.money import usd
from pointsman.values.times import day_bounds
from tests.support import pages, report_rows
from tests.support.pages import DAY, HAIKU, ZONE, exact_amounts, page_section, parse_page, report_of_day

REPORT, ENTRIES = pages.month()
PAGE = render_html(REPORT, ENTRIES)


def test_every_table_adds_up_to_the_ledgers_total() -> None:
    total = usd(REPORT.total.cost_nano)
    for name in ("tiers", "work"):
        *rows, foot = exact_amounts(page_section(PAGE, name))
        assert sum(rows) == foot == total
    tables = list(page_section(PAGE, "tasks").iter("table"))
    assert len(tables) == 4
    shares = sum(task.share_nano for task in REPORT.tasks)
    for table in tables[1:]:
        for_tasks = REPORT.total.cost_nano - REPORT.classification.cost_nano - REPORT.checking.cost_nano
        assert sum(exact_amounts(table)) == usd(for_tasks + shares)


def test_saving_is_the_baseline_minus_all_costs() -> None:
    for column, comparison in ((0, REPORT.baseline), (1, REPORT.baseline_month)):
        baseline, *parts, saved = exact_amounts(page_section(PAGE, "saved"), column)
        assert (baseline, saved) == (usd(comparison.baseline_nano), usd(comparison.saved_nano))
        assert sum(parts) == usd(comparison.actual_nano + comparison.aws_nano)
        assert baseline - sum(parts) == saved


def test_chart_days_add_up_to_the_ledgers_month() -> None:
    assert sum(day.cost_nano for day in REPORT.days) == REPORT.baseline_month.actual_nano
    assert REPORT.days[-1].cost_nano == REPORT.total.cost_nano
    month = REPORT.month.total
    assert sum(day.cost_nano for day in REPORT.days) == month.ledger_cost_nano + month.ledger_open_nano
    rows = exact_amounts(page_section(PAGE, "days"), column=3)
    days = REPORT.recent
    assert len(days) == 30
    assert rows == [usd(day.cost_nano) for day in reversed(days) if day.cost_nano]


def test_page_counts_tokens_of_every_kind() -> None:
    foot = next(page_section(PAGE, "work").iter("tfoot"))
    counts = [int(str(cell.get("value"))) for cell in foot.iter("data") if "." not in str(cell.get("value"))]
    used = REPORT.total.usage
    assert counts == [REPORT.total.attempts, used.input, used.cache_read, used.output, used.thinking]
    text = "".join(page_section(PAGE, "work").itertext())
    assert "No tokens of these kinds: cache write 5 min, cache write 1 h." in text


def test_hostile_names_are_escaped() -> None:
    assert "<script" not in PAGE.lower()
    assert "\x1b" not in PAGE
    assert "\u202e" not in PAGE
    assert "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;amp;" in PAGE


@given(st.text(max_size=60), st.text(max_size=60))
def test_page_is_well_formed_for_any_task_name(name: str, ticket: str) -> None:
    at = day_bounds(DAY, ZONE)[0]
    fields = {"metadata": {"ticket": ticket, "agent": name}, "parent_id": ticket, "billed_model": name or None}
    page = render_html(report_of_day(pages.row(name, at, HAIKU, tier="implementation", type=name or None, **fields)))
    parsed = parse_page(page)
    assert [element.tag for element in parsed.iter("script")] == []
    assert len(list(parsed.iter("h1"))) == 1


def test_markup_escapes_plain_text() -> None:
    assert el("p", "<b>", el("b", "x"), None, title='"') == '<p title="&quot;">&lt;b&gt;<b>x</b></p>'
    assert join("a\x00b") == "a\N{REPLACEMENT CHARACTER}b"
    assert isinstance(join("a"), Markup)


def test_page_fetches_nothing_and_runs_no_script() -> None:
    for page in (PAGE, render_index(ENTRIES)):
        parsed = parse_page(page)
        assert {element.tag for element in parsed.iter()} & {"script", "img", "iframe", "link", "object"} == set()
        assert not re.search(r"url\(|@import|https?://", page)
        assert not [name for element in parsed.iter() for name in element.keys() if name.startswith("on")]  # noqa: SIM118


def test_page_contains_the_phrases_that_readers_look_for() -> None:
    text = " ".join("".join(parse_page(PAGE).itertext()).split())
    for phrase in (
        "Saturday, 21 November 2026",
        "Stand-ins answered, not real models.",
        "1 call of unknown cost",
        "claude-sonnet-4-5",
        "free to paid",
        "after quota exhausted",
        "On pace for",
        "At this pace",
        "another model would count the tokens of the same text differently",
        "20 of 500",
    ):
        assert phrase in text, phrase
    assert "Stand-ins" not in render_html(report_of_day())


def test_empty_day_gives_a_page_without_details() -> None:
    page = render_html(report_of_day(policy=report_rows.policy()))
    text = "".join(parse_page(page).itertext())
    assert "No task was received" in text
    assert "No task ran." in text
    assert "All is well" in text
    assert "Nothing was spent in the 30 days" in text
    assert [part.get("aria-labelledby") for part in parse_page(page).iter("section")] == ["day", "days"]


def test_unfinished_day_is_marked_on_the_page() -> None:
    since, _ = day_bounds(DAY, ZONE)
    assert "The day so far" in render_html(report_of_day(now=since + timedelta(hours=3)))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (DAY, 24)])
def test_days_of_23_and_25_hours_count_as_one_day(day: date, hours: int) -> None:
    since, until = day_bounds(day, ZONE)
    assert until - since == timedelta(hours=hours)
    rows = [
        pages.row(f"h{n}", since + timedelta(hours=n), HAIKU, tier="implementation", input=1_000) for n in range(26)
    ]
    report = report_of_day(*rows, day=day)
    assert report.total.tasks == hours
    assert report.days[-1].cost_nano == report.total.cost_nano
    assert sum(spend.cost_nano for spend in report.days) == report.total.cost_nano
    assert f"{hours} tasks in {hours} calls" in render_html(report)


def test_page_links_to_the_day_before_and_to_all_days() -> None:
    links = [str(link.get("href")) for link in parse_page(PAGE).iter("a")]
    assert links[:2] == ["../../../2026/10/31/report.html", "../../../index.html"]
    assert "<a " not in render_html(REPORT, ENTRIES, linked=False)


def test_page_loads_runs_and_sends_nothing() -> None:
    """Whatever a text on the page says: the policy comes before the first of them, and the page needs no more."""
    page = PAGE
    policy = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]*)"/>', page)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in html.unescape(policy[1]).split(";"))
    assert rules == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert policy.start() < page.index("<title>")
    assert not re.search(r"<(script|img|link|iframe|object|embed|form|base)\b|\son\w+=|url\(|@import", page)
