"""One booked call to a model: reserve and write the intent, ask once, interpret, price, settle, report.

Every call goes this way: for a task, its classification, a judge, an audit, a comparison.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pointsman.execution import budget, model_health
from pointsman.execution.calls import Booking, CallSpec, Intent, Purpose, Settled, share_out
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.ledger_view import LedgerView
from pointsman.execution.model_health import HealthUpdate, ModelState
from pointsman.execution.outcome import GOOD, AccountTrouble, CallResult, Outcome
from pointsman.execution.records import Payload, SubtaskBatch, TaskRecord
from pointsman.ports import ModelClient
from pointsman.routing.catalog import Billing, Model, UnknownPriceError
from pointsman.services.context import Context
from pointsman.services.sender_limits import charge_of, let_begin, with_limits
from pointsman.services.settlement import settle_in_time
from pointsman.values.errors import MissingKeyError, NotReservedError, StoreError
from pointsman.values.log_events import LogEvent
from pointsman.values.times import local_day
from pointsman.values.usage import Usage

BYTES_PER_TOKEN_AT_MOST = 12
"""A text of more bytes than this times the context window cannot fit, in any language."""
_MOST_RACES = 6
"""Times that another instance may take the slot or the money first before the call counts as `busy`."""


@dataclass(frozen=True, slots=True)
class Interpretation:
    """What the caller makes of a call's result: the result as it is settled, and what to store with it."""

    result: CallResult
    answer: Payload | None = None
    subtasks: SubtaskBatch | None = None


def make_call(
    ctx: Context,
    spec: CallSpec,
    until: datetime,
    interpret: Callable[[CallResult], Interpretation],
    view: LedgerView | None = None,
) -> CallResult:
    """Make the call if it may be made now, and book it; return how it ended, or why it was not made.

    `until` is when the answer must be there; `view` is what the ledger says of the task, the model and the budget, read
    here when it is None.

    Raises:
        NotReservedError: A store is out of reach and nothing was sent.
        StoreError: The call was made and could not be settled; the next attempt or the sweep closes it as unknown.
    """
    model = ctx.policy.catalog.get(spec.model)
    if spec.input_bytes > BYTES_PER_TOKEN_AT_MOST * model.context_window:
        return CallResult(Outcome.TOO_LONG, detail="longer than the context window")
    try:
        client = ctx.model(model.provider)  # built before a slot is taken
        view = view or ctx.ledger.look(None, model.id, local_day(ctx.clock.now(), ctx.zone))
        intent = reserve_call(ctx, spec, model, view)
    except MissingKeyError as error:
        return _without_key(ctx, model, view, str(error))
    except StoreError as error:
        raise NotReservedError(str(error)) from error
    if isinstance(intent, CallResult):
        outcome, detail = str(intent.outcome), intent.detail
        ctx.log(LogEvent.CALL_NOT_MADE, task_id=spec.task_id, model=spec.model, outcome=outcome, detail=detail)
        return intent
    result, milliseconds = _ask(ctx, intent, model, client, until)
    interpretation, now = interpret(result), ctx.clock.now()
    update = _health_update(ctx, model, view.model, interpretation.result, now)
    settled = price_call(ctx, intent, interpretation.result, now, milliseconds)
    return book_call(ctx, settled, update, interpretation, until)


def _health_update(ctx: Context, model: Model, state: ModelState, result: CallResult, now: datetime) -> HealthUpdate:
    """Return what every instance is to know of the model, and of those that share an account that is concerned."""
    concerns_account = state.account or result.outcome is Outcome.ACCOUNT
    sharing = ctx.policy.sharing_account(model) if concerns_account else ()
    return model_health.health_update(state, result, now, sharing)


def book_call(
    ctx: Context, settled: Settled, health: HealthUpdate, interpretation: Interpretation, until: datetime
) -> CallResult:
    """Settle a call that was made, and return how it ended.

    Raises:
        StoreError: It could not be settled.
    """
    spec = settled.intent.spec
    shares = share_out(spec.sharers, settled.cost_nano, settled.usage)
    booking = settle_in_time(ctx, settled, health, until, interpretation.answer, shares, interpretation.subtasks)
    if not booking:
        ctx.log(LogEvent.OUTCOME_TOO_LATE, task_id=spec.task_id, turn=spec.attempt_id)
        return CallResult(Outcome.UNKNOWN, detail="closed by another", made=True)
    _report(ctx, settled)
    return replace(interpretation.result, made=True, task_cancelled=booking is Booking.TASK_CANCELLED)


def _without_key(ctx: Context, model: Model, view: LedgerView | None, detail: str) -> CallResult:
    """Return that there is no key, and keep it once, for the notice to the team. No model rests for it: a key is
    used as soon as it is stored.
    """
    result, now = CallResult(Outcome.ACCOUNT, detail=detail, account=AccountTrouble.KEY), ctx.clock.now()
    if view and not view.model.account:
        sharing = ctx.policy.sharing_account(model)
        update = model_health.health_update(view.model, replace(result, until=now), now, sharing)
        try:
            ctx.ledger.record_health(model.id, update)
        except StoreError as error:
            raise NotReservedError(str(error)) from error
    return result


def reserve_call(ctx: Context, spec: CallSpec, model: Model, view: LedgerView) -> Intent | CallResult:
    """Reserve what the call may cost and write its intent; return why not when a guard or the budget says no."""
    billing, quota = ctx.policy.billing(model), ctx.policy.quota(model)
    tokens = spec.input_reserved(model)
    for _ in range(_MOST_RACES):
        now = ctx.clock.now()
        if view.day != (today := local_day(now, ctx.zone)):  # it has passed midnight, and perhaps the month's end
            view = replace(ctx.ledger.look(None, model.id, today), task=view.task)
        view = with_limits(ctx, view, spec)
        worst_nano = 0 if billing is Billing.FREE else spec.worst_cost_nano(model, now)
        admission = model_health.admit(view.model, quota, tokens, now)
        if isinstance(admission, CallResult):
            return admission
        charge = charge_of(ctx, spec, worst_nano, view, now)
        if worst_nano and (refusal := budget.check_budget(charge, view.counters, now, ctx.zone)):
            caps = budget.used_up(charge, view.counters)
            if caps and spec.purpose not in (Purpose.AUDIT, Purpose.COMPARISON):  # left out, and refused to nobody
                ctx.ledger.record_refusal(charge.month, caps, now)
            return refusal
        paces = let_begin(ctx, spec, view, now)
        if isinstance(paces, CallResult):
            return paces
        intent = Intent(spec, RowKey.of(spec.task_id, spec.attempt_id, now), now, billing, charge)
        reservation = ctx.ledger.reserve(intent, admission, view.model, paces)
        if reservation.made:
            return intent
        if reservation.attempt_used:
            return CallResult(Outcome.UNKNOWN, detail="attempt used")
        view = replace(ctx.ledger.look(None, model.id, today), task=view.task)
    return CallResult(Outcome.BUSY, retry_after=1.0, detail="others were faster", ours=True)


def _ask(ctx: Context, intent: Intent, model: Model, client: ModelClient, until: datetime) -> tuple[CallResult, int]:
    """Ask the provider; return the result and its milliseconds. A slot that has grown old is not used."""
    began = ctx.clock.now()
    if ctx.policy.quota(model) and began - intent.at > model_health.SLOT_USABLE_FOR:
        return CallResult(Outcome.NOT_SENT, detail="slot grew old", ours=True), 0
    spec = intent.spec
    result = client.ask(spec.request(model, max((until - began).total_seconds(), 1.0)))
    milliseconds = int((ctx.clock.now() - began) / timedelta(milliseconds=1))
    if result.outcome is Outcome.INVALID and spec.input_bytes + spec.output_cap(model) > model.context_window:
        result = replace(result, outcome=Outcome.TOO_LONG)
    return result, milliseconds


def price_call(ctx: Context, intent: Intent, result: CallResult, now: datetime, milliseconds: int) -> Settled:
    """Return what the call cost: by the model id in the response, or what was reserved when that is not known."""
    usage, billed_model, cost_known = result.usage or Usage(), intent.spec.model, result.cost_known
    cost_nano = 0 if cost_known else intent.charge.amount
    if cost_known and result.usage:
        try:
            model = ctx.policy.catalog.billed_as(result.answered_by or intent.spec.model)
        except UnknownPriceError:
            cost_known, cost_nano, billed_model = False, intent.charge.amount, str(result.answered_by)
        else:
            billed_model = model.id
            free = ctx.policy.billing(model) is Billing.FREE or result.unbilled
            cost_nano = 0 if free else model.cost_nano(usage, intent.at, batch=result.batch, regional=result.regional)
    return Settled(intent, result, cost_nano, cost_known, billed_model, usage, now, milliseconds)


def _report(ctx: Context, settled: Settled) -> None:
    """Log and count one settled call."""
    spec, result = settled.intent.spec, settled.result
    ctx.log(
        LogEvent.CALL_SETTLED,
        task_id=spec.task_id,
        turn=spec.attempt_id,
        model=spec.model,
        outcome=str(result.outcome),
        cost_nano=settled.cost_nano,
        cost_known=settled.cost_known,
        milliseconds=settled.milliseconds,
        detail=result.detail,
    )
    if not settled.cost_known:
        ctx.count("UnknownCost")
    if settled.cost_nano > settled.intent.charge.amount:
        ctx.log(LogEvent.COST_ABOVE_RESERVATION, task_id=spec.task_id, turn=spec.attempt_id, level="error")
    paid_answer = result.outcome in GOOD and settled.intent.billing is Billing.PAID
    if spec.came_from and paid_answer and ctx.policy.is_free(spec.came_from):
        ctx.count("FreeToPaidHops")


def close_open_intent(ctx: Context, record: TaskRecord) -> None:
    """Settle the attempt that the task has open, if any."""
    if record.open_intent and (intent := ctx.ledger.find_intent(record.open_intent)):
        close_unknown(ctx, intent)


def close_unknown(ctx: Context, intent: Intent) -> None:
    """Settle an intent whose call nobody can tell the end of, at its reserved cost."""
    now = ctx.clock.now()
    settled = price_call(ctx, intent, CallResult(Outcome.UNKNOWN, detail="no outcome was written"), now, 0)
    shares = share_out(intent.spec.sharers, settled.cost_nano, settled.usage)
    if ctx.ledger.settle(settled, HealthUpdate(), None, shares):
        _report(ctx, settled)
