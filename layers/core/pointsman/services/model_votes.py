"""What a classification request asks for, how its answer is read, and by which key it is remembered."""

import hashlib
import math
import unicodedata
from typing import Any

from pointsman.values import lenient_json
from pointsman.values.taxonomy import TaskType


def text_key(prompt: str) -> str:
    """Return what texts have in common that differ in case, spacing and ways of encoding only."""
    plain = " ".join(unicodedata.normalize("NFKC", prompt).casefold().split())
    return hashlib.sha256(plain.encode()).hexdigest()


def vote_schema(count: int) -> dict[str, Any]:
    """Return the JSON Schema of an answer for so many messages."""
    verdict = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "enum": [str(number) for number in range(1, count + 1)]},
            "type": {"type": "string", "enum": [str(kind) for kind in TaskType]},
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


def read_votes(answer: str, task_ids: list[str]) -> dict[str, tuple[TaskType, float]]:
    """Return the votes of an answer, by task id. Malformed, duplicate or unmatched votes are ignored."""
    try:
        entries = lenient_json.read_object(answer, ("verdicts",))["verdicts"]
    except lenient_json.UnreadableError:
        return {}
    votes: dict[str, tuple[TaskType, float]] = {}
    repeated: set[str] = set()
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict):
            continue
        try:
            number, kind = int(str(entry["id"])), TaskType(str(entry["type"]))
            confidence = float(str(entry["confidence"]))
        except (KeyError, ValueError):
            continue
        if not 1 <= number <= len(task_ids) or not math.isfinite(confidence):
            continue
        task_id = task_ids[number - 1]
        if task_id in votes:
            repeated.add(task_id)
        votes[task_id] = (kind, min(max(confidence, 0.0), 1.0))
    return {task_id: vote for task_id, vote in votes.items() if task_id not in repeated}
