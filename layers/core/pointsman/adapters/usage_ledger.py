"""The usage ledger on DynamoDB: one transaction reserves, one settles."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import batched, islice
from typing import Any

from pointsman.adapters import audit_updates, budget_items, limit_items, limited_items, quality_items, task_updates
from pointsman.adapters.dynamo import (
    AwsClient,
    Cancelled,
    Item,
    Tables,
    Update,
    batch_get,
    pack,
    reachable,
    transact,
    unpack,
)
from pointsman.adapters.ledger_rows import intent_item, intent_of, outcome_item, result_of, share_item
from pointsman.adapters.sweep_store import REFUSED, notices_key
from pointsman.adapters.task_item import from_item
from pointsman.execution.budget import Cap
from pointsman.execution.calls import Booking, Intent, Purpose, Reservation, Settled, Share
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.ledger_view import LedgerView
from pointsman.execution.model_health import Admission, HealthUpdate, ModelState
from pointsman.execution.outcome import CallResult, CheckResult, Outcome
from pointsman.execution.records import Payload, SubtaskBatch, TaskRecord
from pointsman.execution.sender_limits import LimitsView, PaceUpdate, task_of_place
from pointsman.values.times import to_ms, to_text

_MOST_KEYS = 100
"""Keys that BatchGetItem takes."""
_STATUS_ONLY = {
    "ProjectionExpression": "task_id, #s, generation",
    "ExpressionAttributeNames": {"#s": "status"},
}
_TAKEN = {Purpose.AUDIT: audit_updates.audit_taken, Purpose.COMPARISON: audit_updates.comparison_taken}
PACE_KEPT_FOR = timedelta(days=100)
"""Longer than any task is under way."""
_ALL_OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


@dataclass(frozen=True, slots=True)
class _Write:
    """An item of a settlement's transaction that may be refused."""

    item: Item
    booking: Booking = Booking.OURS
    """How the call is booked if this is written."""


type _Optional = tuple[_Write, Iterator[_Write]]
"""What a settlement writes unless its condition fails, and what else, in turn: built when it comes to that."""


class DynamoUsageLedger:
    """`UsageLedger` on the three tables."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._tables = client, tables

    @reachable()
    def look(self, task_id: str | None, model: str, day: date) -> LedgerView:
        """Read the task, the model's item and the budget's in one round trip."""
        model_key, budget_keys = limit_items.model_key(model), budget_items.day_keys(day)
        keys = [pack({"limit": key}) for key in (model_key, *budget_keys)]
        request: Item = {self._tables.limits: {"Keys": keys, "ConsistentRead": True}}
        if task_id:
            request[self._tables.tasks] = {"Keys": [pack({"task_id": task_id})], "ConsistentRead": True}
        tables = batch_get(self._client, request)
        limits = {item["limit"]: item for item in tables.get(self._tables.limits, [])}
        tasks = tables.get(self._tables.tasks, [])
        budget = [limits[key] for key in budget_keys if key in limits]
        return LedgerView(
            from_item(tasks[0]) if tasks else None,
            limit_items.model_state(model, limits.get(model_key, {})),
            budget_items.counters_of(budget),
            budget_items.released_of(budget),
            day,
        )

    @reachable()
    def look_at_limits(
        self, counters: Collection[str], subjects: Collection[str], paced: Collection[str], day: date
    ) -> LimitsView:
        """Read the items of counters, grants and paces in one round trip, or one for each 100."""
        keys = budget_items.counter_keys(counters, f"{day:%Y-%m}")
        keys += [*map(limited_items.grant_key, subjects), *map(limited_items.pace_key, paced)]
        items: dict[str, Item] = {}
        for some in batched(keys, _MOST_KEYS, strict=False):
            request = {"Keys": [pack({"limit": key}) for key in some], "ConsistentRead": True}
            tables = batch_get(self._client, {self._tables.limits: request})
            items |= {item["limit"]: item for item in tables.get(self._tables.limits, [])}
        counted = [item for key, item in items.items() if budget_items.counts(key)]
        return LimitsView(
            budget_items.counters_of(counted),
            budget_items.released_of(counted),
            limited_items.grants_in(items),
            limited_items.paces_in(items),
        )

    @reachable()
    def ended_among(self, places: Mapping[str, int], now: datetime) -> frozenset[str]:
        """Read the records of the tasks."""
        ids = sorted({task_of_place(place)[0] for place in places})
        tasks: list[Item] = []
        for some in batched(ids, _MOST_KEYS, strict=False):
            keys = [pack({"task_id": task_id}) for task_id in some]
            request: Item = {"Keys": keys, "ConsistentRead": True, **_STATUS_ONLY}
            tasks += batch_get(self._client, {self._tables.tasks: request}).get(self._tables.tasks, [])
        return limited_items.ended_places(places, tasks, to_ms(now))

    @reachable()
    def reserve(
        self, intent: Intent, admission: Admission, state: ModelState, paces: tuple[PaceUpdate, ...] = ()
    ) -> Reservation:
        """Take attempt, intent, slot, money and places, all or nothing."""
        purpose = intent.spec.purpose
        items = [self._put_if_absent(intent_item(intent))]
        if of_task := purpose is not Purpose.CLASSIFICATION:
            taken = _TAKEN.get(purpose, task_updates.attempt_taken)
            items.append(self._update_task(intent, taken(intent)))
        if intent.charge.amount:
            items += self._update_limits(budget_items.charged(intent))
        if admission.writes:
            items.append(self._update_model(intent, limit_items.admitted(intent, admission, state)))
        items += self._paced(paces, intent.at)
        try:
            transact(self._client, items)
        except Cancelled as refusal:
            taken_before = of_task and refusal.reasons[1] is not None
            return Reservation(made=False, attempt_used=taken_before or refusal.reasons[0] is not None)
        return Reservation(made=True)

    @reachable()
    def begin(self, paces: tuple[PaceUpdate, ...], at: datetime) -> bool:
        """Take places alone, for a task that the front door lets in."""
        try:
            transact(self._client, self._paced(paces, at))
        except Cancelled:
            return False
        return True

    @reachable()
    def settle(
        self,
        settled: Settled,
        health: HealthUpdate,
        answer: Payload | None,
        shares: tuple[Share, ...] = (),
        subtasks: SubtaskBatch | None = None,
        *,
        counters_due: bool = False,
    ) -> Booking:
        """Write how a call ended; its booking never waits for the state of the task or the model."""
        intent, counts = settled.intent, bool(settled.intent.charge.amount or settled.cost_nano)
        outcome = outcome_item(settled, counters_due=counters_due and counts)
        booking = [self._put_if_absent(outcome)]
        booking += [self._put_if_absent(share_item(intent, number, share)) for number, share in enumerate(shares)]
        if counts and not counters_due:
            booking += self._update_limits(budget_items.booked(intent, settled.cost_nano))
        alone = self._shared(health)
        if model_update := limit_items.health_updated(settled, health):
            alone.append(self._update_model(intent, model_update))
        if kept := quality_items.word_kept(settled):
            alone.append(_update(self._tables.usage, *kept))
        optional: list[_Optional] = [(_Write(item), iter(())) for item in alone]
        of_task = self._settle_task(settled, answer, subtasks)
        optional += [(write, of_task) for write in islice(of_task, 1)]
        while True:
            try:
                transact(self._client, [*booking, *(write.item for write, _ in optional)])
            except Cancelled as refusal:
                refused = [reason is not None for reason in refusal.reasons[len(booking) :]]
                if (stored := refusal.reasons[0]) is not None:
                    return Booking(self._settled_before(settled, stored))
                if not any(refused):
                    return Booking.OTHERS
                optional = _still_wanted(optional, refused)
            else:
                cancelled = any(write.booking is Booking.TASK_CANCELLED for write, _ in optional)
                return Booking.TASK_CANCELLED if cancelled else Booking.OURS

    def _settled_before(self, settled: Settled, stored: Item) -> bool:
        """Complete what an earlier settlement left; return whether it was this one, its answer lost on the way."""
        intent = settled.intent
        if stored.get("counters_due"):
            update = Update().remove(["counters_due"])
            update.only_if(f"attribute_exists({update.name('counters_due')})")
            key = {"day_shard": intent.key.day_shard, "row": intent.key.outcome}
            counters = self._update_limits(budget_items.booked(intent, stored["cost_nano"]))
            with suppress(Cancelled):  # another was faster
                transact(self._client, [_update(self._tables.usage, key, update), *counters])
        with suppress(Cancelled):  # the task has closed this attempt, as it should have
            transact(self._client, [self._update_task(intent, task_updates.intent_cleared(intent.key))])
        ours = unpack(pack(outcome_item(settled)))  # but of an unknown outcome any number may be alike
        alike = {name: value for name, value in stored.items() if name != "counters_due"} == ours
        return alike and settled.result.outcome is not Outcome.UNKNOWN

    def _settle_task(self, settled: Settled, answer: Payload | None, subtasks: SubtaskBatch | None) -> Iterator[_Write]:
        """Yield the update of the task's item, then those for a task that has given the attempt up."""

        def write(update: Update, booking: Booking = Booking.OURS) -> _Write:
            return _Write(self._update_task(settled.intent, update), booking)

        match settled.intent.spec.purpose:
            case Purpose.TASK:
                yield write(task_updates.attempt_settled(settled, answer, subtasks))
                yield write(task_updates.attempt_cancelled(settled), Booking.TASK_CANCELLED)
                yield write(task_updates.attempt_dropped(settled))
                yield write(task_updates.attempt_counted(settled))
            case Purpose.JUDGE:
                yield write(task_updates.judgement_settled(settled))
                yield write(task_updates.attempt_cancelled(settled), Booking.TASK_CANCELLED)
            case Purpose.AUDIT:
                yield write(audit_updates.audit_settled(settled, answer))
            case Purpose.CLASSIFICATION | Purpose.COMPARISON:
                pass

    @reachable()
    def record_check(self, record: TaskRecord, check: CheckResult, at: datetime) -> None:
        """Write it to the task, and a failed check also to the row of the call that gave the answer."""
        items = [_update(self._tables.tasks, {"task_id": record.task_id}, task_updates.checked(record, check, at))]
        rows = [key for key in record.rows if record.checked and key.attempt_id == record.checked.attempt_id]
        if check.failed and rows:
            key = {"day_shard": rows[-1].day_shard, "row": rows[-1].outcome}
            update = Update().set({"failed_check": check.failed}).only_if("attribute_exists(day_shard)")
            items.append(_update(self._tables.usage, key, update))
        with suppress(Cancelled):  # the task has ended by its answer, and the answer stands unchecked
            transact(self._client, items)

    @reachable()
    def record_refusal(self, month: str, caps: Iterable[Cap], at: datetime) -> None:
        """Keep the first refusal by each cap, beside the month's own item, which each call's transactions hold."""
        update = Update().set_once({REFUSED + cap.key: to_text(at) for cap in caps})
        key = pack(notices_key(month))
        self._client.update_item(TableName=self._tables.limits, Key=key, **update.arguments())

    @reachable()
    def record_health(self, model: str, health: HealthUpdate) -> None:
        """Write it to the model's item, and what is about the account to the others'."""
        key = {"limit": limit_items.model_key(model)}
        transact(
            self._client, [_update(self._tables.limits, key, limit_items.health_alone(health)), *self._shared(health)]
        )

    def _shared(self, health: HealthUpdate) -> list[Item]:
        """Return the updates of the models that share the account."""
        keys = [{"limit": limit_items.model_key(model)} for model in health.shared_with]
        return [_update(self._tables.limits, key, limit_items.health_alone(health.of_account)) for key in keys]

    @reachable()
    def find_intent(self, key: RowKey) -> Intent | None:
        """Return the intent row."""
        item = self._row(key.day_shard, key.intent)
        return intent_of(item) if item else None

    @reachable()
    def find_outcome(self, key: RowKey) -> CallResult | None:
        """Return the outcome row, without the answer's text."""
        item = self._row(key.day_shard, key.outcome)
        return result_of(item) if item else None

    def _row(self, day_shard: str, row: str) -> Item | None:
        key = pack({"day_shard": day_shard, "row": row})
        response = self._client.get_item(TableName=self._tables.usage, Key=key, ConsistentRead=True)
        return unpack(response["Item"]) if "Item" in response else None

    def _put_if_absent(self, item: Item) -> Item:
        condition = {"ConditionExpression": "attribute_not_exists(#k)", "ExpressionAttributeNames": {"#k": "row"}}
        return {"Put": {"TableName": self._tables.usage, "Item": pack(item), **condition, **_ALL_OLD}}

    def _update_task(self, intent: Intent, update: Update) -> Item:
        return _update(self._tables.tasks, {"task_id": intent.spec.task_id}, update)

    def _paced(self, paces: tuple[PaceUpdate, ...], at: datetime) -> list[Item]:
        """Return the updates by which a task begins."""
        expires_at = int((at + PACE_KEPT_FOR).timestamp())
        keys = {limited_items.pace_key(it.subject.name): it for it in paces}
        return self._update_limits({key: limited_items.paced(it, expires_at) for key, it in keys.items()})

    def _update_limits(self, updates: dict[str, Update]) -> list[Item]:
        return [_update(self._tables.limits, {"limit": key}, update) for key, update in updates.items()]

    def _update_model(self, intent: Intent, update: Update) -> Item:
        return _update(self._tables.limits, {"limit": limit_items.model_key(intent.spec.model)}, update)


def _still_wanted(optional: list[_Optional], refused: list[bool]) -> list[_Optional]:
    """Return what is left to write once the conditions of some have failed."""
    left = [
        (next(rest, None) if failed else write, rest) for (write, rest), failed in zip(optional, refused, strict=True)
    ]
    return [(write, rest) for write, rest in left if write]


def _update(table: str, key: dict[str, Any], update: Update) -> Item:
    return {"Update": {"TableName": table, "Key": pack(key), **_ALL_OLD, **update.arguments()}}
