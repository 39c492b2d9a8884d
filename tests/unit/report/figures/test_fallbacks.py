"""Fallbacks and skipped free models."""

from datetime import timedelta
from typing import Any

from pointsman.report.figures.free_pool import FreePool
from pointsman.report.render.as_json import as_json
from pointsman.report.render.html import render_html
from pointsman.report.render.text import render_text
from tests.support.report_rows import (
    FLASH,
    HAIKU,
    SINCE,
    SONNET,
    classification,
    policy,
    report_of,
    row,
)


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


LITE = "gemini-3.1-flash-lite"
POOL = policy(chains={"orchestration": [FLASH, LITE, HAIKU]})


def test_pool_of_free_models_saves_what_the_first_paid_one_would_have_cost() -> None:
    exhausted = {**FREE, "outcome": "quota_exhausted"}
    later = {**FREE, "model": LITE, "outcome": "answered", "input": 1_000, "output": 200}
    rows = [hop(1, 0, "", **exhausted), hop(2, 1, "quota_exhausted", **later)]
    report = report_of(*rows, policy=POOL)
    assert report.free_pool == FreePool(1, 200_000)
    assert "Further free models gave 1 answer, which saved $0.000200 (estimate)." in render_html(report)
    document = as_json(report)
    assert document["free_pool"] == {
        "answers": 1,
        "saved_nano_usd": 200_000,
        "saved_nano": 200_000,
        "saved_usd": "0.000200000",
    }


def test_first_free_model_and_paid_fallbacks_are_no_pool() -> None:
    plain = {**FREE, "outcome": "answered", "input": 1_000, "output": 200}
    report = report_of(hop(1, 0, "", **plain), hop(2, 2, "unavailable"), policy=POOL)
    assert report.free_pool.answers == 0
