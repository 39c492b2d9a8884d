"""What a classification request asks for, how its answer is read, and by which key it is remembered."""

import hashlib
import math
import unicodedata
from collections.abc import Iterable
from typing import Any, NamedTuple

from pointsman.contracts.task import Task
from pointsman.routing.classifier.local import FOLLOW_UP
from pointsman.routing.classifier.request import find_request
from pointsman.values import lenient_json
from pointsman.values.taxonomy import TaskType
from pointsman.values.turns import Role

LONGEST_SHOWN = 2_000
"""Characters of a message that is shown whole."""
LONGEST_ASKED = 1_200
"""Characters that are shown of what a longer one asks for."""
DIGESTED = 300
"""Characters of its beginning, and of its end, that are shown beside that."""
MOST_EARLIER = 5
"""Earlier questions of a conversation that are looked at."""
NOTHING = "none"
"""Stands for no second type in an answer."""


def earlier_questions(task: Task) -> list[str]:
    """Return what was asked before in a conversation, the latest first."""
    asked = [message.content for message in task.messages or () if message.role is Role.USER]
    asked = [text for text in asked if text.strip()]
    return asked[-2 : -2 - MOST_EARLIER : -1]


def text_key(prompt: str, earlier: Iterable[str] = ()) -> str:
    """Return what texts have in common that differ in case, spacing and ways of encoding only.

    In a conversation, what was asked `earlier` belongs to it.
    """
    said = "\n".join((prompt, *earlier))
    plain = " ".join(unicodedata.normalize("NFKC", said).casefold().split())
    return hashlib.sha256(plain.encode()).hexdigest()


def shown(task: Task) -> dict[str, str]:
    """Return what a model is shown of a message: all of a short one, of a long one the request and a digest; in a
    conversation also what was asked before it.
    """
    earlier = [find_request(text).text[:DIGESTED] for text in earlier_questions(task)[:1]]
    return _digest(task.prompt) | ({"asked_before": earlier[0]} if earlier else {})


def _digest(prompt: str) -> dict[str, str]:
    if len(prompt) <= LONGEST_SHOWN:
        return {"message": prompt}
    request = find_request(prompt)
    asked = request.text if request.found and request.text else f"{prompt[:LONGEST_ASKED]} […]"
    begins, ends = (" ".join(part.split()) for part in (prompt[:DIGESTED], prompt[-DIGESTED:]))
    digest = f"{len(prompt):,} characters in all, from: {begins} […] to: {ends}"
    return {"message": asked[:LONGEST_ASKED], "pasted": digest}


def vote_schema(count: int) -> dict[str, Any]:
    """Return the JSON Schema of an answer for so many messages."""
    verdict = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "enum": [str(number) for number in range(1, count + 1)]},
            "type": {"type": "string", "enum": [*map(str, TaskType), FOLLOW_UP]},
            "also": {"type": "string", "enum": [*map(str, TaskType), NOTHING]},
            "confidence": {"type": "number"},
        },
        "required": ["id", "type", "confidence"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"verdicts": {"type": "array", "items": verdict}},
        "required": ["verdicts"],
        "additionalProperties": False,
    }


class Vote(NamedTuple):
    """What an answer says of one message."""

    type: TaskType | None
    """None: it holds no task of its own."""
    confidence: float
    also: TaskType | None = None
    """A second type that fits as well."""


def read_votes(answer: str, task_ids: list[str]) -> dict[str, Vote]:
    """Return the votes of an answer, by task id. Malformed, duplicate or unmatched votes are ignored."""
    try:
        entries = lenient_json.read_object(answer, ("verdicts",))["verdicts"]
    except lenient_json.UnreadableError:
        return {}
    votes: dict[str, Vote] = {}
    repeated: set[str] = set()
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            continue
        try:
            number, named = int(str(entry["id"])), str(entry["type"])
            kind = None if named == FOLLOW_UP else TaskType(named)
            confidence = float(str(entry["confidence"]))
        except (KeyError, ValueError):
            continue
        if not 1 <= number <= len(task_ids) or not math.isfinite(confidence):
            continue
        task_id = task_ids[number - 1]
        if task_id in votes:
            repeated.add(task_id)
        votes[task_id] = Vote(kind, min(max(confidence, 0.0), 1.0), _also(entry.get("also"), kind))
    return {task_id: vote for task_id, vote in votes.items() if task_id not in repeated}


def _also(named: object, kind: TaskType | None) -> TaskType | None:
    """Return a second type; what is no type, or the first one again, counts for nothing."""
    return TaskType(str(named)) if kind and named in list(TaskType) and named != kind else None
