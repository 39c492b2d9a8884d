"""Totals of a day: every sum equals the sum of its parts, in any number of shards."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.report.figures import task_costs
from pointsman.report.figures.report import build_report
from pointsman.report.render.as_json import as_json
from pointsman.report.render.formatting import percent
from pointsman.report.render.html import render_html
from pointsman.report.render.text import render_summary, render_text
from pointsman.values.taxonomy import Tier
from tests.support.report_rows import (
    FLASH,
    HAIKU,
    KINDS,
    LEDGERS,
    classification,
    report_of,
    row,
    scope_of,
    share,
)


def booked(entry: dict[str, Any]) -> int:
    return int(entry["cost_nano"] if "outcome" in entry else entry["reserved_nano"])


@given(LEDGERS)
def test_every_total_equals_the_sum_of_its_parts_and_of_the_ledger_rows(rows: list[dict[str, Any]]) -> None:
    document = as_json(report_of(*rows, share("t1", 7), share("elsewhere", 5, 1)))
    total = document["totals"]
    with_classification = [[*document["tiers"].values(), document["classification"]], list(document["models"].values())]
    with_classification.append([*document["types"].values(), document["classification"]])
    for parts in with_classification:
        assert sum(part["cost_nano"] for part in parts) == total["cost_nano"]
        assert sum(part["attempts"] for part in parts) == total["attempts"]
        assert sum(part["open"] for part in parts) == total["open"]
        for kind in KINDS:
            assert sum(part["tokens"][kind] for part in parts) == total["tokens"][kind]
    assert total["cost_nano"] == sum(booked(entry) for entry in rows)
    assert total["attempts"] == sum(entry.get("outcome") != "not_sent" for entry in rows)
    assert total["open"] == sum("outcome" not in entry for entry in rows)
    for kind in KINDS:
        assert total["tokens"][kind] == sum(entry.get(kind, 0) for entry in rows)
    assert sum(document["outcomes"].values()) == len(rows)
    assert (
        sum(task["cost_nano"] for task in document["task_costs"]) + document["classification"]["cost_nano"]
        == total["cost_nano"]
    )
    assert sum(task["share_nano"] for task in document["task_costs"]) == 12
    assert document["month"]["ledger_cost_nano"] + document["month"]["ledger_open_nano"] == total["cost_nano"]
    assert (
        sum(tier["ledger_cost_nano"] for tier in document["month"]["tiers"].values())
        == document["month"]["ledger_cost_nano"]
    )
    comparison = document["baseline"]
    assert comparison["actual_nano"] == total["cost_nano"]
    assert comparison["saved_nano"] == comparison["baseline_nano"] - total["cost_nano"] - comparison["aws_nano"]
    assert (comparison["aws_nano"] > 0) == (total["attempts"] > 0)


def test_task_counts_once_and_attempts_count_when_sent() -> None:
    report = report_of(
        row(outcome="busy", cost_nano=0), row(attempt=2, outcome="not_sent", cost_nano=0), row(attempt=3)
    )
    assert (report.total.tasks, report.total.attempts) == (1, 2)
    assert report.outcomes == {"answered": 1, "busy": 1, "not_sent": 1}
    assert report.tasks[0].outcome == "answered"


def test_refusals_that_are_not_recognized_are_counted_among_their_outcome() -> None:
    refused: dict[str, Any] = {"outcome": "invalid", "cost_nano": 0}
    unknown = [row(f"t{number}", unrecognized=True, **refused) for number in (1, 2)]
    report = report_of(*unknown, row("t3", **refused), row("t4"))
    assert (as_json(report)["outcomes"]["invalid"], as_json(report)["unrecognized"]) == (3, {"invalid": 2})
    assert "3 invalid (2 not recognized)" in render_text(report)
    assert "2 not recognized" in render_html(report)
    without = report_of(row("t3", **refused))
    assert as_json(without)["unrecognized"] == {}
    assert "not recognized" not in render_text(without) + render_html(without)


def test_classification_counts_apart_and_as_no_task() -> None:
    report = report_of(row(), classification())
    assert (report.total.tasks, report.total.attempts) == (1, 2)
    assert report.tiers[Tier.ORCHESTRATION].attempts == 0
    assert report.classification.usage.input == 900
    assert report.models[FLASH].tasks == 0
    assert "classification" in render_text(report)


def test_shares_appear_per_task_and_in_no_total() -> None:
    paid: dict[str, Any] = {"model": HAIKU, "billing": "paid", "cost_nano": 100}
    document = as_json(report_of(row(cost_nano=1_000), classification(**paid), share("t1", 60), share("t2", 40, 1)))
    assert document["totals"]["cost_nano"] == 1_100
    assert document["totals"]["tasks"] == 1
    assert [(task["task_id"], task["attempts"], task["with_share_nano"]) for task in document["task_costs"]] == [
        ("t1", 1, 1_060),
        ("t2", 0, 40),
    ]


def test_open_attempt_counts_at_its_reservation() -> None:
    report = report_of(row(outcome=None, reserved_nano=50_000_000))
    assert (report.total.attempts, report.total.open_attempts, report.total.cost_nano) == (1, 1, 50_000_000)
    assert report.outcomes == {"open": 1}
    assert report.unknown.count == 0
    assert "1 call still open" in render_text(report)


def test_call_whose_counters_are_due_counts_as_open() -> None:
    """As the counters have it until the sweep."""
    report = report_of(row(counters_due=True), row("t2"))
    assert (report.total.attempts, report.total.open_attempts, report.total.cost_nano) == (2, 1, 7_000_000)
    assert (report.month.total.ledger_cost_nano, report.month.total.ledger_open_nano) == (2_000_000, 5_000_000)
    assert report.outcomes == {"answered": 1, "open": 1}


def test_unknown_costs_count_at_their_reservation() -> None:
    report = report_of(row(outcome="unknown", cost_nano=50_000_000, cost_known=False), row(attempt=2))
    assert (report.unknown.count, report.unknown.reserved_nano) == (1, 50_000_000)
    assert "1 call of unknown cost, booked at the reserved amount: $0.050000." in render_text(report)
    assert "! 1 call of unknown cost" in render_summary(report)


def test_model_is_listed_by_its_billed_name() -> None:
    report = report_of(row(billed_model="claude-haiku-4-5"))
    assert list(report.models) == ["claude-haiku-4-5"]


def test_agents_and_tickets_have_totals() -> None:
    ci = {"agent": "ci", "ticket": "T-1"}
    document = as_json(report_of(row(metadata=ci), row("t2", metadata={"agent": "ci"}), row("t3"), share("t2", 5)))
    ci_totals = {"tasks": 2, "attempts": 2, "cost_nano": 4_000_000, "share_nano": 5}
    assert document["agents"] == {"ci": ci_totals | {"cost_nano_usd": 4_000_000, "share_nano_usd": 5}}
    assert list(document["tickets"]) == ["T-1"]


@given(LEDGERS, st.integers(1, 4))
def test_report_is_the_same_for_any_number_of_shards(rows: list[dict[str, Any]], number: int) -> None:
    rows = [*rows, share("t1", 7), share("t4", 5, 1)]
    shards = [[entry for entry in rows if sum(entry["task_id"].encode()) % number == shard] for shard in range(number)]
    whole, parted = build_report(scope_of(), [rows], {}), build_report(scope_of(), shards, {})
    assert json.dumps(as_json(parted)) == json.dumps(as_json(whole))


def test_unlisted_tasks_and_names_are_in_the_totals_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_costs, "MAX_LISTED_TASKS", 3)
    monkeypatch.setattr(task_costs, "MAX_LISTED_NAMES", 2)
    costs = {f"t{number}": 10**number for number in range(6)}
    rows = [row(name, cost_nano=cost, metadata={"ticket": f"T-{name}"}) for name, cost in costs.items()]
    document = as_json(build_report(scope_of(), [rows[:2], rows[2:], [row("silent", cost_nano=7)]], {}))
    assert [task["task_id"] for task in document["task_costs"]] == ["t3", "t4", "t5"]
    rest = {"tasks": 4, "attempts": 4, "cost_nano": 118, "share_nano": 0}
    assert document["others"]["tasks"] == rest | {"cost_nano_usd": 118, "share_nano_usd": 0}
    assert list(document["tickets"]) == ["T-t4", "T-t5"]
    others = document["others"]["tickets"]
    assert (others["names"], others["tasks"], others["cost_nano"]) == (4, 4, 1_111)
    assert others["none_stated"]["cost_nano"] == 7
    page = render_html(build_report(scope_of(), [rows, [row("silent", cost_nano=7)]], {}))
    assert "4 others cost" in page
    assert "T-t4" in page


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10**9)), max_size=60))
def test_folding_names_loses_no_nano_dollar(tasks: list[tuple[int, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(task_costs, "MAX_TRACKED_NAMES", 6)
        patch.setattr(task_costs, "MAX_LISTED_NAMES", 4)
        rows = [
            row(f"t{number}", cost_nano=cost, metadata={"agent": f"a{name}"})
            for number, (name, cost) in enumerate(tasks)
        ]
        agents = build_report(scope_of(), [rows], {}).labels["agent"]
    assert len(agents.named) <= 4
    assert sum((totals for totals in agents.named.values()), agents.others).cost_nano == sum(cost for _, cost in tasks)


def test_thinking_is_shown_as_a_share_of_the_output() -> None:
    report = report_of(row(output=1_000, thinking=640), row("t2", output=1_000))
    document = as_json(report)
    assert (document["totals"]["tokens"]["thinking"], document["totals"]["thinking_percent"]) == (640, 32.0)
    assert f"Output includes thinking: {percent(32.0)} of it." in render_html(report)
    assert as_json(report_of())["totals"]["thinking_percent"] is None
