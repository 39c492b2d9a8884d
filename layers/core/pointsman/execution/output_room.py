"""How much a model may think and write in one call, and what the next call changes after an answer without use.

Thinking counts against the output cap, so that an answer can be all thinking: the same request would be paid twice for
nothing.
"""

from dataclasses import dataclass

from pointsman.contracts.task import Task
from pointsman.execution.records import TaskRecord
from pointsman.routing.catalog import Model
from pointsman.routing.config import Pointsman
from pointsman.values.effort import Effort
from pointsman.values.taxonomy import TaskType, Tier

DEFAULT_OUTPUT_CAPS = {Tier.ORCHESTRATION: 8_192, Tier.IMPLEMENTATION: 16_384, Tier.REASONING: 16_384}
"""Output tokens of a call where neither the task nor `openclaw.json` caps them: an answer as long as usual, and thrice
that for thinking."""
LEAST_DEFAULT_CAP = 4_096
"""A default cap is halved down to here while the budget does not hold it."""
CAP_GROWTH = 4
"""How many times as large the output cap becomes where thinking cannot be turned off."""
THINKING_ROOM = 8_192
"""Tokens beside a short answer for a model that may think even at its lowest effort. One has spent 2,999 on the
question whether a service is up (google/adk-python 1357)."""


@dataclass(frozen=True, slots=True)
class OutputRoom:
    """What is sent to the provider, and reserved."""

    effort: Effort | None
    """One that the model knows; None: nothing is sent."""
    cap: int
    """Output tokens, thinking included."""
    least_cap: int
    """What a tight budget may lower the cap to."""


def bounded_task(options: Pointsman, task: Task, record: TaskRecord, tier: Tier) -> Task:
    """Return the task; one that an answer handed out asks for no more output than its tier's cap."""
    if task.max_output_tokens is None or record.family is None or record.family.name == record.task_id:
        return task
    most = options.output_cap_of(tier, record.type) or DEFAULT_OUTPUT_CAPS[tier]
    return task.model_copy(update={"max_output_tokens": min(task.max_output_tokens, most)})


def task_room(options: Pointsman, task: Task, tier: Tier, kind: TaskType | None, model: Model) -> OutputRoom:
    """Return the room of a task's first call to the model.

    The task goes before its type in `openclaw.json`, that before the tier, that before the default.
    """
    effort = model.effort(task.effort or options.effort_of(tier, kind))
    stated = task.max_output_tokens or options.output_cap_of(tier, kind)
    cap = min(stated or DEFAULT_OUTPUT_CAPS[tier], model.max_output)
    return OutputRoom(effort, cap, cap if stated else min(cap, LEAST_DEFAULT_CAP))


def brief_room(model: Model, tokens: int) -> OutputRoom:
    """Return the room of a question that needs no thinking and an answer of so many tokens."""
    cap = tokens + (THINKING_ROOM if model.may_think_anyway else 0)
    return OutputRoom(model.effort(Effort.NONE), cap, cap)


def room_after(first: OutputRoom, unusable: int, model: Model, limit: int | None) -> OutputRoom | None:
    """Return the room of the next call after so many answers of the model that were of no use.

    The first change is the lowest effort at once, which ends thinking where it can be ended; where it cannot, or has
    been, the cap grows as well, up to the model's and to the task's `limit`. None: nothing is left to change.
    """
    room = first
    for _ in range(unusable):
        effort, cap = _changed(room, model, limit)
        if (effort, cap) == (room.effort, room.cap):
            return None
        room = OutputRoom(effort, cap, room.cap)
    return room


def _changed(room: OutputRoom, model: Model, limit: int | None) -> tuple[Effort | None, int]:
    effort, least = room.effort, model.least_effort()
    if model.thinking and (effort or model.thinking.default) is not least:
        effort = least
        if model.thinking.can_be_off:
            return effort, room.cap
    return effort, max(room.cap, min(room.cap * CAP_GROWTH, limit or model.max_output, model.max_output))
