"""Every update of the task's item: `TaskTable` carries most of them out, `DynamoUsageLedger` some together with the
ledger's rows. Each is conditional; the function's name says what the task is afterwards.
"""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pointsman.adapters.dynamo import Update
from pointsman.adapters.task_item import USED, expires_at, place
from pointsman.execution.calls import Intent, Purpose, Settled
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.outcome import GOOD, UNCHECKED, CheckResult, Outcome
from pointsman.execution.records import (
    ATTENTION,
    IN_BATCH,
    MOST_REPLIES,
    POOLED,
    CheckedAnswer,
    Correction,
    Payload,
    SubtaskBatch,
    TaskRecord,
)
from pointsman.routing.decision import Decision
from pointsman.routing.lanes import LaneChoice
from pointsman.values.status import CANCEL_REASON, ENDED, Status
from pointsman.values.times import to_ms, to_text

_UNDELIVERED = ("attention", "attention_since", "told", "unreached")
_OF_ONE_GENERATION = (
    *_UNDELIVERED,
    *("started_at", "ended_at", "delivered_at", "attempts", "model", "effort", "answer", "answer_ref", "truncated"),
    *("reason", "verdict", "subtasks", "drafts", "drafts_ref", "results", "closed_by", "cancel_asked_at"),
    *("waited_for", "lane"),
)
"""What a replay forgets of the failed generation. `rows`, tokens and costs are the task's, over all generations."""


def renewed(owner: str, lease_until: datetime, now: datetime) -> Update:
    """Take over an expired lease of a claimed task."""
    update = Update().set({"lease_owner": owner, "lease_until": to_ms(lease_until)})
    return while_status(update, Status.CLAIMED).only_if(f"{update.name('lease_until')} <= {update.value(to_ms(now))}")


def decided(owner: str, decision: Decision, execution_input: str, lane: LaneChoice | None, deadline: str) -> Update:
    """Store decision and input under the owner's lease, and the lane with the deadline that it moves."""
    update = Update().set({"decision": decision.as_dict(), "input": execution_input})
    if lane:
        update.set({"lane": lane.as_item(), "deadline": deadline})
    return update.only_if(f"{update.name('lease_owner')} = {update.value(owner)}")


def corrected(correction: Correction) -> Update:
    """Store a correction of a decision, over an earlier one."""
    update = Update().set({"correction": correction.as_item()})
    return update.only_if(f"attribute_exists({update.name('decision')})")


def started(at: datetime) -> Update:
    """Mark a task as started that is claimed, or has started before."""
    update = Update().set({"status": Status.STARTED}).set_once({"started_at": to_text(at)})
    return update.remove(["lease_until", "lease_owner"])


def claim_started(at: datetime) -> Update:
    """Mark a claimed task as started."""
    return while_status(started(at), Status.CLAIMED)


def reply_added(reply_to: str) -> Update:
    """Add a place to reply to, once, while the task has not ended and has room."""
    update = Update().append("reply_to", reply_to)
    places = update.name("reply_to")
    update.only_if(f"attribute_not_exists({places}) OR size({places}) < {update.value(MOST_REPLIES)}")
    update.only_if(f"NOT contains({update.name('reply_to')}, {update.value(reply_to)})")
    return _not_in(update, ENDED)


def failed(generation: int, reason: str, at: datetime, waited_for: Mapping[str, Any] | None = None) -> Update:
    """End a task of that generation that has not ended, has no answer and no attempt open."""
    stored = dict(waited_for) if waited_for else None
    update = _ended(Update().set({"reason": reason, "waited_for": stored}), Status.FAILED, at)
    for name in ("answer", "answer_ref"):
        update.only_if(f"attribute_not_exists({update.name(name)})")
    return _not_to_be_cancelled(_not_ended(update, generation)).only_if("attribute_not_exists(open_intent)")


def cancelled(generation: int, at: datetime) -> Update:
    """End a task of that generation that has not ended and has no attempt open, whatever it has come to."""
    update = _ended(Update().set({"reason": CANCEL_REASON}), Status.CANCELLED, at).remove(
        ["lease_until", "lease_owner"]
    )
    return _not_ended(update, generation).only_if("attribute_not_exists(open_intent)")


def cancel_asked(generation: int, at: datetime) -> Update:
    """Mark a task of that generation whose attempt is open: that attempt's settlement ends it as cancelled."""
    update = Update().set_once({"cancel_asked_at": to_text(at)})
    return _not_ended(update, generation).only_if("attribute_exists(open_intent)")


def completed(record: TaskRecord, at: datetime) -> Update:
    """End a task of the record's generation that has not ended and has no attempt open, by the answer that it has."""
    model = record.checked.model if record.checked else None
    update = _ended(Update().set({"model": model}), Status.COMPLETED, at)
    _not_to_be_cancelled(_not_ended(update, record.generation))
    return update.only_if("attribute_not_exists(open_intent)")


def waiting(generation: int) -> Update:
    """Mark a task of that generation that has not ended as waiting for its subtasks."""
    return _not_ended(Update().set({"status": Status.WAITING}), generation)


def closed(record: TaskRecord, at: datetime) -> Update:
    """End a task of the record's generation that has not ended, by its subtasks."""
    update = _ended(Update().set({"reason": record.reason}), record.status, at)
    update.set({"results": [end.as_item() for end in record.results], "closed_by": record.closed_by})
    return _not_ended(update, record.generation)


def marked_delivered(generation: int, at: datetime) -> Update:
    """Mark the task's end as told, and clear what asked for attention."""
    return _of_generation(Update().set({"delivered_at": to_text(at)}).remove(_UNDELIVERED), generation)


def reached(generation: int, place: str) -> Update:
    """Add a place that knows the task's end, while others do not."""
    update = _of_generation(Update().append("told", place), generation)
    update.only_if(f"NOT contains({update.name('told')}, {update.value(place)})")
    return update.only_if("attribute_not_exists(delivered_at)")


def needing_attention(record: TaskRecord, at: datetime) -> Update:
    """Store who knows of a task's end and who could not be reached, on the sparse index that the sweep reads."""
    update = Update().set({"attention": ATTENTION, "attention_since": record.attention_since or to_text(at)})
    update.set({"told": record.notified, "unreached": record.undelivered})
    _of_generation(update, record.generation)
    return update.only_if("attribute_exists(task_id) AND attribute_not_exists(delivered_at)")


def replayed(record: TaskRecord, now: datetime) -> Update:
    """Claim the record's generation over the failed one before it, whose attempts are all settled."""
    update = Update().set(
        {
            "status": Status.CLAIMED,
            "generation": record.generation,
            "lease_owner": record.lease_owner,
            "lease_until": record.lease_until,
            "decision": record.decision.as_dict() if record.decision else None,
            "input": record.execution_input,
            "deadline": record.deadline,
            "expires_at": expires_at(now, record.deadline),
        }
    )
    _of_generation(while_status(update.remove(_OF_ONE_GENERATION), Status.FAILED), record.generation - 1)
    return update.only_if("attribute_not_exists(open_intent)")


def attempt_taken(intent: Intent) -> Update:
    """Take an attempt, each of which a task gives once, so that a repeated invocation cannot call again; the first one
    starts the task.
    """
    attempt_id = intent.spec.attempt_id
    update = started(intent.at).set({"last_turn": attempt_id, "open_intent": place(intent.key)})
    update.append("rows", intent.key.text)
    if intent.spec.batch_entry:
        update.set({"attention": IN_BATCH, "attention_since": to_text(intent.at)})
    last = update.name("last_turn")
    update.only_if(f"attribute_not_exists({last}) OR {last} < {update.value(attempt_id)}")
    update.only_if(f"attribute_not_exists({update.name('subtasks')})")
    return _not_to_be_cancelled(_not_in(update, ENDED))


def attempt_settled(settled: Settled, answer: Payload | None, subtasks: SubtaskBatch | None) -> Update:
    """Close the open attempt: tokens and cost, and the answer unless the task has ended meanwhile."""
    result, update = settled.result, _not_to_be_cancelled(intent_cleared(settled.intent.key))
    _count(update, settled)
    update.set({"model": settled.billed_model, "cost_known": None if settled.cost_known else False})
    if result.outcome in GOOD and answer:
        checked = _checked(settled)
        update.set({"answer": answer.inline, "answer_ref": answer.ref, "verdict": checked and checked.as_item()})
        update.set({"truncated": result.outcome is Outcome.TRUNCATED})
        effort = settled.intent.spec.effort
        update.set({"effort": effort and str(effort)})
        outdated = ["answer_ref" if answer.ref is None else "answer", *(["effort"] if effort is None else [])]
        update.remove(outdated)  # of a first answer that was kept
        if subtasks:
            update.set(_waiting_for(subtasks, settled.at))
        elif not (result.check and result.check.pending):
            _ended(update, Status.COMPLETED, settled.at)
        else:
            _back_in_pool(update, settled)
        return _not_in(update, ENDED)
    if settled.intent.spec.batch_entry:
        _not_in(_back_in_pool(update, settled), ENDED)
    return update


def _back_in_pool(update: Update, settled: Settled) -> Update:
    """Have the economy lane begin the workflow of a task that has not ended with its entry in a batch."""
    if settled.intent.spec.batch_entry:
        update.set({"attention": POOLED, "attention_since": to_text(settled.at)})
    return update


def checked(record: TaskRecord, check: CheckResult, at: datetime) -> Update:
    """Store what the checks said of the answer that stands unchecked, and end the task unless it goes on."""
    attempt_id = record.checked.attempt_id if record.checked else ""
    update = Update()
    for path, expected in ((("verdict", "failed"), UNCHECKED), (("verdict", "turn"), attempt_id)):
        update.only_if(f"{update.name(path)} = {update.value(expected)}")
    update.set_path(("verdict", "passed"), check.failed is None)
    if check.failed is None:
        update.remove([("verdict", "failed")])
    else:
        update.set_path(("verdict", "failed"), check.failed)
    if not check.pending:
        _ended(update, Status.COMPLETED, at)
    return _not_to_be_cancelled(_not_ended(update, record.generation))


def attempt_cancelled(settled: Settled) -> Update:
    """Close the open attempt of a task that is to be cancelled, and end the task: cost and tokens alone are kept."""
    update = intent_cleared(settled.intent.key)
    if settled.intent.spec.purpose is Purpose.TASK:  # a judge's are in the ledger alone
        _count(update, settled)
        update.set({"model": settled.billed_model, "cost_known": None if settled.cost_known else False})
    _ended(update.set({"reason": CANCEL_REASON}), Status.CANCELLED, settled.at)
    return _not_in(update, ENDED).only_if("attribute_exists(cancel_asked_at)")


def attempt_dropped(settled: Settled) -> Update:
    """Close the open attempt of a task that has ended without it: tokens and cost alone."""
    return _count(intent_cleared(settled.intent.key), settled)


def intent_cleared(key: RowKey) -> Update:
    """Forget an attempt that is settled, if it is the one that the task has open."""
    update = Update().remove(["open_intent"])
    return update.only_if(f"{update.name(('open_intent', 'row'))} = {update.value(key.row)}")


def attempt_counted(settled: Settled) -> Update:
    """Add the tokens and the cost of an attempt that the task has given up waiting for."""
    return _count(Update(), settled).only_if("attribute_exists(task_id)")


def judgement_settled(settled: Settled) -> Update:
    """Close the judge's attempt; what it found wanting stands with the answer, tokens and cost in the ledger alone."""
    update = _not_to_be_cancelled(intent_cleared(settled.intent.key))
    if settled.result.check:
        update.set_path(("verdict", "passed"), False)
        update.set_path(("verdict", "failed"), settled.result.check.failed)
    return update


def _ended(update: Update, status: Status, at: datetime) -> Update:
    """End a task: it is on the sweep's index until its end is delivered, whatever becomes of who delivers it."""
    update.set({"status": status, "ended_at": to_text(at)})
    return update.set({"attention": ATTENTION, "attention_since": to_text(at)})


def _count(update: Update, settled: Settled) -> Update:
    used = {USED + kind: count for kind, count in settled.usage.as_dict().items()}
    attempts = {} if settled.result.outcome is Outcome.NOT_SENT else {"attempts": 1}
    return update.add({**attempts, "cost_nano": settled.cost_nano, **used})


def _checked(settled: Settled) -> CheckedAnswer | None:
    if (check := settled.result.check) is None:
        return None
    return CheckedAnswer(check.failed, check.escalated_after, settled.billed_model, settled.intent.spec.attempt_id)


def _waiting_for(subtasks: SubtaskBatch, at: datetime) -> dict[str, Any]:
    """Return what a task gets that will wait; from here on the sweep looks after it, whatever happens to others."""
    return {
        "subtasks": [asdict(ref) for ref in subtasks.expected],
        "drafts": subtasks.drafts.inline,
        "drafts_ref": subtasks.drafts.ref,
        "deadline": subtasks.deadline,
        "attention": ATTENTION,
        "attention_since": to_text(at),
    }


def while_status(update: Update, status: Status) -> Update:
    """Let the update be made only while the task has that status."""
    return update.only_if(f"{update.name('status')} = {update.value(status)}")


def _not_in(update: Update, statuses: set[Status] | frozenset[Status]) -> Update:
    for status in sorted(statuses):
        update.only_if(f"{update.name('status')} <> {update.value(status)}")
    return update


def _of_generation(update: Update, generation: int) -> Update:
    return update.only_if(f"{update.name('generation')} = {update.value(generation)}")


def _not_to_be_cancelled(update: Update) -> Update:
    return update.only_if("attribute_not_exists(cancel_asked_at)")


def _not_ended(update: Update, generation: int) -> Update:
    _not_in(_of_generation(update, generation), ENDED | {Status.REJECTED})
    return update.only_if("attribute_exists(task_id)")
