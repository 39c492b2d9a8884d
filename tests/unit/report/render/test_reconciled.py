"""What reports say of the providers' bills: only where one has been compared."""

from datetime import date
from typing import Any

import pytest

from pointsman.report.bill.kept import KeptReconciliation, latest_kept
from pointsman.report.figures.history import manifest_text, read_reconciled
from pointsman.report.render.as_json import as_json
from pointsman.report.render.html import render_html
from pointsman.report.render.text import render_text
from tests.support.report_rows import report_of, row


def kept(month: str = "2026-11", provider: str = "anthropic", **fields: Any) -> KeptReconciliation:
    defaults = {"until": date(2026, 11, 20), "unexplained_nano": 770_000, "least_unexplained_nano": 770_000}
    return KeptReconciliation(month, provider, **(defaults | {"explained": False} | fields))


def months(*entries: KeptReconciliation) -> dict[str, dict[str, KeptReconciliation]]:
    by_month: dict[str, dict[str, KeptReconciliation]] = {}
    for entry in entries:
        by_month.setdefault(entry.month, {})[entry.provider] = entry
    return by_month


def test_report_says_until_when_and_what_is_unexplained() -> None:
    report = report_of(
        row(), reconciled=(kept(), kept(provider="gemini", unexplained_nano=0, least_unexplained_nano=0))
    )
    text, page = render_text(report), render_html(report)
    assert "Bills   Anthropic reconciled until 2026-11-20, unexplained $0.000770" in text
    assert "        Gemini reconciled until 2026-11-20, unexplained $0" in text
    assert "Reconciled with the bill" in page
    assert '<data value="0.000770000">' in page
    assert [entry["unexplained_nano_usd"] for entry in as_json(report)["reconciled"]] == [770_000, 0]


def test_calls_of_unknown_cost_show_as_a_range() -> None:
    report = report_of(row(), reconciled=(kept(least_unexplained_nano=-230_000),))
    text = render_text(report)
    assert "unexplained -$0.000230 to $0.000770" in " ".join(text.split())
    assert max(map(len, text.splitlines())) <= 72
    assert '<data value="-0.000230000">' in render_html(report)


def test_bill_without_a_complete_day_is_said_to_be_so() -> None:
    report = report_of(row(), reconciled=(kept(until=None),))
    assert "Anthropic: no day of 2026-11 is complete" in render_text(report)
    assert "no day yet" in render_html(report)


def test_report_without_a_reconciliation_says_nothing() -> None:
    report = report_of(row())
    assert "econciled" not in render_text(report) + render_html(report)
    assert as_json(report)["reconciled"] == []


def test_each_provider_s_latest_month_is_shown() -> None:
    october, november = kept("2026-10", "gemini"), kept()
    stored = months(october, kept("2026-10"), november, kept("2026-12"))
    assert latest_kept(stored, "2026-11") == (november, october)
    assert latest_kept(stored, "2026-09") == ()


@pytest.mark.parametrize("until", [None, date(2026, 11, 20)])
def test_manifest_gives_back_what_it_was_given(until: date | None) -> None:
    stored = months(kept(until=until), kept("2026-10", "gemini"))
    assert read_reconciled(manifest_text([], stored)) == stored


def test_manifest_without_a_reconciliation_is_as_it_was() -> None:
    assert "reconciled" not in manifest_text([])
    assert read_reconciled(manifest_text([])) == read_reconciled(None) == {}
