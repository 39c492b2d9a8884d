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
from pointsman.report.figures.aws_units import Day
from pointsman.report.figures.escalations import FAILED_CHECK_PREFIX, Escalations, How, Sum
from pointsman.report.figures.report import Report, ReportScope, build_report
from pointsman.report.render.as_json import as_json
from pointsman.report.render.formatting import fold, percent, rounded_dollars
from pointsman.report.render.html import render_html
from pointsman.report.render.text import render_summary, render_text
from pointsman.routing import catalog, config
from pointsman.routing.policy import RoutingPolicy
from pointsman.services import verification
from pointsman.services.report import subject
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import day_bounds, to_text
from tests.support import pages

FLASH, HAIKU, SONNET = "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"
BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 21)
SINCE, UNTIL = day_bounds(DAY, BERLIN)
ROUTING = {"orchestration": FLASH, "implementation": HAIKU, "reasoning": SONNET}
KINDS = ["input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "thinking"]


def policy(routing: dict[str, str] = ROUTING, **own: Any) -> RoutingPolicy:
    return RoutingPolicy(config.parse(json.dumps({"routing": routing, "pointsman": own})), catalog.load_catalog())


def frame(**changes: Any) -> ReportScope:
    fields: dict[str, Any] = {
        "day": DAY,
        "zone": BERLIN,
        "policy": policy(),
        "stand_in": False,
        "now": UNTIL + timedelta(hours=6),
    }
    return ReportScope(**(fields | changes))


def row(
    task_id: str = "t1", at: datetime = SINCE + timedelta(hours=9), attempt: int = 1, **stated: Any
) -> dict[str, Any]:
    """Return a settled attempt as the ledger's read side gives it; `outcome=None` leaves it open."""
    turn = stated.pop("turn", f"000001.{attempt:06d}")
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
    fields |= stated
    if fields["outcome"] is None:
        for settled in ("outcome", "cost_nano", "cost_known", *KINDS):
            fields.pop(settled, None)
    return {name: value for name, value in fields.items() if value is not None}


def share(task_id: str, cost_nano: int, number: int = 0, **stated: Any) -> dict[str, Any]:
    where = f"{to_text(SINCE + timedelta(hours=8))}#classify-1#000001.000001#share.{number:02d}"
    return {"kind": "share", "row": where, "task_id": task_id, "model": HAIKU, "cost_nano": cost_nano, **stated}


def classification(**stated: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "purpose": "classification",
        "tier": "orchestration",
        "type": None,
        "model": FLASH,
        "billing": "free",
    }
    return row("classify-1", **({"cost_nano": 0, "input": 900, "output": 60} | fields | stated))


def report(*rows: dict[str, Any], counters: dict[str, int] | None = None, **changes: Any) -> Report:
    scope = frame(**changes)
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


BOOKS = st.lists(rows_of_a_day(), max_size=30, unique_by=lambda each: each["row"])


def booked(each: dict[str, Any]) -> int:
    return int(each["cost_nano"] if "outcome" in each else each["reserved_nano"])


@given(BOOKS)
def test_every_total_is_the_sum_of_its_parts_and_of_the_ledgers_rows(rows: list[dict[str, Any]]) -> None:
    document = as_json(report(*rows, share("t1", 7), share("elsewhere", 5, 1)))
    total = document["totals"]
    with_classification = [[*document["tiers"].values(), document["classification"]], list(document["models"].values())]
    with_classification.append([*document["types"].values(), document["classification"]])
    for parts in with_classification:
        assert sum(part["cost_nano"] for part in parts) == total["cost_nano"]
        assert sum(part["attempts"] for part in parts) == total["attempts"]
        assert sum(part["open"] for part in parts) == total["open"]
        for kind in KINDS:
            assert sum(part["tokens"][kind] for part in parts) == total["tokens"][kind]
    assert total["cost_nano"] == sum(booked(row) for row in rows)
    assert total["attempts"] == sum(row.get("outcome") != "not_sent" for row in rows)
    assert total["open"] == sum("outcome" not in row for row in rows)
    for kind in KINDS:
        assert total["tokens"][kind] == sum(row.get(kind, 0) for row in rows)
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
    baseline = document["baseline"]
    assert baseline["actual_nano"] == total["cost_nano"]
    assert baseline["saved_nano"] == baseline["baseline_nano"] - total["cost_nano"] - baseline["aws_nano"]
    assert (baseline["aws_nano"] > 0) == (total["attempts"] > 0)


@given(BOOKS, st.booleans(), st.booleans(), st.randoms(use_true_random=False))
def test_page_and_message_fit_and_do_not_depend_on_the_order_of_rows(
    rows: list[dict[str, Any]], stand_in: bool, over: bool, dice: random.Random
) -> None:
    caps = {tier: {"month_usd": "1.5", "day_usd": "0.25"} for tier in ROUTING}
    old = {"orchestration": "gemini-2.0-flash", "implementation": "claude-haiku-4-5", "reasoning": "claude-sonnet-4-5"}
    routing_policy = policy(old, budget={"tiers": caps, "day_usd": 1}, baseline="gemini-2.5-flash")
    now = UNTIL if over else SINCE
    counters = {
        f"{name}{suffix}": 123_456_789 for name in ("day_20", "day_21") for suffix in ("", *(f"_{t}" for t in Tier))
    }
    one = report(*rows, counters=counters, policy=routing_policy, stand_in=stand_in, now=now)
    page, message = render_text(one), render_summary(one)
    assert len(page.splitlines()) <= 45
    assert max(map(len, page.splitlines())) <= 72
    assert len(message.splitlines()) <= 12
    assert max(map(len, message.splitlines())) <= 40
    assert len(subject(one)) < 100
    assert (page + message + subject(one)).isascii()
    assert ("STAND-INS ANSWERED" in page) == ("STAND-INS ANSWERED" in message) == stand_in
    dice.shuffle(rows)
    other = report(*rows, counters=counters, policy=routing_policy, stand_in=stand_in, now=now)
    assert json.dumps(as_json(other)) == json.dumps(as_json(one))
    assert render_text(other) == page


# ---------------------------------------------------------------- whose day it is


def test_the_day_is_the_zones() -> None:
    first, last = SINCE, UNTIL - timedelta(milliseconds=1)
    outside = [row("before", SINCE - timedelta(milliseconds=1)), row("after", UNTIL)]
    day_report = report(row("first", first), row("last", last), *outside)
    assert [task.task_id for task in day_report.tasks] == ["first", "last"]
    assert (to_text(day_report.since), to_text(day_report.until)) == (
        "2026-11-20T23:00:00.000Z",
        "2026-11-21T23:00:00.000Z",
    )


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
def test_whatever_the_zones_clock_does_each_call_is_of_one_day(zone: str, day: date, hours: float) -> None:
    where = ZoneInfo(zone)
    since, until = day_bounds(day, where)
    assert until - since == timedelta(hours=hours)
    begins = since - timedelta(hours=26)
    rows = [row(f"t{number}", begins + timedelta(minutes=15 * number), cost_nano=1) for number in range(4 * 78)]
    days = [day + timedelta(days=number) for number in (-2, -1, 0, 1, 2)]
    day_report = [report(*rows, day=day, zone=where, now=until + timedelta(days=9)).total for day in days]
    assert sum(line.cost_nano for line in day_report) == sum(line.tasks for line in day_report) == len(rows)
    assert day_report[2].tasks == 4 * hours


def test_an_empty_day_is_a_report() -> None:
    day_report = report()
    document = as_json(day_report)
    assert document["totals"]["cost_nano"] == 0
    assert list(document["tiers"]) == list(Tier)
    assert document["baseline"]["percent"] is None
    assert "no task ran" in render_text(day_report)
    assert "Spent  $0.000000" in render_summary(day_report)


def test_a_day_that_is_not_over_says_so() -> None:
    day_report = report(row(), now=UNTIL - timedelta(seconds=1))
    assert as_json(day_report)["complete"] is False
    assert "the day so far" in render_text(day_report)
    assert render_summary(day_report).splitlines()[0].endswith(", so far")


# ---------------------------------------------------------------- what counts


def test_tasks_are_counted_once_and_attempts_as_often_as_they_were_sent() -> None:
    day_report = report(
        row(outcome="busy", cost_nano=0), row(attempt=2, outcome="not_sent", cost_nano=0), row(attempt=3)
    )
    assert (day_report.total.tasks, day_report.total.attempts) == (1, 2)
    assert day_report.outcomes == {"answered": 1, "busy": 1, "not_sent": 1}
    assert day_report.tasks[0].outcome == "answered"


def test_classification_has_its_own_line_and_is_no_task() -> None:
    day_report = report(row(), classification())
    assert (day_report.total.tasks, day_report.total.attempts) == (1, 2)
    assert day_report.tiers[Tier.ORCHESTRATION].attempts == 0
    assert day_report.classification.usage.input == 900
    assert day_report.models[FLASH].tasks == 0
    assert "classification" in render_text(day_report)


def test_shares_are_shown_per_task_and_added_nowhere() -> None:
    paid: dict[str, Any] = {"model": HAIKU, "billing": "paid", "cost_nano": 100}
    document = as_json(report(row(cost_nano=1_000), classification(**paid), share("t1", 60), share("t2", 40, 1)))
    assert document["totals"]["cost_nano"] == 1_100
    assert document["totals"]["tasks"] == 1
    assert [(task["task_id"], task["attempts"], task["with_share_nano"]) for task in document["tasks"]] == [
        ("t1", 1, 1_060),
        ("t2", 0, 40),
    ]


def test_an_open_attempt_costs_what_it_reserves() -> None:
    day_report = report(row(outcome=None))
    assert (day_report.total.attempts, day_report.total.open_attempts, day_report.total.cost_nano) == (1, 1, 5_000_000)
    assert day_report.outcomes == {"open": 1}
    assert day_report.unknown.count == 0
    assert "1 call still open" in render_text(day_report)


def test_unknown_costs_are_counted_at_their_reservation() -> None:
    day_report = report(row(outcome="unknown", cost_nano=5_000_000, cost_known=False), row(attempt=2))
    assert (day_report.unknown.count, day_report.unknown.reserved_nano) == (1, 5_000_000)
    assert "1 call of unknown cost, booked as reserved: $0.005000." in render_text(day_report)
    assert "! 1 call of unknown cost" in render_summary(day_report)


def test_a_model_stands_under_the_name_that_was_billed() -> None:
    day_report = report(row(billed_model="claude-haiku-4-5"))
    assert list(day_report.models) == ["claude-haiku-4-5"]


def test_agents_and_tickets_are_added_up() -> None:
    ci = {"agent": "ci", "ticket": "T-1"}
    document = as_json(report(row(metadata=ci), row("t2", metadata={"agent": "ci"}), row("t3"), share("t2", 5)))
    assert document["agents"] == {"ci": {"tasks": 2, "attempts": 2, "cost_nano": 4_000_000, "share_nano": 5}}
    assert list(document["tickets"]) == ["T-1"]


# ---------------------------------------------------------------- fallbacks


def hop(attempt: int, number: int, after: str, **stated: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {"hop": number, "after": after, "tier": "orchestration", "type": "status"}
    return row(attempt=attempt, **({"came_from": FLASH if number else None} | fields | stated))


FREE: dict[str, Any] = {"model": FLASH, "billing": "free", "cost_nano": 0, "outcome": "unavailable"}


def test_a_hop_is_counted_once_however_often_it_was_tried() -> None:
    rows = [hop(1, 0, "", **FREE), hop(2, 1, "unavailable", outcome="busy"), hop(3, 1, "busy")]
    (only,) = report(*rows).fallbacks
    assert (only.came_from, only.model, only.reason, only.count) == (FLASH, HAIKU, "unavailable", 1)
    assert only.free_to_paid


def test_a_second_round_of_the_chain_is_a_second_hop() -> None:
    rows = [hop(1, 0, "", **FREE), hop(2, 1, "unavailable", outcome="unavailable")]
    rows += [hop(3, 0, "unavailable", **FREE), hop(4, 1, "unavailable")]
    assert report(*rows).free_to_paid == 2


def test_what_was_tried_yesterday_is_no_hop_of_today() -> None:
    night = SINCE - timedelta(minutes=1)
    day_report = report(hop(2, 1, "unavailable", at=night, outcome="busy"), hop(3, 1, "busy"))
    assert day_report.fallbacks == ()


def test_a_hop_that_sent_nothing_is_none() -> None:
    assert report(hop(2, 1, "unavailable", outcome="not_sent", cost_nano=0)).fallbacks == ()


def test_a_hop_between_paid_models_is_no_free_to_paid_hop() -> None:
    day_report = report(row(attempt=2, hop=1, came_from=HAIKU, after="unavailable", model=SONNET))
    assert [fallback.free_to_paid for fallback in day_report.fallbacks] == [False]
    assert f"  1 {HAIKU} > {SONNET}: unavailable" in render_text(day_report)


def test_a_free_model_that_was_passed_over_is_shown() -> None:
    day_report = report(row(tier="orchestration", type="status"), row("t2"), classification())
    assert (day_report.passed_over.attempts, day_report.passed_over.cost_nano) == (1, 2_000_000)
    assert day_report.fallbacks == ()
    assert report(row(tier="orchestration"), policy=policy(paid_models=[FLASH])).passed_over.attempts == 0


# ---------------------------------------------------------------- baseline


def test_savings_are_net_of_everything_spent() -> None:
    answer: dict[str, Any] = {
        "input": 1_000,
        "cache_read": 500,
        "cache_write_5m": 300,
        "cache_write_1h": 200,
        "output": 100,
    }
    failed = row(outcome="unknown", cost_known=False, cost_nano=300_000, output=99_999)
    day_report = report(failed, row(attempt=2, cost_nano=200_000, **answer), classification(cost_nano=10_000)).baseline
    assert day_report.answers == 1
    assert (
        day_report.baseline_nano == 2_000 * 2_000 + 100 * 10_000
    )  # claude-sonnet-5-5: 2 and 10 USD per million tokens
    calls = {Tier.ORCHESTRATION: Decimal(1), Tier.IMPLEMENTATION: Decimal(2), Tier.REASONING: Decimal()}
    assert day_report.aws_nano == share_nano(Day(Decimal(1), calls, Decimal()))
    assert day_report.saved_nano == 5_000_000 - 510_000 - day_report.aws_nano
    assert day_report.percent == round((5_000_000 - 510_000 - day_report.aws_nano) / 50_000, 2)


ESCALATED: dict[str, Any] = {"hop": 1, "came_from": HAIKU, "tier": "reasoning", "model": SONNET, "cost_nano": 9_000_000}


def test_an_answer_that_another_replaced_is_compared_once_and_audits_are_costs() -> None:
    first = row(failed_check="json_schema")
    second = row(attempt=2, at=SINCE + timedelta(hours=10), after="failed_check:json_schema", **ESCALATED)
    audit = row(attempt=3, at=SINCE + timedelta(hours=11), purpose="audit", model=SONNET, cost_nano=7_000_000)
    judge = row("t2", purpose="judge", tier="orchestration", model=FLASH, billing="free", cost_nano=0)
    day_report = report(first, second, audit, judge)
    baseline = day_report.baseline
    assert (baseline.answers, baseline.baseline_nano) == (1, 10_000 * 2_000 + 2_000 * 10_000)
    assert (baseline.answers_nano, baseline.failed_nano, baseline.checking_nano) == (9_000_000, 2_000_000, 7_000_000)
    assert baseline.saved_nano == baseline.baseline_nano - 18_000_000 - baseline.aws_nano
    assert (day_report.checking.attempts, day_report.checking.cost_nano, day_report.checking.tasks) == (2, 7_000_000, 0)
    lines = [*day_report.tiers.values(), day_report.classification, day_report.checking]
    assert sum(line.cost_nano for line in lines) == day_report.total.cost_nano
    assert day_report.passed_over.attempts == 0
    assert {work.type for work in day_report.work} == {"code_generation", "audit", "judge"}


def test_what_only_the_highest_tier_could_do_is_told_by_why_it_was_asked() -> None:
    late = SINCE + timedelta(hours=10)
    busy = row(
        attempt=2, at=late, after="failed_check:json_schema", outcome="rate_limited", **ESCALATED | {"cost_nano": 0}
    )
    again = row(attempt=3, at=late + timedelta(minutes=1), after="rate_limited", **ESCALATED)
    plain = row("t2", tier="reasoning", type="architecture", model=SONNET, cost_nano=4_000_000)
    by_fault = row("t3", model=SONNET, hop=1, after="unavailable", came_from=HAIKU)
    day_report = report(row(failed_check="json_schema"), busy, again, plain, by_fault)
    assert day_report.escalations == {
        Escalations(How.DECIDED, "architecture", SONNET, None): Sum(1, 4_000_000),
        Escalations(How.ESCALATED, "code_generation", SONNET, "json_schema"): Sum(1, 9_000_000),
    }
    assert FAILED_CHECK_PREFIX == verification.FAILED_CHECK
    page = render_html(day_report)
    assert "What only claude-sonnet-5-5 could do" in page
    assert "2 answers of the reasoning tier, 1 after" in page
    assert "What only" not in render_html(report(by_fault))


def test_a_months_aws_is_the_sum_of_its_days_and_nothing_of_days_without_a_call() -> None:
    days = [SINCE - timedelta(days=back) for back in (5, 0)]
    both = [row(f"t{number}", at, milliseconds=60_000) for number, at in enumerate(days)]
    day, month = report(both[1]).baseline, report(*both).baseline_month
    assert month.aws_nano == 2 * day.aws_nano > 0
    assert report().baseline_month.aws_nano == 0


def test_the_baseline_is_configurable_and_a_day_may_cost_more() -> None:
    day_report = report(row(cost_nano=9_000_000), policy=policy(baseline="claude-haiku-4-5"))
    assert (day_report.baseline.model, day_report.baseline.baseline_nano) == ("claude-haiku-4-5", 20_000_000)
    dear = report(row(cost_nano=30_000_000), policy=policy(baseline="claude-haiku-4-5"))
    lost = 10_000_000 + dear.baseline.aws_nano
    assert dear.baseline.percent == -round(lost / 200_000, 2)
    sentence = f"Lost    ${lost / 10**9:.6f} of $0.020000 (-{lost / 200_000:.1f}%)"
    assert sentence in render_text(dear)
    assert f"net of AWS (${dear.baseline.aws_nano / 10**9:.4f})" in render_text(dear)


def test_a_baseline_that_has_ended_is_its_successor() -> None:
    day_report = report(policy=policy(baseline="gemini-2.0-flash")).baseline
    assert (day_report.configured, day_report.model) == ("gemini-2.0-flash", FLASH)


def test_the_page_says_that_savings_are_an_estimate() -> None:
    day_report = report(row())
    assert "an estimate" in render_text(day_report)
    assert "(estimate)" in render_summary(day_report)
    assert "estimate" in as_json(day_report)["baseline"]["note"]


# ---------------------------------------------------------------- month and budget


def test_the_month_runs_from_its_first_day_to_the_reports() -> None:
    month_begins, _ = day_bounds(date(2026, 11, 1), BERLIN)
    rows = [
        row("old", month_begins - timedelta(milliseconds=1)),
        row("first", month_begins, cost_nano=1),
        row("t", cost_nano=2),
    ]
    counters = {"day_01": 1, "day_21": 102, "day_21_open": 100, "day_22": 50, "month": 153, "month_open": 100}
    month = report(*rows, row("open", outcome=None, reserved_nano=100), counters=counters).month
    assert (month.name, month.total.spent_nano, month.total.open_nano) == ("2026-11", 3, 100)
    assert (month.total.ledger_cost_nano, month.total.ledger_open_nano) == (3, 100)
    assert month.total.difference_nano == 0


def test_caps_show_what_is_used_of_them() -> None:
    routing_policy = policy(
        budget={"month_usd": 2, "day_usd": "0.5", "tiers": {"reasoning": {"month_usd": 1, "day_usd": 0}}}
    )
    counters = {"day_20": 300_000_000, "day_21": 200_000_000, "day_20_reasoning": 300_000_000}
    day_report = report(counters=counters, policy=routing_policy)
    assert {cap.counter: (cap.spent_nano, cap.percent) for cap in day_report.month.caps} == {
        "day_21": (200_000_000, 40.0),
        "day_21_reasoning": (0, None),
        "month": (500_000_000, 25.0),
        "month_reasoning": (300_000_000, 30.0),
    }
    assert "Month   $0.500000 of $2.00 (25.0%), 2026-11 to date" in render_text(day_report)
    assert "Month  $0.5000 of $2.00, 25.0%" in render_summary(day_report)


def test_no_cap_is_no_percentage() -> None:
    day_report = report(policy=policy(budget={"month_usd": None}))
    assert day_report.month.cap is None
    assert "no cap" in render_text(day_report)


def test_books_that_differ_are_named_once_the_day_is_over() -> None:
    warning = "counters and the ledger's rows differ by $0.001000"
    assert warning in render_text(report(row(), counters={"day_21": 3_000_000}))
    assert warning not in render_text(report(row(), counters={"day_21": 3_000_000}, now=SINCE))
    assert "rows differ" not in render_text(report(row(), counters={"day_21": 2_000_000}))


# ---------------------------------------------------------------- models that end


def test_models_that_end_or_have_ended_are_named_with_their_successors() -> None:
    bare = {"orchestration": "gemini-2.0-flash", "implementation": "claude-haiku-4-5", "reasoning": "claude-sonnet-4-5"}
    document = as_json(report(policy=policy(bare)))["models_ending"]
    assert document == [
        {"model": "claude-sonnet-4-5", "state": "ending", "ends": "2026-11-30", "successor": SONNET},
        {"model": "gemini-2.0-flash", "state": "ended", "ends": "2026-06-01", "successor": FLASH},
    ]
    page = render_text(report(policy=policy(bare)))
    assert "! gemini-2.0-flash ended 2026-06-01, gemini-3.5-flash-lite serves now." in page
    assert "! claude-sonnet-4-5 ends 2026-11-30, then claude-sonnet-5-5 serves." in page
    assert "! claude-sonnet-4-5 ends 2026-11-30" in render_summary(report(policy=policy(bare)))


@pytest.mark.parametrize(("day", "named"), [(date(2026, 10, 1), False), (date(2026, 10, 2), True)])
def test_an_end_is_announced_sixty_days_ahead(day: date, named: bool) -> None:
    routing_policy = policy({**ROUTING, "orchestration": "gemini-2.5-flash"})
    assert bool(report(day=day, policy=routing_policy).notices) is named


def test_a_model_that_answered_as_gone_is_named() -> None:
    day_report = report(row(model="claude-haiku-4-5", outcome="retired", cost_nano=0))
    (notice,) = day_report.notices
    assert (notice.model, notice.state, notice.successor) == ("claude-haiku-4-5", "gone", HAIKU)


# ---------------------------------------------------------------- words


def test_no_amount_reads_as_zero_unless_it_is() -> None:
    assert [rounded_dollars(nano) for nano in (0, 1, 1_000, -1, 1_234_567_891_000)] == [
        "$0.000000",
        "<$0.000001",
        "$0.000001",
        "-<$0.000001",
        "$1,234.57",
    ]


@pytest.mark.parametrize(
    ("value", "told"), [(None, "-"), (0.0, "0.0%"), (0.04, "0.04%"), (1.26, "1.3%"), (-1250, "-1,250.0%")]
)
def test_no_percentage_reads_as_zero_unless_it_is(value: float | None, told: str) -> None:
    assert percent(value) == told


def test_a_long_list_says_how_much_more_there_is() -> None:
    (line,) = fold("Seen  ", ["3 answered", "2 truncated", "1 unknown"], 34, 1)
    assert line == "Seen  3 answered, 2 more"


def test_times_are_in_utc() -> None:
    assert as_json(report())["from"] == SINCE.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# ---------------------------------------------------------------- large days


@given(BOOKS, st.integers(1, 4))
def test_a_day_adds_up_the_same_in_any_number_of_shards(rows: list[dict[str, Any]], number: int) -> None:
    rows = [*rows, share("t1", 7), share("t4", 5, 1)]
    shards = [[row for row in rows if sum(row["task_id"].encode()) % number == shard] for shard in range(number)]
    whole, parted = build_report(frame(), [rows], {}), build_report(frame(), shards, {})
    assert json.dumps(as_json(parted)) == json.dumps(as_json(whole))


def test_what_is_not_listed_is_summed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_costs, "MOST_TASKS", 3)
    monkeypatch.setattr(task_costs, "MOST_NAMES", 2)
    costs = {f"t{number}": 10**number for number in range(6)}
    rows = [row(name, cost_nano=cost, metadata={"ticket": f"T-{name}"}) for name, cost in costs.items()]
    document = as_json(build_report(frame(), [rows[:2], rows[2:], [row("silent", cost_nano=7)]], {}))
    assert [task["task_id"] for task in document["tasks"]] == ["t3", "t4", "t5"]
    assert document["others"]["tasks"] == {"tasks": 4, "attempts": 4, "cost_nano": 118, "share_nano": 0}
    assert list(document["tickets"]) == ["T-t4", "T-t5"]
    others = document["others"]["tickets"]
    assert (others["names"], others["tasks"], others["cost_nano"]) == (4, 4, 1_111)
    assert others["none_stated"]["cost_nano"] == 7
    page = render_html(build_report(frame(), [rows, [row("silent", cost_nano=7)]], {}))
    assert "4 others cost" in page
    assert "T-t4" in page


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10**9)), max_size=60))
def test_folded_names_lose_no_nano_dollar(tasks: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_costs, "MOST_KEPT", 6)
        patch.setattr(task_costs, "MOST_NAMES", 4)
        rows = [
            row(f"t{number}", cost_nano=cost, metadata={"agent": f"a{name}"})
            for number, (name, cost) in enumerate(tasks)
        ]
        groups = build_report(frame(), [rows], {}).groups["agent"]
    assert len(groups.named) <= 4
    assert sum((value for value in groups.named.values()), groups.others).cost_nano == sum(cost for _, cost in tasks)


def test_percentiles_are_exact_over_shards_and_the_sample_is_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "MOST_LOOKED_UP", 5)
    recorded: list[str] = []

    def look_up(ids: list[str]) -> dict[str, Any]:
        recorded.extend(ids)
        return {}

    at = SINCE + timedelta(hours=1)
    rows = [
        row(f"t{n}", at, milliseconds=n, ended_at=to_text(at + timedelta(milliseconds=2 * n))) for n in range(1, 101)
    ]
    day_report = build_report(frame(), [rows[60:], rows[:60]], {}, (), look_up).speed[Tier.IMPLEMENTATION]
    assert (day_report.answers, day_report.call_p50_ms, day_report.call_p95_ms, day_report.task_p95_ms) == (
        100,
        50,
        95,
        190,
    )
    assert len(recorded) == 5
