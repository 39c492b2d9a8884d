"""What may need a person, in all forms of the report."""

from typing import Any

import pytest

from pointsman.execution.outcome import AccountTrouble
from pointsman.report.render.as_json import as_json
from pointsman.report.render.attention import attention_of
from pointsman.report.render.html import render_html
from pointsman.report.render.text import render_summary, render_text
from tests.support.report_rows import FLASH, HAIKU, SONNET, report_of, row

QUIET = [row("t1")]
COUNTERS = {"day_21": 2_000_000}


def refusal(
    task_id: str, model: str = HAIKU, account: str | None = "credit", outcome: str = "account"
) -> dict[str, Any]:
    return row(task_id, model=model, outcome=outcome, account=account, cost_nano=0, input=0, output=0)


def test_nothing_needs_attention_when_all_is_well() -> None:
    report = report_of(*QUIET, counters=COUNTERS)
    assert as_json(report)["attention"] == []
    assert "All is well" in render_html(report)


def test_account_trouble_is_the_first_item_with_what_to_do() -> None:
    rows = [*QUIET, refusal("t2"), refusal("t3", SONNET), row("t4", outcome=None)]
    report = report_of(*rows, counters={"day_21": 7_000_000, "day_21_open": 5_000_000})
    first, *others = as_json(report)["attention"]
    assert first == {
        "what": "account",
        "why": "anthropic refused 2 calls (credit): no credit is left, or billing is off.",
        "money_nano_usd": 0,
        "do": "Buy credit or turn billing on at the provider, unless `pointsman doctor` shows that it is over.",
    }
    assert {"what": "open_calls", "money_nano_usd": 5_000_000}.items() <= others[-1].items()
    page, text = render_html(report), " ".join(render_text(report).split())
    for shown in (page, text):
        assert first["why"] in shown
        assert first["do"] in shown
    assert "! anthropic refuses the account: credit" in render_summary(report)


@pytest.mark.parametrize("trouble", AccountTrouble)
def test_every_account_trouble_has_a_reason_and_a_step(trouble: AccountTrouble) -> None:
    (item,) = attention_of(report_of(*QUIET, refusal("t2", FLASH, str(trouble)), counters=COUNTERS))
    assert (item.what, f"({trouble})" in item.why, item.why.startswith("gemini")) == ("account", True, True)
    assert item.do


def test_refused_key_of_an_older_row_counts_as_account_trouble() -> None:
    (item,) = attention_of(report_of(*QUIET, refusal("t2", account=None, outcome="auth"), counters=COUNTERS))
    assert "(key)" in item.why


def test_pace_over_the_budget_says_by_how_much() -> None:
    report = report_of(row("t1", cost_nano=4_900_000_000), counters={"day_21": 4_900_000_000})
    assert report.month.cap is not None
    assert report.month.projected_nano is not None
    (item,) = [item for item in attention_of(report) if item.what == "pace"]
    assert item.money_nano_usd == report.month.projected_nano - report.month.cap.limit_nano
