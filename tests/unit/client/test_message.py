"""What a Python caller says of a task, and what is sent for it."""

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.client import InvalidTaskError, Sent
from pointsman.client.message import body_of, task_fields
from pointsman.contracts.message_validation import validate_message
from pointsman.contracts.task import ID_PATTERN
from pointsman.execution.records import RejectedMessage, TaskRecord
from pointsman.values.status import Status

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1)


def sent_for(prompt: str, **fields: Any) -> Sent:
    body = body_of(task_fields(prompt, fields))  # type: ignore[arg-type]
    assert validate_message(body).error is None, validate_message(body).error
    return Sent.of("m-1", body)


@given(key=texts)
def test_a_key_gives_one_valid_id(key: str) -> None:
    first, second = (sent_for("x", idempotency_key=key) for _ in range(2))
    assert first == second
    assert re.fullmatch(ID_PATTERN, first.task_id)


@given(one=texts, other=texts)
def test_different_keys_give_different_ids(one: str, other: str) -> None:
    ids = {sent_for("x", idempotency_key=key).task_id for key in (one, other)}
    assert len(ids) == len({one, other})


def test_call_without_idempotency_key_is_a_new_task() -> None:
    assert sent_for("x").task_id != sent_for("x").task_id
    assert sent_for("x", task_id="t-1").task_id == "t-1"


@given(prompt=texts.map(lambda text: f"x{text}"), metadata=st.dictionaries(texts, texts, max_size=3))
def test_message_fields_arrive_unchanged(prompt: str, metadata: dict[str, str]) -> None:
    task = validate_message(body_of(task_fields(prompt, {"metadata": metadata, "system": None, "private": True}))).task
    assert task
    assert (task.prompt, task.metadata, task.system, task.private) == (prompt, metadata, None, True)


def test_a_deadline_may_be_a_datetime() -> None:
    deadline = datetime(2026, 12, 31, 18, 0, tzinfo=timezone(timedelta(hours=1)))
    task = validate_message(body_of(task_fields("x", {"deadline": deadline}))).task
    assert task
    assert task.deadline == datetime(2026, 12, 31, 17, 0, tzinfo=UTC)
    naive = validate_message(body_of(task_fields("x", {"deadline": datetime(2026, 12, 31, 18, 0)})))  # noqa: DTZ001
    assert naive.error == "deadline: must be an RFC 3339 date-time with an offset, like 2026-12-31T18:00:00Z"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"idempotency_key": ""}, "idempotency_key: must not be empty"),
        ({"idempotency_key": "k", "task_id": "t"}, "nor stand beside task_id"),
        ({"idempotency_key": "\ud800"}, "UTF-8"),
        ({"system": "\ud800"}, "UTF-8"),
        ({"metadata": {"a": object()}}, "what JSON has"),
        ({"max_output_tokens": float("nan")}, "what JSON has"),
    ],
)
def test_unserialisable_field_is_rejected_without_showing_its_value(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidTaskError, match=re.escape(told)):
        body_of(task_fields("x", fields))  # type: ignore[arg-type]


def test_a_misspelt_field_is_an_error_and_not_ignored() -> None:
    with pytest.raises(TypeError, match="no field 'teir'; choose from task_id, idempotency_key, type, tier"):
        task_fields("x", {"teir": "reasoning"})  # type: ignore[typeddict-unknown-key]


def test_a_task_of_the_same_id_and_other_content_is_not_taken_for_it() -> None:
    body = json.dumps({"prompt": "x", "task_id": "t-1"})
    sent = Sent.of("m-1", body)
    other = TaskRecord("t-1", Status.COMPLETED, fingerprint="of other content")
    conflict = TaskRecord(
        "m-1", Status.REJECTED, reason="task_id: …", rejection=RejectedMessage("task_id_conflict", "m-1", None)
    )
    assert sent.fate({"t-1": other}) is None
    assert sent.fate({"t-1": other, "m-1": conflict}) is conflict
    record = TaskRecord("t-1", Status.STARTED, fingerprint=sent.fingerprint or "")
    assert sent.fate({"t-1": record}) is record
