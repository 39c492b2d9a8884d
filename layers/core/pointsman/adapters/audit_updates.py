"""Updates of the task's item by its audit and by the comparisons of its two answers."""

from datetime import datetime

from pointsman.adapters.dynamo import Update
from pointsman.adapters.task_item import place
from pointsman.adapters.task_updates import while_status
from pointsman.execution.calls import Intent, Settled
from pointsman.execution.comparison import Preferred
from pointsman.execution.records import Payload
from pointsman.values.status import Status
from pointsman.values.times import to_text


def audit_taken(intent: Intent) -> Update:
    """Take the audit, once, of a completed task; its generation then never changes."""
    audit = {**place(intent.key), "model": intent.spec.model, "at": to_text(intent.at)}
    update = Update().set({"audit": audit})
    update.only_if(f"attribute_not_exists({update.name('audit')})")
    return while_status(update, Status.COMPLETED)


def comparison_taken(intent: Intent) -> Update:
    """Take a comparison about an audited task, once, and none before it any more."""
    comparison = intent.spec.comparison
    assert comparison is not None
    path = ("audit", "compared")
    update = Update().set_path(path, comparison.number)
    update.only_if(f"attribute_type({update.name(('audit', 'outcome'))}, {update.value('S')})")
    taken = update.name(path)
    update.only_if(f"attribute_not_exists({taken}) OR {taken} < {update.value(comparison.number)}")
    return while_status(update, Status.COMPLETED)


def audit_settled(settled: Settled, answer: Payload | None) -> Update:
    """Store how the audit's call ended, and its answer."""
    update, values = Update(), {"outcome": str(settled.result.outcome), "cost_nano": settled.cost_nano}
    values |= {"answer": answer.inline, "answer_ref": answer.ref} if answer else {}
    for name, value in values.items():
        if value is not None:
            update.set_path(("audit", name), value)
    return update.only_if(f"{update.name(('audit', 'row'))} = {update.value(settled.intent.key.row)}")


def person_judged(better: Preferred, at: datetime) -> Update:
    """Store which answer a person finds better, over an earlier word, once there are two."""
    update = Update().set_path(("audit", "judgement"), {"better": str(better), "at": to_text(at)})
    return update.only_if(f"attribute_type({update.name(('audit', 'outcome'))}, {update.value('S')})")
