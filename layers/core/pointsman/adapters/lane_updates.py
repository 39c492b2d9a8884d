"""The updates of the task's item by which it comes into the economy lane and leaves it."""

from datetime import datetime

from pointsman.adapters.dynamo import Update
from pointsman.adapters.task_updates import claim_started
from pointsman.execution.records import POOLED
from pointsman.routing.lanes import LaneChoice
from pointsman.values.times import to_text


def pooled(at: datetime) -> Update:
    """Mark a claimed task as started, and as waiting for a batch of the economy lane."""
    return claim_started(at).set({"attention": POOLED, "attention_since": to_text(at)})


def lane_changed(lane: LaneChoice) -> Update:
    """Keep what becomes of a task in the pool of the economy lane: from then on no batch takes it."""
    update = Update().set({"lane": lane.as_item()})
    return update.only_if(f"{update.name('attention')} = {update.value(POOLED)}")


def sent_on() -> Update:
    """Take a task out of the economy lane's care, once its execution is there."""
    update = Update().remove(["attention", "attention_since"])
    return update.only_if(f"{update.name('attention')} = {update.value(POOLED)}")
