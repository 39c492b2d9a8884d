"""A month's statement: its parts, names and days add up to the ledger; measured answers replace estimated ones."""

import random
import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.report.bill.kept import KeptReconciliation
from pointsman.report.figures.quality import GroupKind, QualityScope, quality_of
from pointsman.report.figures.stack_place import UNKNOWN_STACK
from pointsman.report.render.quality_words import group_sentence
from pointsman.values.taxonomy import TaskType
from pointsman_cli.statement.figures import Statement, StatementBuilder
from pointsman_cli.statement.page import render_statement
from pointsman_cli.statement.text import statement_text
from pointsman_cli.statement.wording import billed_word, cost_parts, measured_sentence, quality_lines
from tests.support.judged import BASELINE, simulated_pairs
from tests.support.paths import ROOT
from tests.support.report_rows import (
    BERLIN,
    DAY,
    HAIKU,
    SINCE,
    SONNET,
    UNTIL,
    classification,
    policy,
    report_of,
    row,
    rows_of_a_day,
    share,
)
from tests.support.statement_month import statement_month

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
NIGHT = UNTIL - timedelta(minutes=5)


def statement_of(*rows: dict[str, Any], counters: dict[str, int] | None = None, last: date = LAST) -> Statement:
    builder = StatementBuilder(policy(), BERLIN, FIRST, last)
    for shard in in_shards(rows):
        builder.add_shard(shard)
    return builder.build(counters or {}, UNTIL)


def in_shards(rows: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the rows as the ledger gives them: a task's in one shard, each shard in the order of its time."""
    shards: list[list[dict[str, Any]]] = [[], [], []]
    for entry in sorted(rows, key=lambda it: it["row"]):
        shards[sum(map(ord, entry["task_id"])) % 3].append(entry)
    return shards


def booked(rows: Iterable[dict[str, Any]]) -> int:
    return sum(it["cost_nano"] if "outcome" in it else it["reserved_nano"] for it in rows if it["kind"] == "attempt")


def moved(fields: dict[str, Any], days: int) -> dict[str, Any]:
    """Return a row of another day."""
    at = (SINCE + timedelta(days=days, hours=9)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {**fields, "at": at, "row": f"{at}#{fields['row'].split('#', 1)[1]}"}


@st.composite
def month_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    rows = draw(st.lists(rows_of_a_day(), max_size=15, unique_by=lambda it: it["row"]))
    rows = [moved(fields, draw(st.integers(-20, 9))) for fields in rows]
    rows = [{**it, "batch_entry": "b"} if draw(st.booleans()) and it["purpose"] == "task" else it for it in rows]
    cost = draw(st.integers(0, 10**6))
    mine = draw(st.integers(0, cost))
    shares = [share("t1", mine, sender="key:ci"), share("t9", cost - mine, 1)] if draw(st.booleans()) else []
    audit = row("t2", NIGHT, 7, purpose="audit", model=SONNET, cost_nano=draw(st.integers(0, 10**9)))
    shared = classification(row=share("t1", 0)["row"].rpartition("#share")[0], cost_nano=cost)
    return [*rows, shared, *shares, audit]


@given(month_rows())
def test_parts_names_models_and_days_add_up_to_the_ledger(rows: list[dict[str, Any]]) -> None:
    statement, spent = statement_of(*rows), booked(rows)
    assert statement.spent_nano == spent
    assert sum(nano for _, nano in cost_parts(statement.comparison)) == spent
    for names in statement.labels.values():
        assert sum(named.cost_nano for named in names.values()) == spent
    assert sum(named.cost_nano for named in statement.models.values()) == spent
    assert sum(day.cost_nano for day in statement.days) == spent
    sent = [it for it in rows if it["kind"] == "attempt" and it.get("outcome") != "not_sent"]
    for groups in (*statement.labels.values(), statement.models):
        assert sum(named.calls for named in groups.values()) == len(sent)
    assert statement.saved_nano == statement.baseline_nano - spent - statement.comparison.aws_nano


@given(st.lists(rows_of_a_day(), max_size=12, unique_by=lambda it: it["row"]))
def test_month_agrees_with_the_report_of_its_last_day(rows: list[dict[str, Any]]) -> None:
    assert statement_of(*rows, last=DAY).comparison == report_of(*rows).baseline_month


def test_rows_of_other_months_do_not_count() -> None:
    rows = [moved(row("october"), -21), moved(row("december"), 10), row("november")]
    assert statement_of(*rows).spent_nano == 2_000_000


def test_what_the_baseline_answered_too_is_measured() -> None:
    answer = row("t1", input=10_000, output=2_000)
    audit = row("t1", NIGHT, 2, purpose="audit", model=SONNET, input=11_000, output=3_000, cost_nano=52_000_000)
    other = row("t2", input=10_000, output=2_000)
    statement = statement_of(answer, audit, other)
    estimate = 10_000 * 2_000 + 2_000 * 10_000
    assert statement.measured.answers == 1
    assert statement.measured.estimated_nano == estimate
    assert statement.measured.measured_nano == 11_000 * 2_000 + 3_000 * 10_000
    assert statement.baseline_nano == statement.measured.measured_nano + estimate
    assert statement.comparison.checking_nano == 52_000_000
    assert "gave 1 answer too, for the audit: 30.0% above the estimate of $0.040000. The cost of the other 1 is" in (
        measured_sentence(statement)
    )


def test_audit_of_the_next_day_is_of_its_answer_and_other_models_or_generations_are_not() -> None:
    answer = row("t1", NIGHT)
    fields: dict[str, Any] = {"purpose": "audit", "model": SONNET, "input": 1, "output": 1}
    assert statement_of(answer, row("t1", UNTIL, 2, **fields)).measured.answers == 1
    for changed in ({"model": HAIKU}, {"turn": "000002.000002"}, {"outcome": "refused"}, {"cost_known": False}):
        assert statement_of(answer, row("t1", UNTIL, 2, **{**fields, **changed})).measured.answers == 0


def test_shares_of_a_classification_are_their_tasks_and_the_rest_is_nobodys() -> None:
    shared = classification(row=share("t1", 0)["row"].rpartition("#share")[0], cost_nano=1_000)
    parts = [share("t1", 600, sender="key:ci", metadata={"ticket": "T-1"}), share("t2", 300, 1)]
    statement = statement_of(row("t1", sender="key:ci", metadata={"ticket": "T-1"}), shared, *parts)
    assert statement.labels["sender"]["key:ci"].cost_nano == 2_000_600
    assert statement.labels["ticket"]["T-1"].tasks == 1
    assert statement.labels["sender"][None].cost_nano == 400
    assert statement.spent_nano == 2_001_000


def test_counters_of_the_days_covered_are_held_against_the_ledger() -> None:
    counters = {"day_21": 2_000_000, "day_22": 7, "month": 2_000_007}
    assert statement_of(row(), counters=counters, last=DAY).counted_nano == 2_000_000
    assert statement_of(row(), counters=counters).counted_nano == 2_000_007


def test_page_of_the_documentation_shows_the_example_as_it_is_printed() -> None:
    blocks = re.findall(r"```text\n(.*?)```", (ROOT / "docs/statement.md").read_text(encoding="utf-8"), re.DOTALL)
    shown = next(block for block in blocks if block.startswith("Pointsman statement"))
    assert shown == statement_text(statement_month(), 80, stand_in=False)


@pytest.mark.parametrize(
    ("bills", "said"),
    [
        ((), ("not reconciled", None)),
        (((None, True),), ("not reconciled", None)),
        (((21, True), (None, False)), ("as spent", "reconciled until 21 November")),
        (((21, True), (20, False)), ("differs", "reconciled until 20 November")),
    ],
)
def test_page_says_whether_what_was_billed_is_what_was_spent(
    bills: tuple[tuple[int | None, bool], ...], said: tuple[str, str | None]
) -> None:
    kept = tuple(
        KeptReconciliation("2026-11", "anthropic", date(2026, 11, day) if day else None, 0, 0, explained=explained)
        for day, explained in bills
    )
    statement = replace(statement_of(row()), reconciled=kept)
    assert billed_word(statement) == said
    assert said[0] in render_statement(statement, UNKNOWN_STACK, stand_in=False)


def test_judged_answers_are_said_of_all_tasks_and_by_tier() -> None:
    until = datetime(2026, 12, 1, tzinfo=UTC)
    scope = QualityScope(until, BERLIN, BASELINE, 0.2, 5.0, 0.0)
    since, kinds = datetime(2026, 10, 1, tzinfo=UTC), (TaskType.CODE_GENERATION, TaskType.ARCHITECTURE)
    pairs = [it for kind in kinds for it in simulated_pairs(random.Random(1), 300, since, until, kind=kind)]
    quality = quality_of(pairs, scope)
    assert quality.total is not None
    statement = replace(statement_of(row()), quality=quality)
    page = render_statement(statement, UNKNOWN_STACK, stand_in=False)
    text = " ".join(statement_text(statement, 80, stand_in=False).split())
    total = group_sentence(quality, quality.total)
    assert f"Quality: {total}".replace("±", "+-") in text
    assert total in page
    tiers = [group for group in quality.groups if group.kind is GroupKind.TIER]
    assert len(tiers) > 1
    for group in tiers:
        assert f"Tier {group.name}: {group_sentence(quality, group)}" in page
    (said, *_) = quality_lines(statement_of(row()))
    assert said.startswith("Not measured")
