"""The report as CSV."""

import csv
import io
from decimal import Decimal

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


def test_csv_escapes_formulas() -> None:
    report = report_of_day(pages.row("t", day_bounds(DAY, ZONE)[0], HAIKU, tier="implementation", billed_model="=1+1"))
    (line,) = csv.DictReader(io.StringIO(render_csv(report)))
    assert line["model"] == "'=1+1"
