"""`pointsman report --focus`: FOCUS rows add up to the ledger, and their numbers fit together."""

import csv
import io
import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from pointsman.routing.catalog import load_catalog
from pointsman.values.money import usd
from pointsman_cli.focus import FOCUS_COLUMNS, Focus
from tests.support.paths import ROOT
from tests.support.report_rows import FLASH, HAIKU, KINDS, LEDGERS, classification, row, share

VALIDATOR = ROOT / ".tools/focus/bin/focus-validator"
NO_TOKENS: dict[str, Any] = dict.fromkeys(KINDS)


def exported(rows: Iterable[Mapping[str, Any]], **options: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(rows, **options))))


def text_of(rows: Iterable[Mapping[str, Any]], **options: Any) -> str:
    """Return the file, of shares that are in another shard than their attempt."""
    listed = list(rows)
    shards = [[one for one in listed if one["kind"] == kind] for kind in ("share", "attempt")]
    return Focus("team-a", load_catalog(), **options).csv(lambda: shards)


def booked(rows: Iterable[Mapping[str, Any]]) -> Decimal:
    """Return what the ledger holds of attempts: the cost, or the reservation of one without an outcome."""
    attempts = [one for one in rows if one["kind"] == "attempt"]
    return usd(sum(one["cost_nano"] if "outcome" in one else one["reserved_nano"] for one in attempts))


def tags(one: Mapping[str, str]) -> dict[str, str]:
    return json.loads(one["Tags"])


def many_rows() -> list[dict[str, Any]]:
    """Return a ledger with a call of each kind."""
    asked = classification(model=HAIKU, billing="paid", cost_nano=1_000_003, sender="key:ci")
    costs = (333_334, 333_334, 333_335)
    return [
        row("t1", metadata={"ticket": "T-1", "agent": "bot"}, sender="key:ci", cache_read=500, cache_write_5m=77),
        row("t2", model=FLASH, billing="free", cost_nano=0, tier="orchestration", type="status"),
        row("t3", outcome=None),
        row("t4", outcome="unknown", cost_nano=5_000_000, cost_known=False, **NO_TOKENS),
        row("t5", billed_model="=a model of nobody", cost_nano=77),
        row("t6", outcome="rate_limited", cost_nano=0, **NO_TOKENS),
        asked,
        *(
            share(f"s{number}", cost, row=f"{asked['row']}#share.{number:02d}", metadata={"ticket": f"T-{number}"})
            for number, cost in enumerate(costs)
        ),
    ]


@given(LEDGERS)
@settings(max_examples=60)
def test_billed_cost_adds_up_to_the_ledger(rows: list[dict[str, Any]]) -> None:
    lines = exported(rows)
    assert sum((Decimal(line["BilledCost"]) for line in lines), Decimal(0)) == booked(rows)
    for line in lines:
        assert line["BilledCost"] == line["EffectiveCost"] == line["ContractedCost"]
        assert list(line) == list(FOCUS_COLUMNS)
        if line["ListUnitPrice"]:
            assert Decimal(line["ListCost"]) == Decimal(line["ListUnitPrice"]) * Decimal(line["PricingQuantity"])


@given(LEDGERS)
@settings(max_examples=60)
def test_consumed_tokens_add_up_to_the_ledger(rows: list[dict[str, Any]]) -> None:
    consumed, used = Counter[str](), Counter[str]()
    for line in exported(rows):
        consumed[line["SkuId"].rpartition("/")[2]] += int(Decimal(line["ConsumedQuantity"]))
    for one in rows:
        used.update({kind: one.get(kind, 0) for kind in KINDS if kind != "thinking"})
    assert +consumed == +used


def test_cost_is_split_by_the_prices_of_the_tokens() -> None:
    lines = exported([row("t1", cost_nano=2_000_000)])
    assert {line["SkuMeter"]: (line["BilledCost"], line["ListCost"]) for line in lines} == {
        "Input Tokens": ("0.001000000", "0.001"),
        "Output Tokens": ("0.001000000", "0.001"),
    }
    assert {(line["ChargePeriodStart"], line["BillingPeriodEnd"]) for line in lines} == {
        ("2026-11-21T08:00:00Z", "2026-12-01T00:00:00Z")
    }


def test_free_calls_have_a_list_cost_and_are_not_billed() -> None:
    lines = [line for line in exported(many_rows()) if tags(line)["task"] == "t2"]
    assert [(Decimal(line["BilledCost"]), Decimal(line["ContractedUnitPrice"])) for line in lines] == [(0, 0)] * 2
    assert sum(Decimal(line["ListCost"]) for line in lines) == Decimal("0.008")
    assert {line["ServiceName"] for line in lines} == {"Gemini API"}


def test_tags_name_ticket_agent_and_sender() -> None:
    line = exported(many_rows())[0]
    assert {name: tags(line)[name] for name in ("ticket", "agent", "sender")} == {
        "ticket": "T-1",
        "agent": "bot",
        "sender": "key:ci",
    }
    assert "stand_in" not in tags(line)
    assert tags(exported(many_rows(), stand_in=True)[0])["stand_in"] == "true"


def test_classification_is_split_among_its_tasks_by_their_shares() -> None:
    lines = [line for line in exported(many_rows()) if tags(line)["purpose"] == "classification"]
    by_ticket, tokens = Counter[str](), Counter[str]()
    for line in lines:
        by_ticket[tags(line)["ticket"]] += int(Decimal(line["BilledCost"]) * 10**9)
        tokens[line["SkuMeter"]] += int(Decimal(line["ConsumedQuantity"]))
    assert by_ticket == {"T-0": 333_334, "T-1": 333_334, "T-2": 333_335}
    assert tokens == {"Input Tokens": 900, "Output Tokens": 60}


def test_calls_of_unknown_cost_stand_at_what_they_reserved() -> None:
    lines = {tags(line)["task"]: line for line in exported(many_rows())}
    assert "t6" not in lines
    assert {task: lines[task]["ChargeDescription"].partition(": ")[2] for task in ("t3", "t4", "t5")} == {
        "t3": "not ended, the amount is reserved",
        "t4": "cost not known, booked as reserved",
        "t5": "",
    }
    assert lines["t5"]["SkuId"].startswith("unknown/")
    assert lines["t4"]["ConsumedQuantity"] == "0.0"


@pytest.mark.skipif(not VALIDATOR.is_file(), reason="no validator in .tools/focus; `make focus` installs it")
def test_validator_finds_its_own_contradiction_only(tmp_path: Path) -> None:
    """Its rules say both that InvoiceId must and that it must not be null before there is an invoice."""
    file = tmp_path / "rows.csv"
    file.write_text(text_of(many_rows()), encoding="utf-8")
    (packages,) = (ROOT / ".tools/focus/lib").glob("python*/site-packages")
    command = [VALIDATOR, "--data-file", file, "--validate-version", "1.2.0.1", "--block-download"]
    done = subprocess.run(command, cwd=packages, capture_output=True, text=True, timeout=300, check=True)
    failures = done.stdout.partition("--- Failures ---")[2]
    failed = [line.split(":")[0] for line in failures.splitlines() if line.startswith("- ")]
    assert failed == ["- InvoiceId-C-005-C"], done.stdout[-4000:]
    assert "PASS" in done.stdout
