"""`pointsman report` over a real ledger: text, page, JSON, and a range of days."""

import csv
import io
import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from pointsman.values.money import usd
from pointsman_cli import stacks
from pointsman_cli.main import main
from tests.support import report_office
from tests.support.report_office import Office, busy_day
from tests.support.schemas import check_document

office = report_office.office


@pytest.fixture
def spent(office: Office, monkeypatch: pytest.MonkeyPatch) -> int:
    """Book a busy day, let the command find its ledger, and return the day's cost."""

    def find(*_: Any) -> SimpleNamespace:
        return SimpleNamespace(runtime=office.runtime)

    monkeypatch.setattr(stacks, "connect", find)
    return busy_day(office)


def test_html_option_writes_a_page_without_links(
    spent: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "day.html"
    assert main(["report", "--date", "2026-11-21", "--html", "--output", str(into)]) == 0
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"Wrote {into}\n")
    page = ElementTree.fromstring(into.read_text().removeprefix("<!DOCTYPE html>"))
    assert list(page.iter("a")) == []
    assert f"{spent / 10**9:.9f}" in {amount.get("value") for amount in page.iter("data")}


def test_report_without_a_date_is_of_today(spent: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report"]) == 0
    assert "Sunday 22 November 2026: the day so far" in capsys.readouterr().out
    assert spent


def test_report_of_yesterday(spent: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--date", "yesterday"]) == 0
    assert "Saturday 21 November 2026" in capsys.readouterr().out
    assert main(["report", "--from", "yesterday", "--to", "today"]) == 0
    assert "2026-11-21" in capsys.readouterr().out
    assert spent


def test_range_prints_a_line_per_day(spent: int, capsys: pytest.CaptureFixture[str]) -> None:
    span = ["report", "--from", "2026-11-17", "--to", "2026-11-21"]
    assert main(span) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:-1]] == [*(f"2026-11-{day}" for day in range(17, 22)), "Total"]
    assert main([*span, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    check_document("report-range", document)
    days = document["days"]
    assert sum(sum(day["tiers"].values()) for day in days.values()) == spent + 2_500_000
    assert main([*span, "--html"]) == 0
    assert "November 2026" in capsys.readouterr().out


@pytest.mark.parametrize("days", [("2026-11-21", "2026-11-20"), ("2026-01-01", "2026-11-20")])
def test_range_of_wrong_length_is_rejected(
    spent: int, days: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert spent
    assert main(["report", "--from", days[0], "--to", days[1]]) == 2
    assert "must span 1 to 92 days" in capsys.readouterr().err


def test_csv_is_the_file_in_the_bucket_and_of_a_range_all_its_days(
    spent: int, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--date", "2026-11-21", "--csv"]) == 0
    day = capsys.readouterr().out
    publication = office.reporting.publish(date(2026, 11, 21))
    assert day == office.stored(publication["csv_key"]).decode()
    assert main(["report", "--from", "2026-11-17", "--to", "2026-11-21", "--csv"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {line["date"] for line in lines} == {"2026-11-18", "2026-11-21"}
    assert sum(int(line["cost_nano_usd"]) for line in lines) == spent + 2_500_000
    assert [line for line in lines if line["date"] == "2026-11-21"] == list(csv.DictReader(io.StringIO(day)))
    assert main(["report", "--csv", "--json"]) == 2
    assert "--html, --csv, --focus and --json exclude each other" in capsys.readouterr().err


def test_unwritable_output_is_an_error(spent: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert spent
    assert main(["report", "--output", str(tmp_path / "no/such/folder")]) == 1
    assert "--output: No such file or directory" in capsys.readouterr().err


def test_focus_option_writes_rows_that_add_up_to_the_ledger(
    spent: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    into = tmp_path / "day.csv"
    assert main(["report", "--date", "2026-11-21", "--focus", "--output", str(into)]) == 0
    rows = list(csv.DictReader(io.StringIO(into.read_text())))
    assert sum(Decimal(row["BilledCost"]) for row in rows) == usd(spent)
    assert {json.loads(row["Tags"])["stand_in"] for row in rows} == {"true"}
    assert {json.loads(row["Tags"]).get("agent") for row in rows} == {None, "ci"}
    capsys.readouterr()
    assert main(["report", "--from", "2026-11-17", "--to", "2026-11-21", "--focus"]) == 0
    span = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert sum(Decimal(row["BilledCost"]) for row in span) == usd(spent + 2_500_000)
    assert main(["report", "--focus", "--json"]) == 2
    assert "--focus and --json exclude each other" in capsys.readouterr().err
