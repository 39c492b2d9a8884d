"""`pointsman statement` over a real ledger: text, page and document say the same, to the nano-dollar."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.execution.calls import Purpose
from pointsman.values.usage import Usage
from pointsman_cli import stacks
from pointsman_cli.main import main
from tests.support import report_office
from tests.support.pages import parse_page
from tests.support.report_office import SINCE, SONNET, UNTIL, Office, answered, busy_day
from tests.support.schemas import check_document

office = report_office.office


@pytest.fixture
def spent(office: Office, monkeypatch: pytest.MonkeyPatch) -> int:
    """Book some days of November, an audit among them, and return what their rows cost."""
    monkeypatch.setattr(stacks, "connect", lambda *_: SimpleNamespace(runtime=office.runtime))
    busy_day(office)
    now = office.clock.time
    audit = office.call_spec("code", SONNET, 3, purpose=Purpose.AUDIT)
    office.call(audit, UNTIL + timedelta(minutes=1), answered(SONNET, Usage(input=9_100, output=4_200)))
    office.clock.time = now
    rows = office.runtime.stores.ledger_reader.rows(SINCE - timedelta(days=9), UNTIL + timedelta(days=2))
    return sum(row.get("cost_nano", row["reserved_nano"]) for row in rows if row["kind"] == "attempt")


def document_of(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert main(["statement", "--json", *options]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    check_document("statement", document)
    return document


def test_statement_adds_up_to_the_ledger(spent: int, capsys: pytest.CaptureFixture[str]) -> None:
    document = document_of(capsys, "--month", "2026-11")
    assert document["spent_nano_usd"] == document["counted_nano_usd"] == spent
    assert sum(document["parts"].values()) == spent
    assert sum(day["cost_nano_usd"] for day in document["days"]) == spent
    for label in ("senders", "agents", "tickets"):
        names = document[label]
        costs = [it["cost_nano_usd"] for it in (*names["named"].values(), names["not_stated"])]
        assert sum(costs) == spent, label
    assert document["agents"]["named"]["ci"]["cost_nano_usd"] == 4_000
    assert (document["complete"], document["last"]) == (False, "2026-11-22")
    assert document["saved"]["measured_answers"] == 1
    assert document["quality"] is None


def test_page_and_text_say_the_same_and_what_is_not_known(
    spent: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, dollars = tmp_path / "statement.html", f"{spent / 10**9:.9f}"
    assert main(["statement", "--month", "2026-11", "--html", "--output", str(page)]) == 0
    capsys.readouterr()
    values = [part.get("value") for part in parse_page(page.read_text()).iter("data")]
    assert values.count(dollars) >= 4
    words = " ".join("".join(parse_page(page.read_text()).itertext()).split())
    assert main(["statement", "--month", "2026-11"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for said in (words, text):
        assert "The baseline gave 1 answer too, for the audit" in said
        assert "Not measured" in said
        assert "Not reconciled" in said
        assert "not real models" in said.lower() or "NOT REAL MODELS" in said


def test_month_is_this_one_by_default_and_may_be_empty(spent: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert document_of(capsys)["spent_nano_usd"] == spent
    empty = document_of(capsys, "--month", "2026-10")
    assert (empty["spent_nano_usd"], empty["saved"]["percent"], empty["complete"]) == (0, None, True)
    assert main(["statement", "--month", "2026-10", "--html"]) == 0
    assert "Nothing to compare" in capsys.readouterr().out


@pytest.mark.parametrize("month", ["2026-13", "november", "2026-11-01", "2027-01"])
def test_month_that_is_none_is_refused(spent: int, month: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["statement", "--month", month]) == 2
    assert "--month" in capsys.readouterr().err
    assert spent
