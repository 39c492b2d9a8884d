"""One booked call to a model: reserve and write the intent, ask once, write the outcome."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pointsman.execution import budget, model_health
from pointsman.execution.outcome import GOOD, CallResult, Outcome
from pointsman.execution.records import Intent, Payload, Purpose, RowKey, Settled, TaskRecord
from pointsman.ports import ModelClient, ModelRequest, View
from pointsman.routing.catalog import Billing, Model, UnknownPriceError
from pointsman.services.context import Context
from pointsman.values import strict_json
from pointsman.values.errors import MissingKeyError
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.usage import Usage

INPUT_MARGIN = 1_000
"""Tokens beside the text: what a provider adds around a request."""
BUG = "cost above its reservation"
"""An event of the log that the template's filters for function errors look for: the cap is no longer sure."""
MOST_RACES = 6
"""Times that another instance may take the slot or the money first before the call counts as `busy`."""


@dataclass(frozen=True, slots=True)
class CallSpec:
    """A call that someone wants made, and who pays."""

    purpose: Purpose
    task_id: str
    turn: str
    model: Model
    tier: Tier
    function: str
    prompt: str
    system: str
    max_output_tokens: int
    timeout: float
    """Seconds."""
    schema: dict[str, Any] | None = None
    type: TaskType | None = None
    parent_id: str | None = None
    metadata: dict[str, str] | None = None
    hop: int = 0
    after: str | None = None
    came_from: str | None = None

    @property
    def input_bytes(self) -> int:
        """UTF-8 bytes of all that is sent; no tokenizer makes more tokens than bytes."""
        schema = strict_json.dumps(self.schema) if self.schema else ""
        return len(self.prompt.encode()) + len(self.system.encode()) + len(schema.encode())

    @property
    def reserved_input(self) -> int:
        """Tokens to reserve for the input."""
        return min(self.input_bytes + INPUT_MARGIN, self.model.context_window)

    @property
    def output_cap(self) -> int:
        """Tokens that the answer may have: the task's wish, clamped to what the model can."""
        return min(self.max_output_tokens, self.model.max_output)


def open_intent(ctx: Context, order: CallSpec, view: View, client: ModelClient) -> Intent | CallResult:
    """Reserve what the order may cost and write its intent; return why not when a guard or the budget says no.

    `client` is only asked for so that it is built before a slot is taken.
    """
    del client
    for _ in range(MOST_RACES):
        now = ctx.clock.now()
        billing, quota = ctx.policy.billing(order.model), ctx.policy.quota(order.model)
        worst = (
            0 if billing is Billing.FREE else order.model.worst_cost_nano(order.reserved_input, order.output_cap, now)
        )
        charge = budget.charge(ctx.policy.config.pointsman.budget, order.tier, worst, now, ctx.zone)
        admission = model_health.admit(view.model, quota, order.reserved_input, now)
        if isinstance(admission, CallResult):
            return admission
        if worst and (refusal := budget.judge(charge, view.counters, now, ctx.zone)):
            caps = budget.used_up(charge, view.counters)
            if caps and order.purpose is not Purpose.AUDIT:  # which is left out, and refused to nobody
                ctx.books.refused(charge.month, caps, now)
            return refusal
        intent = Intent(
            key=RowKey.of(order.task_id, order.turn, now),
            purpose=order.purpose,
            task_id=order.task_id,
            turn=order.turn,
            at=now,
            model=order.model.id,
            billing=billing,
            function=order.function,
            tier=order.tier,
            charge=charge,
            type=order.type,
            parent_id=order.parent_id,
            metadata=order.metadata or {},
            hop=order.hop,
            after=order.after,
            came_from=order.came_from,
        )
        reservation = ctx.books.reserve(intent, admission, view.model)
        if reservation.made:
            return intent
        if reservation.turn_used:
            return CallResult(Outcome.UNKNOWN, detail="turn used")
        view = ctx.books.look(None, order.model.id, charge.month)
    return CallResult(Outcome.BUSY, retry_after=1.0, detail="others were faster")


def ask(ctx: Context, order: CallSpec, intent: Intent, client: ModelClient) -> tuple[CallResult, int]:
    """Make the call; return its result and its milliseconds. A slot that has grown old is not used."""
    if ctx.policy.quota(order.model) and ctx.clock.now() - intent.at > model_health.SLOT_LASTS:
        return CallResult(Outcome.NOT_SENT, detail="slot grew old", ours=True), 0
    question = ModelRequest(
        model=order.model.id,
        prompt=order.prompt,
        system=order.system,
        max_output_tokens=order.output_cap,
        timeout=order.timeout,
        tag=f"{order.task_id}.{order.turn}",
        schema=order.schema,
    )
    began = ctx.clock.now()
    result = client.ask(question)
    spent = int((ctx.clock.now() - began) / timedelta(milliseconds=1))
    if result.outcome is Outcome.INVALID and order.input_bytes + order.output_cap > order.model.context_window:
        result = replace(result, outcome=Outcome.TOO_LONG)
    return result, spent


def price(ctx: Context, intent: Intent, result: CallResult, now: datetime, milliseconds: int) -> Settled:
    """Return what the call cost: by the model id in the response, or what was reserved when that is not known."""
    usage, billed, known = result.usage or Usage(), intent.model, result.cost_known
    cost = 0 if known else intent.charge.amount
    if known and result.usage:
        try:
            model = ctx.policy.catalogue.billed_as(result.answered_by or intent.model)
        except UnknownPriceError:
            known, cost, billed = False, intent.charge.amount, str(result.answered_by)
        else:
            billed = model.id
            free = ctx.policy.billing(model) is Billing.FREE
            cost = 0 if free else model.cost_nano(usage, intent.at)
    return Settled(intent, result, cost, known, billed, usage, now, milliseconds)


def report(ctx: Context, settled: Settled) -> None:
    """Log and count one settled call."""
    intent, result = settled.intent, settled.result
    ctx.note(
        "call settled",
        task_id=intent.task_id,
        turn=intent.turn,
        model=intent.model,
        outcome=str(result.outcome),
        cost_nano=settled.cost_nano,
        cost_known=settled.cost_known,
        milliseconds=settled.milliseconds,
        detail=result.detail,
    )
    if not settled.cost_known:
        ctx.count("UnknownCost")
    if settled.cost_nano > intent.charge.amount:
        ctx.note(BUG, task_id=intent.task_id, turn=intent.turn, level="error")
    if intent.came_from and result.outcome in GOOD and intent.billing is Billing.PAID:
        before = ctx.policy.catalogue.get(intent.came_from)
        if ctx.policy.billing(before) is Billing.FREE:
            ctx.count("FreeToPaidHops")


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What was made of a call's result: the result as it is settled, and what to store with it."""

    result: CallResult
    answer: Payload | None = None


def book(ctx: Context, order: CallSpec, view: View, read: Callable[[CallResult], Interpretation]) -> CallResult:
    """Make a call that no task depends on, if it may be made at once; return what became of it."""
    try:
        client = ctx.model(order.model.provider)
    except MissingKeyError as error:
        return CallResult(Outcome.AUTH, detail=str(error))
    intent = open_intent(ctx, order, view, client)
    if isinstance(intent, CallResult):
        return intent
    result, milliseconds = ask(ctx, order, intent, client)
    reading, now = read(result), ctx.clock.now()
    settled = price(ctx, intent, reading.result, now, milliseconds)
    if not ctx.books.settle(settled, model_health.learn(view.model, result, now), reading.answer):
        return CallResult(Outcome.UNKNOWN, detail="closed by another")
    report(ctx, settled)
    return reading.result


def close_open_intent(ctx: Context, record: TaskRecord) -> None:
    """Settle the attempt that the task has open, if any."""
    if record.open_intent is None:
        return
    if intent := ctx.books.find_intent(RowKey(record.open_intent["day_shard"], record.open_intent["row"])):
        close_unknown(ctx, intent)


def close_unknown(ctx: Context, intent: Intent) -> None:
    """Settle an intent whose call nobody can tell the end of, at its reserved cost."""
    now = ctx.clock.now()
    settled = price(ctx, intent, CallResult(Outcome.UNKNOWN, detail="no outcome was written"), now, 0)
    if ctx.books.settle(settled, model_health.HealthUpdate(), None):
        report(ctx, settled)
