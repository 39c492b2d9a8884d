"""Ledger, budget and guards on DynamoDB: one transaction reserves, one settles."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Any

from pointsman.adapters.dynamo import (
    AwsClient,
    Cancelled,
    Item,
    Tables,
    Update,
    batch_get,
    leave_items,
    pack,
    reachable,
    transact,
    unpack,
)
from pointsman.adapters.ledger_rows import intent_item, intent_of, merged, outcome_item, result_of, share_item
from pointsman.adapters.notices import REFUSED, notices_key
from pointsman.adapters.shards import Row, in_shards
from pointsman.adapters.task_table import ATTENTION, USED, from_item
from pointsman.execution.budget import OPEN, Cap
from pointsman.execution.model_health import KEPT, Admission, HealthUpdate, ModelState, Slot
from pointsman.execution.outcome import GOOD, CallResult, Outcome
from pointsman.execution.records import Intent, Payload, Purpose, RowKey, Settled, Subtasks
from pointsman.ports import Reservation, Share, View
from pointsman.values.status import ENDED, Status
from pointsman.values.times import PACIFIC, to_text, utc_days

ALL_OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}


class DynamoUsageLedger:
    """`Books` and `Ledger` on the three tables."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._tables = client, tables

    @reachable()
    def look(self, task_id: str | None, model: str, month: str) -> View:
        """Read the task, the model's item and the month's in one round trip."""
        limits = [pack({"limit": _model_key(model)}), pack({"limit": _month_key(month)})]
        wanted: Item = {self._tables.limits: {"Keys": limits, "ConsistentRead": True}}
        if task_id:
            wanted[self._tables.tasks] = {"Keys": [pack({"task_id": task_id})], "ConsistentRead": True}
        found = batch_get(self._client, wanted)
        by_key = {item["limit"]: item for item in found.get(self._tables.limits, [])}
        tasks = found.get(self._tables.tasks, [])
        return View(
            from_item(tasks[0]) if tasks else None,
            _state(model, by_key.get(_model_key(model), {})),
            _numbers(by_key.get(_month_key(month), {})),
        )

    @reachable()
    def reserve(self, intent: Intent, admission: Admission, state: ModelState) -> Reservation:
        """Take turn, intent, slot and money, all or nothing."""
        items = [self._put_if_absent(intent_item(intent))]
        if of_task := intent.purpose is not Purpose.CLASSIFICATION:
            items.append(self._take_audit(intent) if intent.purpose is Purpose.AUDIT else self._take_turn(intent))
        if intent.charge.amount:
            items.append(self._charge(intent))
        if admission.writes:
            items.append(self._admit(intent, admission, state))
        try:
            transact(self._client, items)
        except Cancelled as refusal:
            used = of_task and refusal.reasons[1] is not None
            return Reservation(made=False, turn_used=used or refusal.reasons[0] is not None, raced=not used)
        return Reservation(made=True)

    @reachable()
    def settle(
        self,
        settled: Settled,
        lesson: HealthUpdate,
        answer: Payload | None,
        parts: tuple[Share, ...] = (),
        subtasks: Subtasks | None = None,
    ) -> bool:
        """Write what became of a call; its booking never waits for the task's own state."""
        intent = settled.intent
        booking = [self._put_if_absent(outcome_item(settled))]
        booking += [self._put_if_absent(share_item(intent, number, part)) for number, part in enumerate(parts)]
        if intent.charge.amount or settled.cost_nano:
            booking.append(self._book(settled))
        marks = [self._model_update(settled, lesson)]
        if intent.purpose is Purpose.TASK:
            marks.append(self._end_turn(settled, answer, subtasks))
        elif intent.purpose is Purpose.JUDGE:
            marks.append(self._end_judgement(settled))
        elif intent.purpose is Purpose.AUDIT:
            marks.append(self._end_audit(settled, answer))
        optional = [mark for mark in marks if mark]
        while True:
            try:
                transact(self._client, [*booking, *optional])
            except Cancelled as refusal:
                kept = [
                    mark
                    for mark, refused in zip(optional, refusal.reasons[len(booking) :], strict=True)
                    if refused is None
                ]
                if refusal.reasons[0] is not None or len(kept) == len(optional):
                    return False
                optional = kept
            else:
                return True

    @reachable()
    def refused(self, month: str, caps: Iterable[Cap], at: datetime) -> None:
        """Keep the first refusal by each cap, beside the month's own item, which each call's transactions hold."""
        update = Update().set_once({REFUSED + cap.key: to_text(at) for cap in caps})
        key = pack({"limit": notices_key(month)})
        self._client.update_item(TableName=self._tables.limits, Key=key, **update.arguments())

    @reachable()
    def find_intent(self, key: RowKey) -> Intent | None:
        """Return the intent row."""
        where = pack({"day_shard": key.day_shard, "row": key.intent})
        found = self._client.get_item(TableName=self._tables.usage, Key=where, ConsistentRead=True)
        return intent_of(unpack(found["Item"])) if "Item" in found else None

    @reachable()
    def find_outcome(self, key: RowKey) -> CallResult | None:
        """Return the outcome row's verdict."""
        where = pack({"day_shard": key.day_shard, "row": key.outcome})
        found = self._client.get_item(TableName=self._tables.usage, Key=where, ConsistentRead=True)
        return result_of(unpack(found["Item"])) if "Item" in found else None

    def open_intents(self, since: datetime, until: datetime) -> Iterable[Intent]:
        """Return intents of that time without an outcome; of all others the keys alone are fetched."""
        for row in chain.from_iterable(self.shards(since, until, ("day_shard", "row", "kind", "outcome"))):
            if row["kind"] == "attempt" and "outcome" not in row:
                intent = self.find_intent(RowKey(row["day_shard"], row["row"]))
                assert intent is not None
                yield intent

    def shards(self, since: datetime, until: datetime, attributes: tuple[str, ...] = ()) -> Iterator[Iterator[Row]]:
        """Yield each shard's rows in the order of their intents, read ahead; all attributes unless some are named."""
        return in_shards(
            lambda day, shard: self.partition(day, shard, since, until, attributes), utc_days(since, until)
        )

    def rows(self, since: datetime, until: datetime) -> Iterable[Row]:
        """Return the rows of all shards."""
        return chain.from_iterable(self.shards(since, until))

    def counters(self, month: str) -> dict[str, int]:
        """Return a month's counters."""
        key = pack({"limit": _month_key(month)})
        found = self._client.get_item(TableName=self._tables.limits, Key=key, ConsistentRead=True)
        return _numbers(unpack(found.get("Item", {})))

    def partition(
        self, day: date, shard: int, since: datetime, until: datetime, attributes: tuple[str, ...] = ()
    ) -> Iterator[Row]:
        """Yield one shard of one UTC day, a page at a time."""
        names = {f"#{name}": name for name in ("row", *attributes)}
        wanted: Item = {"ProjectionExpression": ", ".join(f"#{name}" for name in attributes)} if attributes else {}
        leave_items(self._client)
        pages = self._client.get_paginator("query").paginate(
            TableName=self._tables.usage,
            KeyConditionExpression="day_shard = :p AND #row BETWEEN :a AND :b",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=pack({":p": f"{day}#{shard}", ":a": to_text(since), ":b": to_text(until)}),
            ConsistentRead=True,
            **wanted,
        )
        return merged(unpack(item) for page in pages for item in page["Items"])

    def _put_if_absent(self, item: Item) -> Item:
        condition = {"ConditionExpression": "attribute_not_exists(#k)", "ExpressionAttributeNames": {"#k": "row"}}
        return {"Put": {"TableName": self._tables.usage, "Item": pack(item), **condition, **ALL_OLD}}

    def _take_turn(self, intent: Intent) -> Item:
        """The task's own item gives each turn once, so that an invocation that is repeated cannot call again."""
        update = Update().set({"last_turn": intent.turn, "open_intent": _place(intent.key)})
        update.append("rows", f"{intent.key.day_shard}|{intent.key.row}")
        last = update.name("last_turn")
        update.only_if(f"attribute_not_exists({last}) OR {last} < {update.value(intent.turn)}")
        update.only_if(f"attribute_not_exists({update.name('subtasks')})")
        for status in sorted(ENDED):
            update.only_if(f"{update.name('status')} <> {update.value(status)}")
        return self._update(self._tables.tasks, {"task_id": intent.task_id}, update)

    def _take_audit(self, intent: Intent) -> Item:
        """A task is audited once, when it is completed; its generation then never changes."""
        update = Update().set({"audit": {**_place(intent.key), "model": intent.model, "at": to_text(intent.at)}})
        update.only_if(f"attribute_not_exists({update.name('audit')})")
        update.only_if(f"{update.name('status')} = {update.value(Status.COMPLETED)}")
        return self._update(self._tables.tasks, {"task_id": intent.task_id}, update)

    def _charge(self, intent: Intent) -> Item:
        charge, update = intent.charge, Update()
        update.add(dict.fromkeys(charge.counters, charge.amount))
        update.add({counter + OPEN: charge.amount for counter in charge.counters})
        for cap in charge.caps:
            here, room = update.name(cap.counter), cap.limit - charge.amount
            within = f"{here} <= {update.value(room)}"
            update.only_if(f"attribute_not_exists({here}) OR {within}" if room >= 0 else within)
        return self._update(self._tables.limits, {"limit": _month_key(charge.month)}, update)

    def _admit(self, intent: Intent, admission: Admission, state: ModelState) -> Item:
        update, name, entry = Update(), _slot_name(intent), {}
        if admission.slot:
            entry = {"at": admission.slot.at, "tokens": admission.slot.tokens}
            if state.version:
                update.set_path(("slots", name), entry).remove(("slots", old) for old in admission.stale)
            update.set({"day": admission.day, "day_count": admission.day_count})
        if not state.version:  # the first write makes the map, also for a model that has no quota yet
            update.set({"slots": {name: entry} if entry else {}})
        if admission.probe_until:
            update.set({"probe_until": admission.probe_until})
        update.set({"version": state.version + 1})
        version = update.name("version")
        if state.version:
            update.only_if(f"{version} = {update.value(state.version)}")
        else:
            update.only_if(f"attribute_not_exists({version})")
        return self._update(self._tables.limits, {"limit": _model_key(intent.model)}, update)

    def _book(self, settled: Settled) -> Item:
        charge, update = settled.intent.charge, Update()
        update.add(dict.fromkeys(charge.counters, settled.cost_nano - charge.amount))
        update.add({counter + OPEN: -charge.amount for counter in charge.counters})
        return self._update(self._tables.limits, {"limit": _month_key(charge.month)}, update)

    def _model_update(self, settled: Settled, lesson: HealthUpdate) -> Item | None:
        """The lesson, and the slot's tokens as they really were, while the slot is surely still on record."""
        update, changed = Update(), bool(lesson)
        update.set(lesson.sets).add(lesson.adds).remove(lesson.removes)
        intent, young = settled.intent, settled.at - settled.intent.at < KEPT - timedelta(seconds=30)
        if intent.billing == "free" and young and settled.result.usage:
            update.set_path(("slots", _slot_name(intent), "tokens"), settled.usage.prompt)
            update.only_if(f"attribute_exists({update.name(('slots', _slot_name(intent)))})")
            changed = True
        elif intent.billing == "free" and young and settled.result.outcome is Outcome.NOT_SENT:
            update.remove([("slots", _slot_name(intent))])
            if intent.at.astimezone(PACIFIC).date() == settled.at.astimezone(PACIFIC).date():
                update.add({"day_count": -1})  # else the day that counted it is over
            update.only_if(f"attribute_exists({update.name(('slots', _slot_name(intent)))})")
            changed = True
        return self._update(self._tables.limits, {"limit": _model_key(intent.model)}, update) if changed else None

    def _end_turn(self, settled: Settled, answer: Payload | None, subtasks: Subtasks | None) -> Item:
        intent, result, update = settled.intent, settled.result, Update()
        update.remove(["open_intent"])
        used = {USED + kind: count for kind, count in settled.usage.as_dict().items()}
        counted = {} if result.outcome is Outcome.NOT_SENT else {"attempts": 1}
        update.add({**counted, "cost_nano": settled.cost_nano, **used})
        update.set({"model": settled.billed_model, "cost_known": None if settled.cost_known else False})
        if result.outcome in GOOD and answer:
            update.set({"answer": answer.inline, "answer_ref": answer.ref, "verdict": _verdict(settled)})
            update.set({"truncated": result.outcome is Outcome.TRUNCATED})
            update.remove(["answer_ref" if answer.ref is None else "answer"])  # of a first answer that was kept
            if subtasks:
                update.set(_subtasks(subtasks, settled.at))
            elif not (result.verdict and result.verdict.pending):
                update.set({"status": Status.COMPLETED, "ended_at": to_text(settled.at)})
            update.only_if(f"{update.name('status')} <> {update.value(Status.FAILED)}")
        return self._of_open_intent(intent, update)

    def _end_judgement(self, settled: Settled) -> Item:
        """What the judge found wanting stands with the answer; tokens and cost are in the ledger alone."""
        update = Update().remove(["open_intent"])
        if settled.result.verdict:
            update.set_path(("verdict", "passed"), False)
            update.set_path(("verdict", "failed"), settled.result.verdict.failed)
        return self._of_open_intent(settled.intent, update)

    def _of_open_intent(self, intent: Intent, update: Update) -> Item:
        row = update.name(("open_intent", "row"))
        update.only_if(f"{row} = {update.value(intent.key.row)}")
        return self._update(self._tables.tasks, {"task_id": intent.task_id}, update)

    def _end_audit(self, settled: Settled, answer: Payload | None) -> Item:
        update, told = Update(), {"outcome": str(settled.result.outcome), "cost_nano": settled.cost_nano}
        told |= {"answer": answer.inline, "answer_ref": answer.ref} if answer else {}
        for name, value in told.items():
            if value is not None:
                update.set_path(("audit", name), value)
        update.only_if(f"{update.name(('audit', 'row'))} = {update.value(settled.intent.key.row)}")
        return self._update(self._tables.tasks, {"task_id": settled.intent.task_id}, update)

    def _update(self, table: str, key: dict[str, str], update: Update) -> Item:
        return {"Update": {"TableName": table, "Key": pack(key), **ALL_OLD, **update.arguments()}}


class DynamoModelHealth:
    """What `doctor` and the router read of all models at once."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._tables = client, tables

    def states(self, models: Iterable[str]) -> dict[str, ModelState]:
        """Return each model's state."""
        keys = [pack({"limit": _model_key(model)}) for model in models]
        found = batch_get(self._client, {self._tables.limits: {"Keys": keys, "ConsistentRead": True}})
        items = found.get(self._tables.limits, [])
        return {(state := _state(item["limit"].removeprefix("model#"), item)).model: state for item in items}


def _model_key(model: str) -> str:
    return f"model#{model}"


def _month_key(month: str) -> str:
    return f"budget#{month}"


def _slot_name(intent: Intent) -> str:
    return f"{intent.task_id}.{intent.turn}"


def _place(key: RowKey) -> dict[str, str]:
    return {"day_shard": key.day_shard, "row": key.row}


def _verdict(settled: Settled) -> dict[str, Any] | None:
    """Return what is kept of the verdict on an answer, and on whose."""
    if (verdict := settled.result.verdict) is None:
        return None
    return {
        "passed": verdict.failed is None,
        "failed": verdict.failed,
        "escalated_after": verdict.escalated_after,
        "model": settled.billed_model,
        "turn": settled.intent.turn,
    }


def _subtasks(subtasks: Subtasks, at: datetime) -> dict[str, Any]:
    """Return what a task gets that will wait; from here on the sweep looks after it, whatever happens to others."""
    return {
        "subtasks": subtasks.expected,
        "drafts": subtasks.drafts.inline,
        "drafts_ref": subtasks.drafts.ref,
        "deadline": subtasks.deadline,
        "attention": ATTENTION,
        "attention_since": to_text(at),
    }


def _numbers(item: Item) -> dict[str, int]:
    return {name: value for name, value in item.items() if isinstance(value, int)}


def _state(model: str, item: Item) -> ModelState:
    known = {name: item[name] for name in ModelState.__dataclass_fields__ if name in item and name != "slots"}
    slots = {name: Slot(slot["at"], slot["tokens"]) for name, slot in item.get("slots", {}).items()}
    return ModelState(model=model, slots=slots, **known)
