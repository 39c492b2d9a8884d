"""The AWS bill and the first estimate: within what the design promises, and as the documents print them."""

import re
from decimal import Decimal

import pytest

from pointsman.report.figures import aws_units as units
from pointsman.report.figures.aws_bill import monthly_bill, price_document, prices, share_nano
from pointsman.report.figures.aws_units import DEPLOYED, DayLoad, Resources, plain_day
from pointsman.values.taxonomy import Tier
from pointsman_cli.aws_cost import seed, show
from pointsman_cli.aws_cost.saving import halved
from pointsman_cli.commands.cost import USUAL
from pointsman_cli.main import main
from tests.support.paths import ROOT


def test_at_25_tasks_a_day_the_bill_is_under_five_cents_and_every_line_is_named() -> None:
    made = monthly_bill(plain_day(25))
    assert made.usd < Decimal("0.05")
    paid = {item.key for item in made.items if item.usd}
    assert paid == {"dynamodb_reads", "dynamodb_writes", "backup_gb", "s3_puts", "s3_gets", "s3_gb", "events"}
    assert made.usd == sum(item.usd for item in made.items)


def test_at_a_million_the_dearest_line_has_a_way_to_halve_it() -> None:
    made = monthly_bill(plain_day(1_000_000))
    assert made.most_expensive.key == "transitions"
    way = halved(made)
    assert way is not None
    assert way.usd < made.most_expensive.usd / 2
    assert [item.usd for item in made.items] == sorted((item.usd for item in made.items), reverse=True)


def test_the_model_counts_the_templates_alarms_and_metrics_which_are_within_what_is_free() -> None:
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"Namespace: Pointsman(?:,|\n)\s+MetricName: (\w+)", text))
    alarms, dashboards = (text.count(f"Type: AWS::CloudWatch::{kind}") for kind in ("Alarm", "Dashboard"))
    assert Resources(alarms, len(named), dashboards) == DEPLOYED
    assert max(DEPLOYED.alarms, DEPLOYED.metrics) <= 10
    assert DEPLOYED.dashboards <= 3
    counted = set[str]()
    for path in (ROOT / "layers/core/pointsman").rglob("*.py"):
        counted |= set(re.findall(r"\bcount\(\"(\w+)\"", path.read_text()))
    assert counted <= named, "a metric without an alarm is billed too"


def test_a_days_share_is_that_of_a_month_of_such_days_and_grows_with_what_it_did() -> None:
    usual, nothing = plain_day(25), dict.fromkeys(Tier, Decimal())
    assert share_nano(usual) == round(monthly_bill(usual).usd / 30 * 10**9)
    idle = share_nano(DayLoad(Decimal(), nothing, Decimal()))
    assert 0 < idle < share_nano(usual), "the sweep reads on a day without a task too"
    again = {tier: 3 * calls for tier, calls in usual.calls.items()}
    retried = share_nano(DayLoad(usual.tasks, again, 3 * usual.call_seconds))
    assert retried > share_nano(usual) + 20_000
    assert units.monthly_units(DayLoad(usual.tasks, again, usual.call_seconds))["transitions"] == 30 * 25 * (5 + 2 * 4)


def test_a_price_is_taken_beyond_what_is_free() -> None:
    price = prices()["transitions"]
    assert price.of(Decimal(4_000)) == 0
    assert price.of(Decimal(5_000)) == Decimal("0.025")


def test_every_unit_has_a_price_and_every_price_a_use() -> None:
    express = {"express_requests", "express_gb_seconds"}
    assert set(units.monthly_units(plain_day(25))) == set(prices()) - express
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", price_document()["date"])


@pytest.mark.parametrize("tasks", [1, 25, 300, 10_000, 100_000, 1_000_000])
def test_more_tasks_never_cost_less(tasks: int) -> None:
    assert monthly_bill(plain_day(tasks)).usd <= monthly_bill(plain_day(tasks * 2)).usd


def test_the_traffic_is_the_seeds() -> None:
    for tier in Tier:
        assert units.ASSUMED_TRAFFIC[tier] == sum(work.tasks_per_day for work in seed.SEED_TRAFFIC if work.tier is tier)
    assert sum(work.tokens_per_day for work in seed.DAILY_REVIEW) == 350_000


def test_the_first_estimate_is_computed_from_the_catalogues_prices() -> None:
    now, *_, then = seed.cases()
    # 4.5M Haiku tokens and 100k x 30/7 Sonnet tokens a month, three quarters of them read
    haiku, sonnet = Decimal("4.5") * Decimal("0.2"), Decimal(3) / 7 * 4
    assert now.spent == pytest.approx(haiku + sonnet, abs=Decimal("0.001"))
    assert now.baseline == pytest.approx((Decimal("7.5") + Decimal(3) / 7) * 4, abs=Decimal("0.001"))
    assert now.spent < 5
    assert now.saved < 98
    assert then.saved < now.saved
    assert seed.free_share_for(Decimal(98)) == pytest.approx(Decimal("0.6"))


def test_the_document_prints_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost"]) == 0
    printed = capsys.readouterr().out.rstrip("\n")
    written = (ROOT / "docs/cost.md").read_text().split("<!-- begin: pointsman cost -->")[1]
    assert f"```text\n{printed}\n```" in written, "run `pointsman cost` and put what it prints into docs/cost.md"


def test_the_documents_figures_are_those_of_the_tables() -> None:
    text = (ROOT / "docs/cost.md").read_text()
    now, _, _, no_review, daily, fallen, _, then = seed.cases()
    for amount in (now.spent, now.baseline, daily.spent, fallen.spent, then.spent):
        assert f"${amount:.2f}" in text
    for case in (now, no_review, then):
        assert f"{case.saved:.1f}%" in text


def test_any_number_of_tasks_can_be_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cost", "--tasks-per-day", "400", "--json"]) == 0
    assert '"tasks_per_day": 400' in capsys.readouterr().out
    assert main(["cost", "--tasks-per-day", "0"]) == 2
    assert [
        each["tasks_per_day"] for each in show.cost_document([monthly_bill(plain_day(n)) for n in USUAL])["bills"]
    ] == list(USUAL)
