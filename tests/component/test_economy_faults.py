"""The acceptance of the economy lane: everything is killed all the time, messages come twice, creations are lost,
entries come to nothing. Each task ends once, each entry of the batches has one row, and none is paid twice.
"""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from pointsman.execution.budget import OPEN
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import GOOD, CallResult, Outcome
from pointsman.values.status import ENDED, Status
from pointsman.values.times import parse_time
from tests.support.economy import HAIKU, SONNET, EconomyWorld
from tests.support.fake_batches import answered_entry, not_processed
from tests.support.figures import SOAK, Figures

TASKS, SEEDS = (1_000, range(3)) if SOAK else (60, range(2))
KILLS = 0.0006 if SOAK else 0.004
"""Per call to a table; thrice that per call to the provider's batches."""
SPOILT = 0.05
DOUBLED = 0.3


class FaultyEntries:
    """How the provider ends an entry: by the dice, once and for all."""

    def __init__(self, world: EconomyWorld) -> None:
        self.world = world

    def __call__(self, request: ModelRequest) -> CallResult:
        if self.world.dice.random() >= SPOILT:
            return answered_entry(request)
        errored = CallResult(Outcome.UNAVAILABLE, detail="batch entry errored", unbilled=True)
        return self.world.dice.choice([not_processed("expired"), not_processed("canceled"), errored])


def run_world(seed: int) -> EconomyWorld:
    """Send all tasks over two days, with everything going wrong, then let the rest come to its end."""
    world = EconomyWorld(seed)
    world.batches.result_of = FaultyEntries(world)
    world.batches.takes = lambda: timedelta(minutes=world.dice.choice([20, 50, 90, 600, 3_000]))
    world.deadly = KILLS
    lost, sent = 2, 0
    while sent < TASKS:
        for _ in range(min(max(TASKS // 24, 1), TASKS - sent)):
            kind = world.dice.choice(["documentation", "documentation", "architecture"])
            copies = 2 if world.dice.random() < DOUBLED else 1
            world.send(f"t-{sent}", type=kind, lane="economy", copies=copies, max_output_tokens=2_000)
            sent += 1
        if lost and world.dice.random() < 0.3:
            world.batches.create_results.append("lost")
            lost -= 1
        world.day(2)
    world.batches.create_results += ["lost"] * lost
    world.day(30, every=timedelta(minutes=20))
    world.deadly = 0.0
    world.day(30, every=timedelta(minutes=30))
    return world


@pytest.mark.parametrize("seed", SEEDS)
def test_each_task_ends_once_and_each_entry_is_paid_once(seed: int, figures: Figures) -> None:
    world = run_world(seed)
    records = [world.task(f"t-{number}") for number in range(TASKS)]
    assert {record.status for record in records} == {Status.COMPLETED}
    assert all(record.delivered_at for record in records)
    assert world.kills > 20

    told = Counter((json.loads(detail)["task_id"], kind) for kind, detail in world.bus.events)
    assert {kind for _, kind in told} == {"Task Completed"}
    assert {task_id for task_id, _ in told} == {record.task_id for record in records}

    rows = world.rows()
    assert [row for row in rows if "outcome" not in row] == []
    check_entries(world, rows)
    check_payments(world, rows)
    check_counters(world, rows)
    late = [record for record in records if record.ended_at and record.ended_at > record.deadline]
    assert late == [], "none passes its deadline"
    figures |= measured(world, rows)


def measured(world: EconomyWorld, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what a run came to."""
    entries = [row for row in rows if row.get("batch_entry")]
    paid = [row["cost_nano"] for row in entries if row["outcome"] in GOOD]
    return {
        "tasks": TASKS,
        "kills": world.kills,
        "batches": len(world.batches.batches),
        "creations whose answer was lost": world.batches.lost,
        "entries by outcome": dict(Counter(row["outcome"] for row in entries)),
        "single calls by outcome": dict(Counter(row["outcome"] for row in rows if not row.get("batch_entry"))),
        "paid for answered entries, nano-dollars": sum(paid),
        "month's counter minus the sum of the rows": world.counters()["month"] - sum(row["cost_nano"] for row in rows),
    }


def small_world(kill_at: int | None, *, lost: bool) -> EconomyWorld:
    """Send three tasks, kill the lane's run at one beginning or end of its calls, and let all come to its end."""
    world = EconomyWorld(lanes={"documentation": {"lane": "economy", "longest_wait_hours": 1}})
    world.batches.result_of = lambda it: not_processed() if it.prompt.endswith("t-2.") else answered_entry(it)
    world.batches.create_results = ["lost"] if lost else []
    for number in range(3):
        world.send(f"t-{number}")
    world.calls_left = kill_at
    for _ in range(3):
        world.run(after=timedelta(minutes=20))
    world.calls_left = None
    world.day(30, every=timedelta(minutes=45))
    return world


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "lost"])
def test_a_run_that_is_killed_at_any_point_loses_and_doubles_nothing(*, lost: bool) -> None:
    points = range(1, 400)
    for point in points:
        world = small_world(point, lost=lost)
        records = [world.task(f"t-{number}") for number in range(3)]
        assert {record.status for record in records} == {Status.COMPLETED}, point
        assert all(record.delivered_at for record in records), point
        rows = world.rows()
        assert [row for row in rows if "outcome" not in row] == [], point
        check_entries(world, rows, least=0)
        check_payments(world, rows)
        check_counters(world, rows, tasks=3)
        if world.kills == 0:
            assert point > 40
            return
    raise AssertionError("it never came to its end unharmed")


def check_entries(world: EconomyWorld, rows: list[dict[str, Any]], least: float = TASKS * 0.8) -> None:
    """Each entry of the provider's batches has one row, whose outcome is the entry's."""
    by_entry = Counter(row["batch_entry"] for row in rows if row.get("batch_entry"))
    results = {name: result for batch in world.batches.batches.values() for name, result in batch.results.items()}
    taken = [name for batch in world.batches.batches.values() for name in batch.requests]
    assert len(taken) == len(set(taken)) >= least
    assert {name: by_entry[name] for name in taken} == dict.fromkeys(taken, 1)
    outcomes = {row["batch_entry"]: row["outcome"] for row in rows if row.get("batch_entry")}
    assert {name: outcomes[name] for name in taken} == {name: str(results[name].outcome) for name in taken}
    never_taken = {outcomes[name] for name in by_entry if name not in results}
    assert never_taken <= {"unknown", "not_sent"}


def check_payments(world: EconomyWorld, rows: list[dict[str, Any]]) -> None:
    """What the provider bills for entries is half the standard price, to the nano-dollar, and stands in the books."""
    paid = Counter[str]()
    for batch in world.batches.batches.values():
        for name, result in batch.results.items():
            if result.outcome in GOOD and result.usage:
                request = batch.requests[name]
                (row,) = [row for row in rows if row.get("batch_entry") == name]
                model = world.ctx.policy.catalog.get(request.model)
                assert 2 * row["cost_nano"] == model.cost_nano(result.usage, parse_time(row["at"]))
                paid[row["task_id"]] += 1
    single = Counter(request.tag.split(".")[0] for request in world.asked)
    unknown = {row["task_id"] for row in rows if row["outcome"] == "unknown" and "batch_entry" not in row}
    twice = {task_id for task_id in paid if paid[task_id] > 1 or single[task_id]}
    assert twice == set(), "an answered entry's task is asked again"
    assert {task_id for task_id, count in single.items() if count > 1} <= unknown


def check_counters(world: EconomyWorld, rows: list[dict[str, Any]], tasks: int = TASKS) -> None:
    counters = world.counters()
    assert counters["month"] == sum(row["cost_nano"] for row in rows)
    assert {name: count for name, count in counters.items() if name.endswith(OPEN) and count} == {}
    for record in (world.task(f"t-{number}") for number in range(tasks)):
        assert record.status in ENDED
        assert record.cost_nano == sum(row["cost_nano"] for row in rows if row["task_id"] == record.task_id)
        assert record.model in (HAIKU, SONNET)
