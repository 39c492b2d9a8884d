import json
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.report.figures import speed, task_costs
from pointsman.report.figures.aws_bill import share_nano
from pointsman.report.figures.aws_units import DayLoad
from pointsman.report.figures.report import Report
from pointsman.report.figures.report_builder import ReportScope, build_report
from pointsman.report.figures.top_tier import FAILED_CHECK_PREFIX, TopTierGroup, TopTierReason, TopTierTotals
from pointsman.report.render.as_json import as_json
from pointsman.report.render.formatting import fold_list, percent, rounded_dollars
from pointsman.report.render.html import render_html
from pointsman.report.render.text import render_summary, render_text
from pointsman.routing import catalog, config
from pointsman.routing.policy import RoutingPolicy
from pointsman.services import verification
from pointsman.services.report import announcement_subject
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import day_bounds, to_text
from tests.support import pages

FLASH, HAIKU, SONNET = "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"
BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 21)
SINCE, UNTIL = day_bounds(DAY, BERLIN)
ROUTING = {"orchestration": FLASH, "implementation": HAIKU, "reasoning": SONNET}
KINDS = ["input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "thinking"]


def policy(routing: dict[str, str] = ROUTING, **settings: Any) -> RoutingPolicy:
    return RoutingPolicy(config.parse(json.dumps({"routing": routing, "pointsman": settings})), catalog.load_catalog())


def scope_of(**changes: Any) -> ReportScope:
    defaults: dict[str, Any] = {
        "day": DAY,
        "zone": BERLIN,
        "policy": policy(),
        "stand_in": False,
        "now": UNTIL + timedelta(hours=6),
    }
    return ReportScope(**(defaults | changes))


def row(
    task_id: str = "t1", at: datetime = SINCE + timedelta(hours=9), attempt: int = 1, **overrides: Any
) -> dict[str, Any]:
    """Return a settled attempt as the ledger's read side gives it; `outcome=None` leaves it open."""
    turn = overrides.pop("turn", f"000001.{attempt:06d}")
    fields = {
        "kind": "attempt",
        "row": f"{to_text(at)}#{task_id}#{turn}",
        "at": to_text(at),
        "task_id": task_id,
        "turn": turn,
        "purpose": "task",
        "tier": "implementation",
        "type": "code_generation",
        "model": HAIKU,
        "billing": "paid",
        "hop": 0,
        "reserved_nano": 5_000_000,
        "outcome": "answered",
        "cost_nano": 2_000_000,
        "cost_known": True,
        "input": 10_000,
        "output": 2_000,
    }
    fields |= overrides
    if fields["outcome"] is None:
        for settled in ("outcome", "cost_nano", "cost_known", *KINDS):
            fields.pop(settled, None)
    return {name: value for name, value in fields.items() if value is not None}


def share(task_id: str, cost_nano: int, number: int = 0, **overrides: Any) -> dict[str, Any]:
    where = f"{to_text(SINCE + timedelta(hours=8))}#classify-1#000001.000001#share.{number:02d}"
    return {"kind": "share", "row": where, "task_id": task_id, "model": HAIKU, "cost_nano": cost_nano, **overrides}


def classification(**overrides: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "purpose": "classification",
        "tier": "orchestration",
        "type": None,
        "model": FLASH,
        "billing": "free",
    }
    return row("classify-1", **({"cost_nano": 0, "input": 900, "output": 60} | defaults | overrides))


def report_of(*rows: dict[str, Any], counters: dict[str, int] | None = None, **changes: Any) -> Report:
    scope = scope_of(**changes)
    return build_report(scope, [rows], counters or {}, pages.summaries(scope, list(rows)))


# ---------------------------------------------------------------- every sum, to the nano-dollar

NANO = st.integers(0, 3_000_000_000)
TOKENS = st.integers(0, 900_000)


@st.composite
def rows_of_a_day(draw: st.DrawFn) -> dict[str, Any]:
    at = SINCE + timedelta(milliseconds=draw(st.integers(0, 86_400_000 - 1)))
    purpose = draw(st.sampled_from(["task", "task", "task", "classification"]))
    model = draw(st.sampled_from([FLASH, HAIKU, SONNET]))
    outcome = draw(st.sampled_from(["answered", "truncated", "unknown", "not_sent", "busy", "rate_limited", None]))
    hop = draw(st.integers(0, 2))
    for_task = purpose == "task"
    return row(
        draw(st.sampled_from(["t1", "t2", "t3", "t4"])) if for_task else "classify-1",
        at,
        purpose=purpose,
        turn=f"{draw(st.integers(1, 2)):06d}.{draw(st.integers(1, 999_999)):06d}",
        tier=str(draw(st.sampled_from(Tier))) if for_task else "orchestration",
        type=draw(st.sampled_from([str(kind) for kind in TaskType])) if for_task else None,
        model=model,
        billed_model=draw(st.sampled_from([None, "claude-haiku-4-5", "somebody-elses-model-with-a-long-name"])),
        billing=draw(st.sampled_from(["free", "paid"])),
        hop=hop,
        after=draw(st.sampled_from(["unavailable", "retired"])) if hop else None,
        came_from=draw(st.sampled_from([FLASH, HAIKU, "forgotten"])) if hop else None,
        outcome=outcome,
        reserved_nano=draw(NANO),
        cost_nano=draw(NANO),
        cost_known=outcome != "unknown",
        metadata=draw(st.sampled_from([{}, {"agent": "ci"}, {"agent": "bot", "ticket": "T-1"}])),
        **{kind: draw(TOKENS) for kind in KINDS},
    )


LEDGERS = st.lists(rows_of_a_day(), max_size=30, unique_by=lambda entry: entry["row"])


def booked(entry: dict[str, Any]) -> int:
    return int(entry["cost_nano"] if "outcome" in entry else entry["reserved_nano"])


@given(LEDGERS)
def test_every_total_equals_the_sum_of_its_parts_and_of_the_ledger_rows(rows: list[dict[str, Any]]) -> None:
    document = as_json(report_of(*rows, share("t1", 7), share("elsewhere", 5, 1)))
    total = document["totals"]
    with_classification = [[*document["tiers"].values(), document["classification"]], list(document["models"].values())]
    with_classification.append([*document["types"].values(), document["classification"]])
    for parts in with_classification:
        assert sum(part["cost_nano"] for part in parts) == total["cost_nano"]
        assert sum(part["attempts"] for part in parts) == total["attempts"]
        assert sum(part["open"] for part in parts) == total["open"]
        for kind in KINDS:
            assert sum(part["tokens"][kind] for part in parts) == total["tokens"][kind]
    assert total["cost_nano"] == sum(booked(entry) for entry in rows)
    assert total["attempts"] == sum(entry.get("outcome") != "not_sent" for entry in rows)
    assert total["open"] == sum("outcome" not in entry for entry in rows)
    for kind in KINDS:
        assert total["tokens"][kind] == sum(entry.get(kind, 0) for entry in rows)
    assert sum(document["outcomes"].values()) == len(rows)
    assert (
        sum(task["cost_nano"] for task in document["tasks"]) + document["classification"]["cost_nano"]
        == total["cost_nano"]
    )
    assert sum(task["share_nano"] for task in document["tasks"]) == 12
    assert document["month"]["ledger_cost_nano"] + document["month"]["ledger_open_nano"] == total["cost_nano"]
    assert (
        sum(tier["ledger_cost_nano"] for tier in document["month"]["tiers"].values())
        == document["month"]["ledger_cost_nano"]
    )
    comparison = document["baseline"]
    assert comparison["actual_nano"] == total["cost_nano"]
    assert comparison["saved_nano"] == comparison["baseline_nano"] - total["cost_nano"] - comparison["aws_nano"]
    assert (comparison["aws_nano"] > 0) == (total["attempts"] > 0)


@given(LEDGERS, st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_text_and_message_fit_their_size_and_ignore_the_order_of_rows(
    rows: list[dict[str, Any]], stand_in: bool, over: bool, dice: random.Random
) -> None:
    caps = {tier: {"month_usd": "1.5", "day_usd": "0.25"} for tier in ROUTING}
    old = {"orchestration": "gemini-2.0-flash", "implementation": "claude-haiku-4-5", "reasoning": "claude-sonnet-4-5"}
    old_policy = policy(old, budget={"tiers": caps, "day_usd": 1}, baseline="gemini-2.5-flash")
    now = UNTIL if over else SINCE
    counters = {
        f"{name}{suffix}": 123_456_789 for name in ("day_20", "day_21") for suffix in ("", *(f"_{t}" for t in Tier))
    }
    report = report_of(*rows, counters=counters, policy=old_policy, stand_in=stand_in, now=now)
    page, message = render_text(report), render_summary(report)
    assert len(page.splitlines()) <= 45
    assert max(map(len, page.splitlines())) <= 72
    assert len(message.splitlines()) <= 12
    assert max(map(len, message.splitlines())) <= 40
    assert len(announcement_subject(report)) < 100
    assert (page + message + announcement_subject(report)).isascii()
    assert ("STAND-INS ANSWERED" in page) == ("STAND-INS ANSWERED" in message) == stand_in
    dice.shuffle(rows)
    shuffled = report_of(*rows, counters=counters, policy=old_policy, stand_in=stand_in, now=now)
    assert json.dumps(as_json(shuffled)) == json.dumps(as_json(report))
    assert render_text(shuffled) == page


# ---------------------------------------------------------------- whose day it is


def test_report_covers_the_day_of_its_time_zone() -> None:
    first, last = SINCE, UNTIL - timedelta(milliseconds=1)
    outside = [row("before", SINCE - timedelta(milliseconds=1)), row("after", UNTIL)]
    report = report_of(row("first", first), row("last", last), *outside)
    assert [task.task_id for task in report.tasks] == ["first", "last"]
    assert (to_text(report.since), to_text(report.until)) == ("2026-11-20T23:00:00.000Z", "2026-11-21T23:00:00.000Z")


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Los_Angeles", date(2026, 11, 1), 25),
        ("America/Santiago", date(2026, 9, 6), 23),  # its midnight does not exist
        ("Africa/Cairo", date(2026, 10, 30), 24),  # its midnight before comes twice
        ("Africa/Cairo", date(2026, 10, 29), 25),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Asia/Kathmandu", date(2026, 3, 29), 24),
        ("Pacific/Kiritimati", date(2026, 1, 1), 24),
    ],
)
def test_each_call_counts_in_exactly_one_day_when_the_clock_changes(zone: str, day: date, hours: float) -> None:
    where = ZoneInfo(zone)
    since, until = day_bounds(day, where)
    assert until - since == timedelta(hours=hours)
    begins = since - timedelta(hours=26)
    rows = [row(f"t{number}", begins + timedelta(minutes=15 * number), cost_nano=1) for number in range(4 * 78)]
    days = [day + timedelta(days=number) for number in (-2, -1, 0, 1, 2)]
    totals = [report_of(*rows, day=report_day, zone=where, now=until + timedelta(days=9)).total for report_day in days]
    assert sum(total.cost_nano for total in totals) == sum(total.tasks for total in totals) == len(rows)
    assert totals[2].tasks == 4 * hours


def test_empty_day_gives_a_report_of_zeros() -> None:
    report = report_of()
    document = as_json(report)
    assert document["totals"]["cost_nano"] == 0
    assert list(document["tiers"]) == list(Tier)
    assert document["baseline"]["percent"] is None
    assert "no task ran" in render_text(report)
    assert "Spent  $0.000000" in render_summary(report)


def test_unfinished_day_is_marked_in_text_and_json() -> None:
    report = report_of(row(), now=UNTIL - timedelta(seconds=1))
    assert as_json(report)["complete"] is False
    assert "the day so far" in render_text(report)
    assert render_summary(report).splitlines()[0].endswith(", so far")


# ---------------------------------------------------------------- what counts


def test_task_counts_once_and_attempts_count_when_sent() -> None:
    report = report_of(
        row(outcome="busy", cost_nano=0), row(attempt=2, outcome="not_sent", cost_nano=0), row(attempt=3)
    )
    assert (report.total.tasks, report.total.attempts) == (1, 2)
    assert report.outcomes == {"answered": 1, "busy": 1, "not_sent": 1}
    assert report.tasks[0].outcome == "answered"


def test_classification_counts_apart_and_as_no_task() -> None:
    report = report_of(row(), classification())
    assert (report.total.tasks, report.total.attempts) == (1, 2)
    assert report.tiers[Tier.ORCHESTRATION].attempts == 0
    assert report.classification.usage.input == 900
    assert report.models[FLASH].tasks == 0
    assert "classification" in render_text(report)


def test_shares_appear_per_task_and_in_no_total() -> None:
    paid: dict[str, Any] = {"model": HAIKU, "billing": "paid", "cost_nano": 100}
    document = as_json(report_of(row(cost_nano=1_000), classification(**paid), share("t1", 60), share("t2", 40, 1)))
    assert document["totals"]["cost_nano"] == 1_100
    assert document["totals"]["tasks"] == 1
    assert [(task["task_id"], task["attempts"], task["with_share_nano"]) for task in document["tasks"]] == [
        ("t1", 1, 1_060),
        ("t2", 0, 40),
    ]


def test_open_attempt_counts_at_its_reservation() -> None:
    report = report_of(row(outcome=None))
    assert (report.total.attempts, report.total.open_attempts, report.total.cost_nano) == (1, 1, 5_000_000)
    assert report.outcomes == {"open": 1}
    assert report.unknown.count == 0
    assert "1 call still open" in render_text(report)


def test_unknown_costs_count_at_their_reservation() -> None:
    report = report_of(row(outcome="unknown", cost_nano=5_000_000, cost_known=False), row(attempt=2))
    assert (report.unknown.count, report.unknown.reserved_nano) == (1, 5_000_000)
    assert "1 call of unknown cost, booked at the reserved amount: $0.005000." in render_text(report)
    assert "! 1 call of unknown cost" in render_summary(report)


def test_model_is_listed_by_its_billed_name() -> None:
    report = report_of(row(billed_model="claude-haiku-4-5"))
    assert list(report.models) == ["claude-haiku-4-5"]


def test_agents_and_tickets_have_totals() -> None:
    ci = {"agent": "ci", "ticket": "T-1"}
    document = as_json(report_of(row(metadata=ci), row("t2", metadata={"agent": "ci"}), row("t3"), share("t2", 5)))
    assert document["agents"] == {"ci": {"tasks": 2, "attempts": 2, "cost_nano": 4_000_000, "share_nano": 5}}
    assert list(document["tickets"]) == ["T-1"]


# ---------------------------------------------------------------- fallbacks


def hop(attempt: int, number: int, after: str, **overrides: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {"hop": number, "after": after, "tier": "orchestration", "type": "status"}
    return row(attempt=attempt, **({"came_from": FLASH if number else None} | defaults | overrides))


FREE: dict[str, Any] = {"model": FLASH, "billing": "free", "cost_nano": 0, "outcome": "unavailable"}


def test_fallback_with_retries_counts_once() -> None:
    rows = [hop(1, 0, "", **FREE), hop(2, 1, "unavailable", outcome="busy"), hop(3, 1, "busy")]
    ((fallback, count),) = report_of(*rows).fallbacks.items()
    assert (fallback.came_from, fallback.model, fallback.reason, count) == (FLASH, HAIKU, "unavailable", 1)
    assert fallback.free_to_paid


def test_fallback_in_a_second_round_of_the_chain_counts_again() -> None:
    rows = [hop(1, 0, "", **FREE), hop(2, 1, "unavailable", outcome="unavailable")]
    rows += [hop(3, 0, "unavailable", **FREE), hop(4, 1, "unavailable")]
    assert report_of(*rows).free_to_paid == 2


def test_retry_of_yesterdays_fallback_does_not_count_today() -> None:
    night = SINCE - timedelta(minutes=1)
    report = report_of(hop(2, 1, "unavailable", at=night, outcome="busy"), hop(3, 1, "busy"))
    assert report.fallbacks == {}


def test_fallback_without_a_sent_call_does_not_count() -> None:
    assert report_of(hop(2, 1, "unavailable", outcome="not_sent", cost_nano=0)).fallbacks == {}


def test_fallback_between_paid_models_is_not_free_to_paid() -> None:
    report = report_of(row(attempt=2, hop=1, came_from=HAIKU, after="unavailable", model=SONNET))
    assert [fallback.free_to_paid for fallback in report.fallbacks] == [False]
    assert f"  1 {HAIKU} > {SONNET}: unavailable" in render_text(report)


def test_skipped_free_model_is_counted() -> None:
    report = report_of(row(tier="orchestration", type="status"), row("t2"), classification())
    assert (report.skipped_free.attempts, report.skipped_free.cost_nano) == (1, 2_000_000)
    assert report.fallbacks == {}
    assert report_of(row(tier="orchestration"), policy=policy(paid_models=[FLASH])).skipped_free.attempts == 0


# ---------------------------------------------------------------- baseline


def test_savings_deduct_everything_spent() -> None:
    answer: dict[str, Any] = {
        "input": 1_000,
        "cache_read": 500,
        "cache_write_5m": 300,
        "cache_write_1h": 200,
        "output": 100,
    }
    failed = row(outcome="unknown", cost_known=False, cost_nano=300_000, output=99_999)
    comparison = report_of(
        failed, row(attempt=2, cost_nano=200_000, **answer), classification(cost_nano=10_000)
    ).baseline
    assert comparison.answers == 1
    assert (
        comparison.baseline_nano == 2_000 * 2_000 + 100 * 10_000
    )  # claude-sonnet-5-5: 2 and 10 USD per million tokens
    calls = {Tier.ORCHESTRATION: Decimal(1), Tier.IMPLEMENTATION: Decimal(2), Tier.REASONING: Decimal()}
    assert comparison.aws_nano == share_nano(DayLoad(Decimal(1), calls, Decimal()))
    assert comparison.saved_nano == 5_000_000 - 510_000 - comparison.aws_nano
    assert comparison.percent == round((5_000_000 - 510_000 - comparison.aws_nano) / 50_000, 2)


ESCALATED: dict[str, Any] = {"hop": 1, "came_from": HAIKU, "tier": "reasoning", "model": SONNET, "cost_nano": 9_000_000}


def test_replaced_answer_is_compared_once_and_audits_are_costs() -> None:
    first = row(failed_check="json_schema")
    second = row(attempt=2, at=SINCE + timedelta(hours=10), after="failed_check:json_schema", **ESCALATED)
    audit = row(attempt=3, at=SINCE + timedelta(hours=11), purpose="audit", model=SONNET, cost_nano=7_000_000)
    judge = row("t2", purpose="judge", tier="orchestration", model=FLASH, billing="free", cost_nano=0)
    report = report_of(first, second, audit, judge)
    comparison = report.baseline
    assert (comparison.answers, comparison.baseline_nano) == (1, 10_000 * 2_000 + 2_000 * 10_000)
    assert (comparison.answers_nano, comparison.failed_nano, comparison.checking_nano) == (
        9_000_000,
        2_000_000,
        7_000_000,
    )
    assert comparison.saved_nano == comparison.baseline_nano - 18_000_000 - comparison.aws_nano
    assert (report.checking.attempts, report.checking.cost_nano, report.checking.tasks) == (2, 7_000_000, 0)
    parts = [*report.tiers.values(), report.classification, report.checking]
    assert sum(part.cost_nano for part in parts) == report.total.cost_nano
    assert report.skipped_free.attempts == 0
    assert {work.type for work in report.work} == {"code_generation", "audit", "judge"}


def test_top_tier_answers_are_grouped_by_reason() -> None:
    late = SINCE + timedelta(hours=10)
    busy = row(
        attempt=2, at=late, after="failed_check:json_schema", outcome="rate_limited", **ESCALATED | {"cost_nano": 0}
    )
    again = row(attempt=3, at=late + timedelta(minutes=1), after="rate_limited", **ESCALATED)
    plain = row("t2", tier="reasoning", type="architecture", model=SONNET, cost_nano=4_000_000)
    by_fault = row("t3", model=SONNET, hop=1, after="unavailable", came_from=HAIKU)
    report = report_of(row(failed_check="json_schema"), busy, again, plain, by_fault)
    assert report.top_tier == {
        TopTierGroup(TopTierReason.DECIDED, "architecture", SONNET, None): TopTierTotals(1, 4_000_000),
        TopTierGroup(TopTierReason.ESCALATED, "code_generation", SONNET, "json_schema"): TopTierTotals(1, 9_000_000),
    }
    assert FAILED_CHECK_PREFIX == verification.FAILED_CHECK
    page = render_html(report)
    assert "Sent to the top tier" in page
    assert SONNET in page.split("Sent to the top tier")[1].split("</section>")[0]
    assert "2 answers from the reasoning tier, 1 after" in page
    assert "Sent to the top tier" not in render_html(report_of(by_fault))


def test_aws_cost_of_a_month_is_the_sum_of_its_days_with_calls() -> None:
    days = [SINCE - timedelta(days=back) for back in (5, 0)]
    both = [row(f"t{number}", at, milliseconds=60_000) for number, at in enumerate(days)]
    day, month = report_of(both[1]).baseline, report_of(*both).baseline_month
    assert month.aws_nano == 2 * day.aws_nano > 0
    assert report_of().baseline_month.aws_nano == 0


def test_configured_baseline_is_used_and_a_loss_is_shown() -> None:
    report = report_of(row(cost_nano=9_000_000), policy=policy(baseline="claude-haiku-4-5"))
    assert (report.baseline.model, report.baseline.baseline_nano) == ("claude-haiku-4-5", 20_000_000)
    dear = report_of(row(cost_nano=30_000_000), policy=policy(baseline="claude-haiku-4-5"))
    lost = 10_000_000 + dear.baseline.aws_nano
    assert dear.baseline.percent == -round(lost / 200_000, 2)
    line = f"Lost    ${lost / 10**9:.6f} of $0.020000 (-{lost / 200_000:.1f}%)"
    assert line in render_text(dear)
    assert f"net of AWS (${dear.baseline.aws_nano / 10**9:.4f})" in render_text(dear)


def test_retired_baseline_is_replaced_by_its_successor() -> None:
    comparison = report_of(policy=policy(baseline="gemini-2.0-flash")).baseline
    assert (comparison.configured, comparison.model) == ("gemini-2.0-flash", FLASH)


def test_savings_are_called_an_estimate() -> None:
    report = report_of(row())
    assert "an estimate" in render_text(report)
    assert "(estimate)" in render_summary(report)
    assert "estimate" in as_json(report)["baseline"]["note"]


# ---------------------------------------------------------------- month and budget


def test_month_covers_its_first_day_to_the_reports_day() -> None:
    month_begins, _ = day_bounds(date(2026, 11, 1), BERLIN)
    rows = [
        row("old", month_begins - timedelta(milliseconds=1)),
        row("first", month_begins, cost_nano=1),
        row("t", cost_nano=2),
    ]
    counters = {"day_01": 1, "day_21": 102, "day_21_open": 100, "day_22": 50, "month": 153, "month_open": 100}
    month = report_of(*rows, row("open", outcome=None, reserved_nano=100), counters=counters).month
    assert (month.name, month.total.spent_nano, month.total.open_nano) == ("2026-11", 3, 100)
    assert (month.total.ledger_cost_nano, month.total.ledger_open_nano) == (3, 100)
    assert month.total.difference_nano == 0


def test_caps_show_their_use() -> None:
    capped = policy(budget={"month_usd": 2, "day_usd": "0.5", "tiers": {"reasoning": {"month_usd": 1, "day_usd": 0}}})
    counters = {"day_20": 300_000_000, "day_21": 200_000_000, "day_20_reasoning": 300_000_000}
    report = report_of(counters=counters, policy=capped)
    assert {cap.counter: (cap.spent_nano, cap.percent) for cap in report.month.caps} == {
        "day_21": (200_000_000, 40.0),
        "day_21_reasoning": (0, None),
        "month": (500_000_000, 25.0),
        "month_reasoning": (300_000_000, 30.0),
    }
    assert "Month   $0.500000 of $2.00 (25.0%), 2026-11 to date" in render_text(report)
    assert "Month  $0.5000 of $2.00, 25.0%" in render_summary(report)


def test_missing_cap_has_no_percentage() -> None:
    report = report_of(policy=policy(budget={"month_usd": None}))
    assert report.month.cap is None
    assert "no cap" in render_text(report)


def test_difference_of_counters_and_rows_is_warned_about_once_the_day_is_over() -> None:
    warning = "counters and the ledger's rows differ by $0.001000"
    assert warning in render_text(report_of(row(), counters={"day_21": 3_000_000}))
    assert warning not in render_text(report_of(row(), counters={"day_21": 3_000_000}, now=SINCE))
    assert "rows differ" not in render_text(report_of(row(), counters={"day_21": 2_000_000}))


# ---------------------------------------------------------------- models that end


def test_retiring_and_retired_models_are_listed_with_their_successors() -> None:
    bare = {"orchestration": "gemini-2.0-flash", "implementation": "claude-haiku-4-5", "reasoning": "claude-sonnet-4-5"}
    retirements = as_json(report_of(policy=policy(bare)))["models_ending"]
    assert retirements == [
        {"model": "claude-sonnet-4-5", "state": "ending", "ends": "2026-11-30", "successor": SONNET},
        {"model": "gemini-2.0-flash", "state": "ended", "ends": "2026-06-01", "successor": FLASH},
    ]
    page = render_text(report_of(policy=policy(bare)))
    assert "! gemini-2.0-flash retired on 2026-06-01; gemini-3.5-flash-lite serves." in page
    assert "! claude-sonnet-4-5 retires on 2026-11-30; claude-sonnet-5-5 takes over." in page
    assert "! claude-sonnet-4-5 retires 2026-11-30" in render_summary(report_of(policy=policy(bare)))


@pytest.mark.parametrize(("day", "named"), [(date(2026, 10, 1), False), (date(2026, 10, 2), True)])
def test_retirement_is_announced_sixty_days_ahead(day: date, named: bool) -> None:
    ending_policy = policy({**ROUTING, "orchestration": "gemini-2.5-flash"})
    assert bool(report_of(day=day, policy=ending_policy).notices) is named


def test_model_withdrawn_by_its_provider_is_listed() -> None:
    report = report_of(row(model="claude-haiku-4-5", outcome="retired", cost_nano=0))
    (notice,) = report.notices
    assert (notice.model, notice.state, notice.successor) == ("claude-haiku-4-5", "gone", HAIKU)


# ---------------------------------------------------------------- words


def test_amount_above_zero_never_reads_as_zero() -> None:
    assert [rounded_dollars(nano) for nano in (0, 1, 1_000, -1, 1_234_567_891_000)] == [
        "$0.000000",
        "<$0.000001",
        "$0.000001",
        "-<$0.000001",
        "$1,234.57",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (0.0, "0.0%"), (0.04, "0.04%"), (1.26, "1.3%"), (-1250, "-1,250.0%")]
)
def test_percentage_above_zero_never_reads_as_zero(value: float | None, text: str) -> None:
    assert percent(value) == text


def test_long_list_ends_with_the_number_of_omitted_entries() -> None:
    (line,) = fold_list("Seen  ", ["3 answered", "2 truncated", "1 unknown"], 34, 1)
    assert line == "Seen  3 answered, 2 more"


def test_times_in_json_are_in_utc() -> None:
    assert as_json(report_of())["from"] == SINCE.astimezone(UTC).isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )


# ---------------------------------------------------------------- large days


@given(LEDGERS, st.integers(1, 4))
def test_report_is_the_same_for_any_number_of_shards(rows: list[dict[str, Any]], number: int) -> None:
    rows = [*rows, share("t1", 7), share("t4", 5, 1)]
    shards = [[entry for entry in rows if sum(entry["task_id"].encode()) % number == shard] for shard in range(number)]
    whole, parted = build_report(scope_of(), [rows], {}), build_report(scope_of(), shards, {})
    assert json.dumps(as_json(parted)) == json.dumps(as_json(whole))


def test_unlisted_tasks_and_names_are_in_the_totals_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_costs, "MAX_LISTED_TASKS", 3)
    monkeypatch.setattr(task_costs, "MAX_LISTED_NAMES", 2)
    costs = {f"t{number}": 10**number for number in range(6)}
    rows = [row(name, cost_nano=cost, metadata={"ticket": f"T-{name}"}) for name, cost in costs.items()]
    document = as_json(build_report(scope_of(), [rows[:2], rows[2:], [row("silent", cost_nano=7)]], {}))
    assert [task["task_id"] for task in document["tasks"]] == ["t3", "t4", "t5"]
    assert document["others"]["tasks"] == {"tasks": 4, "attempts": 4, "cost_nano": 118, "share_nano": 0}
    assert list(document["tickets"]) == ["T-t4", "T-t5"]
    others = document["others"]["tickets"]
    assert (others["names"], others["tasks"], others["cost_nano"]) == (4, 4, 1_111)
    assert others["none_stated"]["cost_nano"] == 7
    page = render_html(build_report(scope_of(), [rows, [row("silent", cost_nano=7)]], {}))
    assert "4 others cost" in page
    assert "T-t4" in page


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10**9)), max_size=60))
def test_folding_names_loses_no_nano_dollar(tasks: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_costs, "MAX_TRACKED_NAMES", 6)
        patch.setattr(task_costs, "MAX_LISTED_NAMES", 4)
        rows = [
            row(f"t{number}", cost_nano=cost, metadata={"agent": f"a{name}"})
            for number, (name, cost) in enumerate(tasks)
        ]
        agents = build_report(scope_of(), [rows], {}).labels["agent"]
    assert len(agents.named) <= 4
    assert sum((totals for totals in agents.named.values()), agents.others).cost_nano == sum(cost for _, cost in tasks)


def test_percentiles_are_exact_over_shards_and_the_sample_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "MAX_SAMPLED_TASKS", 5)
    looked_up: list[str] = []

    def look_up(ids: list[str]) -> dict[str, Any]:
        looked_up.extend(ids)
        return {}

    at = SINCE + timedelta(hours=1)
    rows = [
        row(f"t{n}", at, milliseconds=n, ended_at=to_text(at + timedelta(milliseconds=2 * n))) for n in range(1, 101)
    ]
    latency = build_report(scope_of(), [rows[60:], rows[:60]], {}, (), look_up).speed[Tier.IMPLEMENTATION]
    assert (latency.answers, latency.call_p50_ms, latency.call_p95_ms, latency.task_p95_ms) == (100, 50, 95, 190)
    assert len(looked_up) == 5
