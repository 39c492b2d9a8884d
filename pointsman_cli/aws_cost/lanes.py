"""What the economy lane saves: the team's expected traffic, and what the ledger has of a month, by what goes there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from pointsman.execution.calls import Purpose
from pointsman.execution.records import TaskRecord
from pointsman.routing import catalog
from pointsman.routing.catalog import Billing, Provider
from pointsman.routing.lanes import ROOM_AFTER, LaneRule
from pointsman.values.lane import Lane
from pointsman.values.money import usd
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time
from pointsman.values.usage import Usage
from pointsman_cli.aws_cost.first_estimate import DATA, DAYS_PER_MONTH, ESTIMATED_TRAFFIC, EstimatedWork

_ROOM = timedelta(hours=LaneRule(lane=Lane.ECONOMY).longest_wait_hours) + ROOM_AFTER
_PAID = tuple(work for work in ESTIMATED_TRAFFIC if work.tier is not Tier.ORCHESTRATION)
_NANO = Decimal(10**9)


@dataclass(frozen=True, slots=True)
class LaneCase:
    """A month's cost in USD of the models' work, in one way of counting its tokens."""

    name: str
    standard: Decimal
    """Everything at once."""
    where_allowed: Decimal
    """In the economy lane what may wait a day."""
    economy: Decimal
    """All paid work in the economy lane."""


def expected_cases() -> list[LaneCase]:
    """Return the expected traffic's cost, by how its tokens are counted."""
    growth, thinking = DATA["token_growth"], DATA["thinking_per_output"]
    return [
        _case("tokens as estimated", Decimal(1), Decimal(0)),
        _case(f"{100 * (growth - 1):.0f}% more of them, as 5.x models count", growth, Decimal(0)),
        _case("and as much thinking as answer", growth, thinking),
    ]


def _case(name: str, growth: Decimal, thinking: Decimal) -> LaneCase:
    def month(*, waiting: bool | None) -> Decimal:
        """Return the cost; `waiting` is whether only what may wait goes in batches, None: nothing does."""
        batches = {work: waiting is not None and (work.may_wait or not waiting) for work in _PAID}
        return sum((_month_usd(work, growth, thinking, batch=batches[work]) for work in _PAID), Decimal())

    return LaneCase(name, month(waiting=None), month(waiting=True), month(waiting=False))


def _month_usd(work: EstimatedWork, growth: Decimal, thinking: Decimal, *, batch: bool) -> Decimal:
    size = growth * work.tokens_per_day / work.tasks_per_day
    output = size * (1 - DATA["input_share"])
    usage = Usage(input=round(size * DATA["input_share"]), output=round(output * (1 + thinking)))
    model = catalog.load_catalog().get(DATA["models"]["today"][work.tier])
    cost_nano = model.cost_nano(usage, DATA["price_day"], batch=batch)
    return usd(cost_nano) * work.tasks_per_day * DAYS_PER_MONTH


def ledger_case(rows: Iterable[Mapping[str, Any]], tasks: Mapping[str, TaskRecord]) -> LaneCase:
    """Return what the paid calls for tasks have cost, what they would cost at once, and in batches. A task may wait
    whose own deadline leaves room for the lane's longest time; one that went there could.
    """
    standard, where_allowed, economy = Decimal(), Decimal(), Decimal()
    models = catalog.load_catalog().models
    for row in rows:
        model = models.get(row["model"])
        if row["kind"] != "attempt" or row["purpose"] != Purpose.TASK or row["billing"] != Billing.PAID or not model:
            continue
        cost, in_batch = Decimal(row.get("cost_nano", 0)) / _NANO, bool(row.get("batch_entry"))
        if model.provider is not Provider.ANTHROPIC:
            at_once = half = cost
        else:
            at_once, half = (2 * cost, cost) if in_batch else (cost, cost / 2)
        standard += at_once
        economy += half
        where_allowed += half if in_batch or _may_wait(tasks.get(row["task_id"])) else at_once
    return LaneCase("the ledger's last 30 days", standard, where_allowed, economy)


def _may_wait(record: TaskRecord | None) -> bool:
    if record is None or not record.deadline or not record.received_at:
        return False
    left = parse_time(record.deadline) - parse_time(record.received_at)
    return left >= _ROOM
