"""The events: of a task's end, which also goes to whoever asked to be answered; of a task that is held; of a used-up
budget; of an account that is not served.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from pointsman.execution import subtasks
from pointsman.execution.budget import Cap
from pointsman.execution.records import TaskRecord
from pointsman.execution.waiting import Waiting, waited_for
from pointsman.values import strict_json
from pointsman.values.lane import Lane
from pointsman.values.money import usd
from pointsman.values.status import Status

EVENT_VERSION = 1
DETAIL_TYPES = {
    Status.COMPLETED: "Task Completed",
    Status.FAILED: "Task Failed",
    Status.REJECTED: "Task Rejected",
    Status.CANCELLED: "Task Cancelled",
}
TASK_HELD = "Task Held"
BUDGET_USED_UP = "Budget Used Up"
ACCOUNT_NOT_SERVED = "Account Not Served"
FREE_CALLS_BILLED = "Free Calls Billed"
QUALITY_DROPPED = "Quality Dropped"
LARGEST_ANSWER = 65_536
"""UTF-8 bytes of an answer that travels inside the event; a larger one by reference."""
LARGEST_DETAIL = 240_000
"""UTF-8 bytes of the whole detail: EventBridge takes 256 KiB, and escaping can make an answer six times as long."""

LARGEST_CAUSE = 32_768
"""Characters of the cause with which Step Functions lets a task token fail."""
LONGEST_REF = 256
"""Characters of an `answer_ref`: bucket, id and turn have at most 160."""


@dataclass(frozen=True, slots=True)
class NoticeKey:
    """Which notice to the team it is."""

    topic: str
    """A month, or what else the notices of one item are about."""
    name: str
    """Which of the topic's notices: one name is told again only with another occurrence."""
    occurrence: str = ""
    """When and as what it began; empty for what happens once."""


def detail_of(record: TaskRecord, answer: str | None, answer_ref: str | None) -> dict[str, Any]:
    """Return the event's detail; `answer` is None where only `answer_ref` (an S3 URI) tells it, or there is none."""
    return {
        "version": EVENT_VERSION,
        "task_id": record.task_id,
        "parent_id": record.parent_id,
        "generation": record.generation,
        "status": str(record.status),
        "type": record.type,
        "tier": record.tier,
        "model": record.model,
        "effort": record.effort,
        "lane": str(record.lane.lane if record.lane else Lane.STANDARD),
        "answer": answer,
        "answer_ref": answer_ref,
        "truncated": record.truncated,
        "usage": record.usage,
        "cost_nano_usd": record.cost_nano,
        "attempts": record.attempts,
        "reason": record.reason,
        "waiting_for": waited_for(record),
        "metadata": record.metadata,
        "sender": record.sender,
    }


def held_detail(record: TaskRecord, waiting: Waiting) -> dict[str, Any]:
    """Return the detail of a task that a budget holds: that of its end as far as it is known, and what it waits for."""
    return {**detail_of(record, None, None), "status": waiting.view, "waiting_for": waiting.as_document()}


def fits(detail: dict[str, Any]) -> bool:
    """Return whether the detail, with its answer inside, is small enough to travel."""
    answer = detail["answer"]
    if answer is not None and len(answer.encode()) > LARGEST_ANSWER:
        return False
    return len(strict_json.portable(strict_json.dumps(detail)).encode()) <= LARGEST_DETAIL


def family_detail(record: TaskRecord, answers: Sequence[tuple[str | None, str | None]]) -> dict[str, Any]:
    """Return the detail of a task with subtasks: its own, and how each of them stood when it ended.

    `answers` are text and reference as `detail_of` takes them: the task's own first, then one pair for each subtask.
    """
    parent_answer, *subtask_answers = answers
    together = record.cost_nano + sum(end.cost_nano_usd for end in record.results)
    return {
        **detail_of(record, *parent_answer),
        "partial": subtasks.is_partial(record),
        "subtask_counts": subtasks.status_counts(record.results),
        "cost_with_subtasks_nano_usd": together,
        "subtasks": [
            {**end.as_item(), "answer": answer, "answer_ref": ref}
            for end, (answer, ref) in zip(record.results, subtask_answers, strict=True)
        ],
    }


def as_cause(detail: str) -> str:
    """Return the detail of a task without success as JSON of at most `LARGEST_CAUSE` characters.

    A longer one lacks the answers of its subtasks, then the longest entries of its metadata; `left_out` names what it
    lacks.
    """
    if len(detail) <= LARGEST_CAUSE:
        return detail
    fields = cast("dict[str, Any]", strict_json.loads(detail))
    left_out: list[str] = []
    if "subtasks" in fields:
        fields["subtasks"] = [{**end, "answer": None} for end in fields["subtasks"]]
        left_out.append("subtasks.answer")
    metadata = sorted(fields["metadata"].items(), key=lambda entry: len(strict_json.dumps(entry)))
    cause = strict_json.dumps({**fields, "left_out": left_out})
    while len(cause) > LARGEST_CAUSE and metadata:
        metadata.pop()
        cause = strict_json.dumps({**fields, "metadata": dict(metadata), "left_out": [*left_out, "metadata"]})
    return cause


def inside(record: TaskRecord, answers: Sequence[str | None]) -> frozenset[int]:
    """Return which answers travel inside the detail of a task with subtasks, the shortest first, the others by
    reference: then it fits.
    """
    bare = family_detail(record, [(None, "x" * LONGEST_REF)] * len(answers))
    room, chosen = LARGEST_DETAIL - len(strict_json.dumps(bare).encode()), set[int]()
    sizes = {
        place: len(strict_json.portable(strict_json.dumps(text)).encode())
        for place, text in enumerate(answers)
        if text is not None
    }
    for place in sorted(sizes, key=lambda place: (sizes[place], place)):
        room -= sizes[place]
        if room < 0:
            break
        if len((answers[place] or "").encode()) <= LARGEST_ANSWER:
            chosen.add(place)
    return frozenset(chosen)


def quality_drop_detail(quarter: str, kind: str, name: str, baseline: str, points: float, pairs: int) -> dict[str, Any]:
    """Return the detail of answers that are worse than the baseline's beyond doubt, in the quarter that began then."""
    return {
        "version": EVENT_VERSION,
        "quarter": quarter,
        "kind": kind,
        "name": name,
        "baseline": baseline,
        "points": round(points, 2),
        "pairs": pairs,
    }


def budget_detail(month: str, cap: Cap, spent_nano: int, since: str | None) -> dict[str, Any]:
    """Return the detail of a cap on the month that is reached; `since` is when it first refused a call, if it did."""
    return {
        "version": EVENT_VERSION,
        "month": month,
        "cap": cap.counter,
        "limit_nano_usd": cap.limit,
        "spent_nano_usd": spent_nano,
        "refusing_since": since,
    }


def budget_words(month: str, cap: Cap, spent_nano: int, since: str | None) -> tuple[str, str]:
    """Return the same for people: a subject of one ASCII line, and a text."""
    tier = cap.counter.removeprefix("month").removeprefix("_")
    whose, key = (f"tier {tier}", f"tiers.{tier}.month_usd") if tier else ("all tiers", "month_usd")
    lines = [
        f"${usd(spent_nano):,.6f} of ${usd(cap.limit):,.6f} is spent in {month} ({whose}).",
        f"Since {since} calls are refused that might cost more than what is left." if since else "",
        "What becomes of their tasks is pointsman.budget.when_exhausted in openclaw.json: refuse, hold or degrade.",
        f"To go on, raise pointsman.budget.{key} there and deploy; else calls begin again with the next month.",
    ]
    return f"Pointsman: the budget of {month} is used up ({whose})", "\n".join(line for line in lines if line) + "\n"
