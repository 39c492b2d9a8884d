"""The report as text and as a message: both fit their size."""

import json
import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pointsman.report.render.as_json import as_json
from pointsman.report.render.html import render_html
from pointsman.report.render.text import render_summary, render_text
from pointsman.services.report import announcement_subject
from pointsman.values.taxonomy import Tier
from tests.support.report_rows import (
    LEDGERS,
    ROUTING,
    SINCE,
    UNTIL,
    policy,
    report_of,
    row,
)


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
    assert len(page.splitlines()) <= 55
    assert max(map(len, page.splitlines())) <= 72
    narrow = render_text(report, 60)
    assert max(map(len, narrow.splitlines())) <= 60
    assert len(narrow.splitlines()) <= 65
    assert len(message.splitlines()) <= 12
    assert max(map(len, message.splitlines())) <= 40
    assert len(announcement_subject(report)) < 100
    assert (page + message + announcement_subject(report)).isascii()
    assert ("STAND-INS ANSWERED" in page) == ("STAND-INS ANSWERED" in message) == stand_in
    dice.shuffle(rows)
    shuffled = report_of(*rows, counters=counters, policy=old_policy, stand_in=stand_in, now=now)
    assert json.dumps(as_json(shuffled)) == json.dumps(as_json(report))
    assert render_text(shuffled) == page


def test_senders_who_cost_most_are_named() -> None:
    """In the text and on the page."""
    costs = {"key:ci": 300_000_000, "role:AROATEAM:ada": 200_000_000, "service:jobs": 1, "key:bot": 2, None: 5}
    rows = [row(f"t-{n}", sender=sender, cost_nano=cost) for n, (sender, cost) in enumerate(costs.items())]
    report = report_of(*rows)
    lines = [line for line in render_text(report).splitlines() if line.startswith("Senders ")]
    assert lines[0].startswith("Senders key:ci $0.30")
    assert "sender key:ci" in render_text(report)
    page = render_html(report)
    assert all(name in page for name in costs if name)
    assert "By sender" in page
