"""`pointsman reconcile` over a real ledger, against the stand-in's Admin API and files of Google's export."""

import json
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.adapters.claude import Claude
from pointsman.execution.calls import CallSpec
from pointsman.execution.outcome import CallResult
from pointsman.values.usage import Usage
from pointsman_cli import stacks
from pointsman_cli.bills import admin_api
from pointsman_cli.commands.reconcile import ADMIN_KEY
from pointsman_cli.main import main
from tests.support import report_office
from tests.support.fake_providers import FakeProviders
from tests.support.report_office import HAIKU, SONNET, Office, answered
from tests.support.schemas import check_document

office = report_office.office
KEY = "sk-ant-admin01-secret-of-the-team"
OWN = "apikey_stand_in"
DAY = date(2026, 11, 20)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
USAGE = Usage(input=1_000, cache_read=300, output=200)
COST = 1_000 * 2_000 + 300 * 100 + 200 * 10_000


@pytest.fixture
def bill(provider: FakeProviders, office: Office, monkeypatch: pytest.MonkeyPatch) -> FakeProviders:
    """Let the command find the office's ledger and the stand-in's bill, on which nothing is planted."""
    provider.control("DELETE", "bill")
    settings = office.runtime.settings.model_copy(
        update={"anthropic_base_url": f"{provider.url}/anthropic", "model_calls": "loopback"}
    )
    connection = SimpleNamespace(runtime=office.runtime, settings=settings, say_stand_in=lambda: None)
    monkeypatch.setattr(stacks, "connect", lambda *_: connection)
    monkeypatch.setenv(ADMIN_KEY, KEY)
    monkeypatch.setattr(admin_api.time, "sleep", lambda _: None)
    return provider


def booked(office: Office, usage: Usage = USAGE, model: str = SONNET, at: datetime = NOON, **spec: Any) -> int:
    """Book a call."""
    return book(office, office.call_spec(f"t-{at:%d-%H}", model, **spec), at, answered(model, usage))


def book(office: Office, spec: CallSpec, at: datetime, result: CallResult | None) -> int:
    """Book a call; it is looked at three days later."""
    cost = office.call(spec, at, result)
    office.clock.time = NOON + timedelta(days=3)
    return cost


def planted(day: date = DAY, model: str = SONNET, usage: Usage = USAGE, **fields: Any) -> dict[str, Any]:
    """Return what the provider has on its bill for a call."""
    tokens = {kind: count for kind, count in usage.as_dict().items() if count and kind != "thinking"}
    return {"day": day.isoformat(), "model": model, "tokens": tokens, **fields}


def plant(bill: FakeProviders, *charges: dict[str, Any], **settings: Any) -> None:
    bill.control("POST", "bill", {"planted": charges, **settings})


def reconciled(capsys: pytest.CaptureFixture[str], *options: str, code: int = 0) -> dict[str, Any]:
    """Return what the command prints of the one provider, with the document as `whole`."""
    assert main(["reconcile", "--since", "2026-11-19", "--until", "2026-11-21", *options, "--json"]) == code
    printed = capsys.readouterr()
    assert KEY not in printed.out + printed.err
    document = json.loads(printed.out)
    check_document("reconcile", document)
    (of_provider,) = document["providers"]
    of_lines = {
        name: sum(line[f"{name}_nano_usd"] for line in of_provider["lines"])
        for name in ("booked", "billed", "difference", "unexplained")
    }
    assert of_lines == {name: of_provider[f"{name}_nano_usd"] for name in of_lines}
    causes = sum(of_provider["causes_nano_usd"].values())
    assert of_provider["difference_nano_usd"] == causes + of_provider["unexplained_nano_usd"]
    return {**of_provider, "whole": document}


def test_bill_of_the_ledger_s_own_calls_is_explained(
    bill: FakeProviders, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    assert booked(office) == COST
    plant(bill, planted())
    done = reconciled(capsys)
    assert (done["booked_nano_usd"], done["billed_nano_usd"], done["causes_nano_usd"]) == (COST, COST, {})
    assert (done["until"], done["late_days"], done["whole"]["kept_as"]) == ("2026-11-21", [], None)


def test_real_calls_are_on_the_stand_in_s_bill(
    bill: FakeProviders, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    """Metered by the stand-in as it answers, at prices of its own."""
    now = datetime.now(UTC)
    client = Claude("sk-test", f"{bill.url}/anthropic")
    for model in (SONNET, HAIKU):
        spec = office.call_spec(f"real-{model}", model)
        result = client.ask(spec.request(office.ctx.policy.catalog.get(model), 10))
        assert office.call(spec, now, result) > 0
    office.clock.time = now + timedelta(seconds=5)
    assert main(["reconcile", "--since", f"{now:%Y-%m-%d}", "--json"]) == 0
    (done,) = json.loads(capsys.readouterr().out)["providers"]
    assert done["booked_nano_usd"] > 0
    assert done["booked_nano_usd"] == done["billed_nano_usd"]
    assert sum(line["billed_tokens"] for line in done["lines"]) == sum(line["booked_tokens"] for line in done["lines"])
    assert done["late_days"] == [f"{now:%Y-%m-%d}"]


PLANTED = {
    "other_workspace": (planted(workspace_id="wrkspc_other", api_key_id="apikey_x"), ("--workspace", "default")),
    "other_key": (planted(api_key_id="apikey_other"), ("--api-key", OWN)),
    "workbench": (planted(api_key_id=None), ("--api-key", OWN)),
}


@pytest.mark.parametrize("kind", PLANTED)
def test_others_charges_are_subtracted(
    bill: FakeProviders, office: Office, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    booked(office)
    charge, options = PLANTED[kind]
    plant(bill, planted(), charge)
    cause = "other_workspace" if kind == "other_workspace" else "other_key"
    assert reconciled(capsys, *options)["causes_nano_usd"] == {cause: COST}
    undivided = reconciled(capsys, code=5)
    assert (undivided["unexplained_nano_usd"], undivided["causes_nano_usd"]) == (COST, {})


def test_another_price_is_found(bill: FakeProviders, office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    booked(office, Usage(input=1_000))
    plant(bill, planted(usage=Usage(input=1_000), cents="0.25"))
    assert reconciled(capsys)["causes_nano_usd"] == {"price": 500_000}


def test_another_tier_is_found(bill: FakeProviders, office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    booked(office)
    plant(bill, planted(service_tier="batch"))
    assert reconciled(capsys)["causes_nano_usd"] == {"service_tier": -COST // 2}


def test_another_geography_is_found(bill: FakeProviders, office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    booked(office)
    plant(bill, planted(inference_geo="us"))
    assert reconciled(capsys)["causes_nano_usd"] == {"geography": COST // 10}


def test_regional_call_that_the_ledger_knows_is_no_difference(
    bill: FakeProviders, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = office.call_spec("t-us", SONNET)
    book(office, spec, NOON, replace(answered(SONNET, USAGE), regional=True))
    plant(bill, planted(inference_geo="us"))
    done = reconciled(capsys)
    assert {line["geography"] for line in done["lines"]} == {"us"}
    assert (done["booked_nano_usd"], done["causes_nano_usd"]) == (COST * 11 // 10, {})


def test_rounded_amounts_are_rounding(bill: FakeProviders, office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    booked(office)
    plant(bill, planted(), decimals=1)
    assert set(reconciled(capsys)["causes_nano_usd"]) == {"rounding"}


@pytest.mark.parametrize("late", ["late_usage", "late_costs"])
def test_late_bucket_is_late_and_ends_what_is_reconciled(
    bill: FakeProviders, office: Office, late: str, capsys: pytest.CaptureFixture[str]
) -> None:
    booked(office)
    plant(bill, *([planted()] if late == "late_costs" else []), **{late: ["2026-11-20"]})
    done = reconciled(capsys)
    assert done["causes_nano_usd"] == {"late": -COST}
    assert (done["until"], done["late_days"]) == ("2026-11-19", ["2026-11-20"])


def test_call_of_unknown_cost_gives_a_range(
    bill: FakeProviders, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    reserved = book(office, office.call_spec("open", SONNET), NOON, None)
    plant(bill, planted(usage=Usage(input=40, output=10)))
    done = reconciled(capsys)
    charged = 40 * 2_000 + 10 * 10_000
    assert done["causes_nano_usd"] == {"unknown_calls": -reserved}
    assert (done["unexplained_nano_usd"], done["least_unexplained_nano_usd"]) == (charged, charged - reserved)
    assert (done["unknown_calls"], done["unknown_calls_nano_usd"]) == (1, reserved)


def test_charge_that_nothing_explains_stays_unexplained(
    bill: FakeProviders, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    booked(office)
    plant(
        bill,
        planted(),
        planted(usage=Usage(output=77)),
        planted(model=None, usage=Usage(), cents="3", cost_type="web_search"),
    )
    done = reconciled(capsys, "--workspace", "default", "--api-key", OWN, code=5)
    assert done["causes_nano_usd"] == {}
    assert done["unexplained_nano_usd"] == 77 * 10_000 + 30_000_000
    assert main(["reconcile", "--since", "2026-11-20"]) == 5
    shown = capsys.readouterr().out
    assert "unexplained  0.030770000" in shown
    assert "web_search" in shown


def test_pages_and_refusals_of_the_api_change_nothing(
    bill: FakeProviders, office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    booked(office)
    booked(office, at=NOON + timedelta(days=1))
    plant(bill, planted(), planted(DAY + timedelta(days=1)), most_buckets=1, refuse_next=3, retry_after=7)
    assert reconciled(capsys)["billed_nano_usd"] == 2 * COST
    calls = bill.control("GET", "bill")["calls"]
    assert [call["status"] for call in calls] == [429] * 3 + [200] * 6
    assert len({call["query"] for call in calls}) == 6


def test_api_that_refuses_for_good_is_an_error_without_the_key(
    bill: FakeProviders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plant(bill, refuse_next=6)
    assert main(["reconcile"]) == 1
    assert "429 from /v1/organizations/usage_report/messages, 6 times" in capsys.readouterr().err
    monkeypatch.setenv(ADMIN_KEY, "sk-ant-api03-of-a-model")
    assert main(["reconcile"]) == 1
    said = capsys.readouterr().err
    assert "give an Admin API key" in said
    assert "of-a-model" not in said


def test_command_needs_a_key_or_a_file(
    bill: FakeProviders, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(ADMIN_KEY)
    assert main(["reconcile"]) == 2
    assert ADMIN_KEY in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        ("--month", "2026-13"),
        ("--month", "2026-12"),
        ("--month", "2026-11", "--since", "2026-11-02"),
        ("--until", "2026-11-02"),
        ("--since", "2026-11-09", "--until", "2026-11-02"),
        ("--since", "2026-01-09"),
    ],
)
def test_period_that_cannot_be_is_rejected(
    bill: FakeProviders, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["reconcile", *options]) == 2
    assert capsys.readouterr().err
    assert bill.control("GET", "bill")["calls"] == []


def test_admin_key_never_goes_to_a_proxy_for_models(
    bill: FakeProviders, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    settings = office.runtime.settings.model_copy(
        update={"anthropic_base_url": "https://proxy.example", "model_calls": "live"}
    )
    connection = SimpleNamespace(runtime=office.runtime, settings=settings, say_stand_in=lambda: None)
    monkeypatch.setattr(stacks, "connect", lambda *_: connection)

    def ask(key: str, base_url: str) -> Any:
        asked.append(base_url)
        return nullcontext(SimpleNamespace(usage=lambda *_: [], costs=lambda *_: []))

    monkeypatch.setattr(admin_api, "AdminApi", ask)
    assert main(["reconcile", "--no-keep"]) == 0
    assert asked == ["https://api.anthropic.com"]


def test_month_is_kept_for_the_reports(bill: FakeProviders, office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    booked(office)
    office.reporting.publish(date(2026, 11, 19))
    plant(bill, planted(), planted(usage=Usage(output=77)))
    assert main(["reconcile", "--month", "2026-11", "--json"]) == 5
    document = json.loads(capsys.readouterr().out)
    assert document["kept_as"] == "reports/2026/11/reconciliation.json"
    assert json.loads(office.stored(document["kept_as"]))["providers"] == document["providers"]
    office.reporting.publish(date(2026, 11, 20))
    manifest = json.loads(office.stored("reports/index.json"))
    assert [*manifest["days"]] == ["2026-11-19", "2026-11-20"]
    assert manifest["reconciled"]["2026-11"]["anthropic"] == {
        "until": "2026-11-22",
        "unexplained_nano": 770_000,
        "least_unexplained_nano": 770_000,
        "explained": False,
    }
    (of_day,) = json.loads(office.stored("reports/2026/11/20/report.json"))["reconciled"]
    assert (of_day["until"], of_day["unexplained_nano_usd"], of_day["explained"]) == ("2026-11-22", 770_000, False)
    said = "Anthropic reconciled until 2026-11-22, unexplained $0.000770"
    assert said in office.stored("reports/2026/11/20/report.txt").decode()
    for options in ((), ("--html",)):
        assert main(["statement", "--month", "2026-11", *options]) == 0
        assert said in " ".join(capsys.readouterr().out.split())
    assert main(["statement", "--month", "2026-11", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    check_document("statement", document)
    assert document["reconciled"][0]["unexplained_nano_usd"] == 770_000


def export_row(**fields: Any) -> dict[str, Any]:
    return {
        "service": {"description": "Gemini API"},
        "sku": {"description": "Generate content input token count gemini 3.5 flash lite text"},
        "usage_start_time": "2026-11-20 12:00:00 UTC",
        "project": {"id": "team"},
        "cost": 0.0003,
        "currency": "USD",
        "usage": {"amount": 1000, "unit": "count"},
        "credits": [],
        "cost_type": "regular",
        "export_time": "2026-11-23 02:00:00 UTC",
    } | fields


def test_gemini_s_export_is_compared_too(
    bill: FakeProviders,
    office: Office,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv(ADMIN_KEY)
    booked(office, Usage(input=1_000), "gemini-3.6-flash")
    cost = 1_000 * 750
    sku = {"description": "Generate content input token count gemini 3.6 flash text"}
    rows = [
        export_row(sku=sku, cost=0.00075),
        export_row(sku=sku, cost=0.00075, project={"id": "another"}),
        export_row(service={"description": "Cloud Run"}, cost=12.5),
        export_row(sku=sku, cost=0.0001, cost_type="tax", usage={"amount": 0, "unit": "count"}),
    ]
    file = tmp_path / "export.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    done = reconciled(capsys, "--gemini-export", str(file), "--project", "team")
    assert (done["provider"], done["booked_nano_usd"]) == ("gemini", cost)
    assert done["causes_nano_usd"] == {"other_workspace": cost, "tax": 100_000}
    assert done["until"] == "2026-11-21"
