"""What an answer may hand out as subtasks, and how they add up."""

import json
import re
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devstack.fake_providers import structured
from pointsman.contracts.envelope import open_message
from pointsman.contracts.task import ID_PATTERN, Task
from pointsman.execution import events, subtasks
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.execution.records import Payload, SubtaskEnd, SubtaskRef, TaskRecord
from pointsman.execution.subtasks import NotASplitError, Parent
from pointsman.values import strict_json
from pointsman.values.status import ENDED, Status
from pointsman.values.taxonomy import TaskType
from pointsman.values.usage import Usage

SECRET = "words-of-the-sender"
PARENT = Parent("pay-7", 1, "2026-11-23T12:00:00.000Z", False, {"ticket": "PAY-7"})
IDS = st.from_regex(ID_PATTERN.rstrip("$") + r"\Z")


def split(*entries: Any, answer: Any = "Here is the plan.", parent: Parent = PARENT) -> subtasks.Split:
    return subtasks.read_split(json.dumps({"answer": answer, "subtasks": list(entries)}), parent)


def test_a_subtask_inherits_all_that_it_may_not_choose() -> None:
    chosen = {"prompt": "Write the parser.", "type": "code_generation", "system": "In Rust.", "max_output_tokens": 900}
    built = split(chosen, {"prompt": "Document it."}, parent=Parent("pay-7", 1, PARENT.deadline, True, {"ticket": "A"}))
    first, second = subtasks.subtask_messages(Parent("pay-7", 1, PARENT.deadline, True, {"ticket": "A"}), built.drafts)
    inherited = {"parent_id": "pay-7", "deadline": PARENT.deadline, "private": True, "metadata": {"ticket": "A"}}
    assert first == {**chosen, **inherited, "task_id": "pay-7-s01"}
    assert second == {"prompt": "Document it.", **inherited, "task_id": "pay-7-s02"}
    assert built.answer == "Here is the plan."


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tier", "reasoning"),
        ("reply_to", "arn:aws:sqs:us-east-1:000000000000:elsewhere"),
        ("private", False),
        ("split", True),
        ("deadline", "2030-01-01T00:00:00Z"),
        ("metadata", {"ticket": "another"}),
        ("parent_id", "another"),
        ("task_id", "another"),
        ("budget", 1000),
    ],
)
def test_subtask_fields_reserved_to_the_parent_are_ignored(field: str, value: Any) -> None:
    entry = {"prompt": "Write it.", "type": "code_generation"}
    stranger = split({**entry, field: value})
    assert stranger == split(entry)
    (message,) = subtasks.subtask_messages(PARENT, stranger.drafts)
    _, task = open_message(strict_json.dumps(message), "m-1")
    assert (task.tier, task.reply_to, task.split, task.private) == (None, None, False, False)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"prompt": " "}, "subtasks[1].prompt: must not be blank"),
        ({"type": "status"}, "subtasks[1].prompt: is required"),
        ({"prompt": 1}, "subtasks[1].prompt: must be a string"),
        ({"prompt": "x", "type": SECRET}, "subtasks[1].type: must be one of"),
        ({"prompt": "x", "max_output_tokens": 0}, "subtasks[1].max_output_tokens: must be from 1 to"),
        (SECRET, "subtasks[1]: must be an object"),
        ({"prompt": "x" * 1_048_576}, "subtasks[1]: must be at most 1048576 bytes"),
    ],
)
def test_a_bad_subtask_is_named_by_field_and_rule_and_never_by_value(entry: Any, told: str) -> None:
    with pytest.raises(NotASplitError, match=re.escape(told)) as caught:
        split(entry)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": "cut off in the mid',
        "[]",
        '{"answer": "words"}',
        '{"answer": 1, "subtasks": []}',
        '{"answer": "words", "subtasks": {}}',
        '{"answer": " ", "subtasks": []}',
        '{"answer": "a", "answer": "b", "subtasks": []}',
        json.dumps({"answer": "a", "subtasks": [{"prompt": "x"}] * 21}),
    ],
)
def test_answer_outside_the_schema_is_not_split(text: str) -> None:
    with pytest.raises(NotASplitError):
        subtasks.read_split(text, PARENT)


def test_twenty_subtasks_are_as_many_as_there_may_be() -> None:
    built = split(*[{"prompt": f"Part {number}"} for number in range(subtasks.MOST_SUBTASKS)], answer="")
    ids = [ref.task_id for ref in built.expected]
    assert (len(set(ids)), ids[0], ids[-1]) == (20, "pay-7-s01", "pay-7-s20")


def test_an_expected_subtask_has_the_fingerprint_that_the_router_gives_it() -> None:
    built = split({"prompt": "Write it.", "type": None, "max_output_tokens": None})
    (message,) = subtasks.subtask_messages(PARENT, built.drafts)
    task_id, task = open_message(strict_json.dumps(message), "m-1")
    assert built.expected == (SubtaskRef(task_id, task.fingerprint()),)


@given(st.dictionaries(IDS, st.integers(1, 4), min_size=1, max_size=4), st.integers(1, 20))
def test_no_two_subtasks_share_an_id(parents: dict[str, int], number: int) -> None:
    fields = {
        (parent, entry, generation): subtasks.subtask_id(parent, entry, generation)
        for parent, latest in parents.items()
        for generation in range(1, latest + 1)
        for entry in (1, number)
    }
    assert len(set(fields.values())) == len(fields)
    for (parent, _, _), task_id in fields.items():
        assert re.fullmatch(ID_PATTERN, task_id)
        assert subtasks.is_subtask(task_id, parent)
        assert not subtasks.may_split(task_id, Task(prompt="x", parent_id=parent, split=True))


@pytest.mark.parametrize(
    ("task_id", "parent_id"),
    [("pay-7-s01", None), ("pay-7-s01", "pay-8"), ("pay-7", "pay-7"), ("pay-7-s1", "pay-7"), ("pay-7-s01-g1", "pay-7")],
)
def test_a_parent_of_the_senders_own_makes_no_subtask(task_id: str, parent_id: str | None) -> None:
    assert not subtasks.is_subtask(task_id, parent_id)
    assert subtasks.may_split(task_id, Task(prompt="x", parent_id=parent_id, split=True))


def test_the_schema_asks_for_no_more_than_a_subtask_may_choose() -> None:
    (entry,) = [subtasks.SPLIT_SCHEMA["properties"]["subtasks"]["items"]]
    assert set(entry["properties"]) == set(subtasks._DRAFT_FIELDS)
    assert entry["properties"]["type"]["enum"] == [str(kind) for kind in TaskType]
    jsonschema.Draft202012Validator.check_schema(subtasks.SPLIT_SCHEMA)


@pytest.mark.parametrize("items", [0, 1, 5, 20])
def test_the_stand_in_answers_by_the_schema_and_by_what_the_text_lists(items: int) -> None:
    prompt = "Work on the ticket:\n" + "\n".join(f"- Write unit tests for part {n}" for n in range(items))
    said = structured.compose("gemini", prompt, subtasks.SPLIT_SCHEMA)
    jsonschema.validate(json.loads(said), subtasks.SPLIT_SCHEMA)
    built = subtasks.read_split(said, PARENT)
    assert [draft["prompt"] for draft in built.drafts] == [f"Write unit tests for part {n}" for n in range(items)]
    assert {draft["type"] for draft in built.drafts} <= {"test_writing"}


def ended(number: int, status: Status, fingerprint: str = "f", **fields: Any) -> TaskRecord:
    return TaskRecord(subtasks.subtask_id("pay-7", number, 1), status, fingerprint=fingerprint, **fields)


def results(*records: TaskRecord | None, late: bool = False) -> list[SubtaskEnd] | None:
    ids = [subtasks.subtask_id("pay-7", number, 1) for number in range(1, len(records) + 1)]
    known_records = {task_id: record for task_id, record in zip(ids, records, strict=True) if record}
    return subtasks.subtask_ends([SubtaskRef(task_id, "f") for task_id in ids], known_records, late=late)


@pytest.mark.parametrize("record", [None, *(ended(2, status) for status in Status if status not in ENDED)])
def test_a_subtask_that_has_not_ended_is_waited_for_until_it_is_late(record: TaskRecord | None) -> None:
    done = ended(1, Status.COMPLETED)
    assert results(done, record) is None
    late = results(done, record, late=True)
    assert late is not None
    assert [(end.status, end.reason) for end in late] == [("completed", None), ("unfinished", "deadline")]


def test_another_task_of_the_same_id_is_no_subtask_of_this_one() -> None:
    result = results(
        ended(1, Status.COMPLETED, fingerprint="another", cost_nano=7), ended(2, Status.FAILED, cost_nano=5)
    )
    assert result is not None
    assert [(end.status, end.reason, end.cost_nano_usd) for end in result] == [
        ("rejected", "task_id_conflict", 0),
        ("failed", None, 5),
    ]


def closed(texts: list[str | None], **fields: Any) -> TaskRecord:
    subtasks_given = [
        ended(number, Status.COMPLETED if text is not None else Status.FAILED) for number, text in enumerate(texts, 1)
    ]
    status = Status.COMPLETED if any(text is not None for text in texts) else Status.FAILED
    return TaskRecord("pay-7", status, results=results(*subtasks_given) or [], answer=Payload(inline="a"), **fields)


@given(
    st.lists(
        st.one_of(
            st.none(), st.builds(lambda sign, size: sign * size, st.sampled_from('a"ü\n\x01'), st.integers(0, 70_000))
        ),
        min_size=1,
        max_size=20,
    ),
    st.integers(0, 65_000),
)
def test_the_detail_of_a_split_task_always_fits_and_names_every_answer(texts: list[str | None], metadata: int) -> None:
    record = closed(texts, metadata={"m": "x" * metadata}, cost_nano=3)
    answer_text = "a" if record.status is Status.COMPLETED else None
    inside = events.inside(record, [answer_text, *texts])
    expected = [
        (text, None) if place in inside else (None, None if text is None else "s3://" + "x" * (events.LONGEST_REF - 5))
        for place, text in enumerate([answer_text, *texts])
    ]
    detail = events.family_detail(record, expected)
    assert len(strict_json.dumps(detail).encode()) <= events.LARGEST_DETAIL
    for text, subtask in zip(texts, detail["subtasks"], strict=True):
        assert (subtask["answer"] is None) == (text is None or subtask["answer_ref"] is not None)
        assert subtask["answer"] is None or len(subtask["answer"].encode()) <= events.LARGEST_ANSWER
    if sum(map(len, map(json.dumps, texts))) + metadata < 100_000 and all(
        len(text or "") <= 65_536 // 2 for text in texts
    ):
        assert all(subtask["answer_ref"] is None for subtask in detail["subtasks"])


def test_the_detail_says_what_is_partial_and_what_all_cost() -> None:
    record = closed(["words", None], cost_nano=3)
    record.results = [replace(end, cost_nano_usd=cost) for end, cost in zip(record.results, (10, 20), strict=True)]
    detail = events.family_detail(record, [("a", None), ("words", None), (None, None)])
    assert (detail["partial"], detail["cost_nano_usd"], detail["cost_with_subtasks_nano_usd"]) == (True, 3, 33)
    assert detail["subtask_counts"] == {"completed": 1, "failed": 1, "cancelled": 0, "rejected": 0, "unfinished": 0}
    assert set(detail["subtasks"][0]) == {
        *("task_id", "status", "type", "tier", "model", "answer", "answer_ref", "cost_nano_usd", "reason", "truncated")
    }


@pytest.mark.parametrize("usage", [Usage(input=1), None])
def test_a_malformed_answer_is_paid(usage: Usage | None) -> None:
    assert CallResult(Outcome.MALFORMED, usage=usage).cost_known is (usage is not None)
