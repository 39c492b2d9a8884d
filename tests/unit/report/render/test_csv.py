"""The report as CSV."""

import csv
import io
from decimal import Decimal

import pytest

from pointsman.report.render.as_csv import render_csv
from pointsman.values.money import usd
from pointsman.values.times import day_bounds
from tests.support import pages
from tests.support.pages import (
    DAY,
    HAIKU,
    ZONE,
    report_of_day,
)

REPORT, ENTRIES = pages.month()


def test_csv_lines_add_up_to_the_ledger() -> None:
    lines = list(csv.DictReader(io.StringIO(render_csv(REPORT))))
    assert sum(int(line["cost_nano"]) for line in lines) == REPORT.total.cost_nano
    assert sum(Decimal(line["usd"]) for line in lines) == usd(REPORT.total.cost_nano)
    assert sum(int(line["attempts"]) for line in lines) == REPORT.total.attempts
    for kind, count in REPORT.total.usage.as_dict().items():
        assert sum(int(line[kind]) for line in lines) == count
    assert {line["type"] for line in lines} >= {"classification", "code_generation"}


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        (" =1", "' =1"),
        ("\t=1", "' =1"),
        ("\r\n@SUM(A1)", "' @SUM(A1)"),
        ("\u00a0-1", "' -1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ('"=1', "'\"=1"),
        ("'=1", "''=1"),
        ("a;=1+1", "a =1+1"),
        ("a\n=1", "a =1"),
        ("claude-haiku-5-5", "claude-haiku-5-5"),
    ],
)
def test_csv_has_no_formula(name: str, cell: str) -> None:
    report = report_of_day(pages.row("t", day_bounds(DAY, ZONE)[0], HAIKU, tier="implementation", billed_model=name))
    (line,) = [line for line in csv.DictReader(io.StringIO(render_csv(report))) if line["type"] != "received_tasks"]
    assert line["model"] == cell
