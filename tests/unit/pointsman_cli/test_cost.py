"""The AWS bill and the first estimate stay within the promised limits, and docs/cost.md shows them."""

import json
import re
from decimal import Decimal

import pytest

from pointsman.report.figures import aws_units as units
from pointsman.report.figures.aws_bill import monthly_bill, price_document, prices, share_nano
from pointsman.report.figures.aws_units import DEPLOYED, DayLoad, Resources, plain_day
from pointsman.values.taxonomy import Tier
from pointsman_cli.aws_cost import first_estimate, tables
from pointsman_cli.aws_cost.tables import halve_top_item
from pointsman_cli.commands.cost import DEFAULT_VOLUMES
from pointsman_cli.main import main
from tests.support.paths import ROOT
from tests.support.schemas import check_document


def test_bill_of_25_tasks_a_day_is_under_five_cents_in_the_expected_lines() -> None:
    monthly = monthly_bill(plain_day(25))
    assert monthly.usd < Decimal("0.05")
    paid = {item.key for item in monthly.items if item.usd}
    assert paid == {"dynamodb_reads", "dynamodb_writes", "backup_gb", "s3_puts", "s3_gets", "s3_gb", "events"}
    assert monthly.usd == sum(item.usd for item in monthly.items)


def test_most_expensive_line_of_a_million_tasks_a_day_can_be_halved() -> None:
    monthly = monthly_bill(plain_day(1_000_000))
    assert monthly.most_expensive.key == "transitions"
    saving = halve_top_item(monthly)
    assert saving is not None
    assert saving.usd < monthly.most_expensive.usd / 2
    assert [item.usd for item in monthly.items] == sorted((item.usd for item in monthly.items), reverse=True)


@pytest.mark.parametrize(("tasks", "least"), [(25, 0), (10_000, 25), (1_000_000, 2_500)])
def test_bill_says_what_an_express_workflow_would_save_and_weaken(tasks: int, least: int) -> None:
    (bill,) = tables.cost_document([monthly_bill(plain_day(tasks))])["bills"]
    (transitions,) = [item for item in bill["items"] if item["unit"] == "transitions"]
    express = bill["express"]
    assert Decimal(express["saved_usd"]) == Decimal(transitions["usd"]) - Decimal(express["usd"])
    assert express["saved_nano_usd"] >= least * 10**9 if least else express["saved_nano_usd"] < 0
    assert express["weakens"] == list(tables.EXPRESS_WEAKENS)
    text = tables.cost_text([monthly_bill(plain_day(tasks))])
    assert ("would save nothing here" in text) is (least == 0)
    assert "no status events" in text


def test_tables_fold_on_a_narrow_terminal_and_lose_no_number() -> None:
    bills = [monthly_bill(plain_day(tasks)) for tasks in DEFAULT_VOLUMES]
    wide, narrow = tables.cost_text(bills), tables.cost_text(bills, 60)
    assert max(map(len, wide.splitlines())) <= 96
    assert max(map(len, narrow.splitlines())) <= 60
    assert sorted(re.findall(r"[\d.,]*\d", narrow)) == sorted(re.findall(r"[\d.,]*\d", wide))


def test_alarms_and_metrics_of_the_template_are_counted_and_free() -> None:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"Namespace: !Sub \"?Pointsman/\${AWS::StackName}\"?,?\s+MetricName: (\w+)", text))
    alarms, dashboards = (text.count(f"Type: AWS::CloudWatch::{kind}") for kind in ("Alarm", "Dashboard"))
    assert Resources(alarms, len(named), dashboards) == DEPLOYED
    assert max(DEPLOYED.alarms, DEPLOYED.metrics) <= 10
    assert DEPLOYED.dashboards <= 3
    counted = set[str]()
    for path in (ROOT / "layers/core/pointsman").rglob("*.py"):
        counted |= set(re.findall(r"\bcount\(\"(\w+)\"", path.read_text()))
    assert counted <= named, "a metric without an alarm is billed too"


def test_daily_share_is_a_thirtieth_of_the_month_and_grows_with_the_work() -> None:
    usual, nothing = plain_day(25), dict.fromkeys(Tier, Decimal())
    assert share_nano(usual) == round(monthly_bill(usual).usd / 30 * 10**9)
    idle = share_nano(DayLoad(Decimal(), nothing, Decimal()))
    assert 0 < idle < share_nano(usual), "the sweep reads on a day without a task too"
    again = {tier: 3 * calls for tier, calls in usual.calls.items()}
    retried = share_nano(DayLoad(usual.tasks, again, 3 * usual.call_seconds))
    assert retried > share_nano(usual) + 20_000
    assert units.monthly_units(DayLoad(usual.tasks, again, usual.call_seconds))["transitions"] == 30 * 25 * (4 + 2 * 4)


def test_price_applies_beyond_the_free_allowance() -> None:
    price = prices()["transitions"]
    assert price.of(Decimal(4_000)) == 0
    assert price.of(Decimal(5_000)) == Decimal("0.025")


def test_every_unit_has_a_price_and_every_price_is_used() -> None:
    express = {"express_requests", "express_gb_seconds"}
    assert set(units.monthly_units(plain_day(25))) == set(prices()) - express
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", price_document()["date"])


@pytest.mark.parametrize("tasks", [1, 25, 300, 10_000, 100_000, 1_000_000])
def test_twice_the_tasks_never_cost_less(tasks: int) -> None:
    assert monthly_bill(plain_day(tasks)).usd <= monthly_bill(plain_day(tasks * 2)).usd


def test_assumed_traffic_is_that_of_the_first_estimate() -> None:
    for tier in Tier:
        assert units.ASSUMED_TRAFFIC[tier] == sum(
            work.tasks_per_day for work in first_estimate.ESTIMATED_TRAFFIC if work.tier is tier
        )
    assert sum(work.tokens_per_day for work in first_estimate.TRAFFIC_WITH_DAILY_REVIEW) == 350_000


def test_first_estimate_uses_the_prices_of_the_catalog() -> None:
    now, *_, then = first_estimate.cases()
    # 4.5M Haiku tokens and 100k x 30/7 Sonnet tokens a month, three quarters of them read
    haiku, sonnet = Decimal("4.5") * Decimal("0.2"), Decimal(3) / 7 * 4
    assert now.spent == pytest.approx(haiku + sonnet, abs=Decimal("0.001"))
    assert now.baseline == pytest.approx((Decimal("7.5") + Decimal(3) / 7) * 4, abs=Decimal("0.001"))
    assert now.spent < 5
    assert now.saved < 98
    assert then.saved < now.saved
    assert first_estimate.free_share_for(Decimal(98)) == pytest.approx(Decimal("0.6"))


def test_cost_page_contains_the_output_of_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost"]) == 0
    printed = capsys.readouterr().out.rstrip("\n")
    written = (ROOT / "docs/cost.md").read_text().split("<!-- begin: pointsman cost -->")[1]
    assert f"```text\n{printed}\n```" in written, "run `pointsman cost` and put what it prints into docs/cost.md"


def test_figures_in_the_cost_page_are_those_of_the_tables() -> None:
    text = (ROOT / "docs/cost.md").read_text()
    now, _, _, no_review, daily, fallen, _, then = first_estimate.cases()
    for amount in (now.spent, now.baseline, daily.spent, fallen.spent, then.spent):
        assert f"${amount:.2f}" in text
    for case in (now, no_review, then):
        assert f"{case.saved:.1f}%" in text


def test_any_positive_number_of_tasks_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--tasks-per-day", "400", "--json"]) == 0
    assert '"tasks_per_day": 400' in capsys.readouterr().out
    assert main(["cost", "--tasks-per-day", "0"]) == 2
    document = tables.cost_document([monthly_bill(plain_day(tasks)) for tasks in DEFAULT_VOLUMES])
    check_document("cost", json.loads(json.dumps(document)))
    assert [line["tasks_per_day"] for line in document["bills"]] == list(DEFAULT_VOLUMES)
