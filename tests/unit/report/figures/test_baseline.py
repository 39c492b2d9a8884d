"""The comparison with the baseline model, and the reasons for the top tier."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from pointsman.report.figures.aws_bill import share_nano
from pointsman.report.figures.aws_units import DayLoad
from pointsman.report.figures.top_tier import FAILED_CHECK_PREFIX, TopTierGroup, TopTierReason, TopTierTotals
from pointsman.report.render.as_json import as_json
from pointsman.report.render.html import render_html
from pointsman.report.render.text import render_summary, render_text
from pointsman.services import verification
from pointsman.values.taxonomy import Tier
from tests.support.report_rows import FLASH, HAIKU, SINCE, SONNET, classification, policy, report_of, row


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
