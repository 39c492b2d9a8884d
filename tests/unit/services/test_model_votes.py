import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.contracts.task import Task
from pointsman.services.model_votes import LONGEST_SHOWN, read_votes, shown, vote_schema
from pointsman.values.taxonomy import TaskType

IDS = ["t-1", "t-2"]
VALUES = (
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text() | st.lists(st.integers())
)
VERDICTS = st.dictionaries(
    st.sampled_from(["id", "type", "also", "confidence"]), VALUES | st.sampled_from(["1", "2", "3", *TaskType])
)


def verdict(number: str = "1", kind: str = "status", confidence: object = 0.9) -> dict[str, object]:
    return {"id": number, "type": kind, "confidence": confidence}


@pytest.mark.parametrize(
    ("verdicts", "found"),
    [
        ([verdict()], {"t-1": (TaskType.STATUS, 0.9, None)}),
        (
            [verdict(), verdict("2", "planning", 2)],
            {"t-1": (TaskType.STATUS, 0.9, None), "t-2": (TaskType.PLANNING, 1.0, None)},
        ),
        ([verdict(kind="follow_up")], {"t-1": (None, 0.9, None)}),
        ([verdict() | {"also": "planning"}], {"t-1": (TaskType.STATUS, 0.9, TaskType.PLANNING)}),
        ([verdict() | {"also": "status"}], {"t-1": (TaskType.STATUS, 0.9, None)}),
        ([verdict() | {"also": ["none"]}], {"t-1": (TaskType.STATUS, 0.9, None)}),
        ([verdict(), verdict(kind="planning")], {}),
        ([verdict("3"), verdict("0"), verdict("x")], {}),
        ([verdict(kind="poetry")], {}),
        ([verdict(confidence=10**400)], {}),
        ([verdict(confidence="much")], {}),
        (["text", None, []], {}),
        ("text", {}),
    ],
)
def test_votes_are_read_from_an_answer(verdicts: object, found: object) -> None:
    assert read_votes(json.dumps({"verdicts": verdicts}), IDS) == found


@given(
    st.text() | VALUES.map(json.dumps) | st.lists(VERDICTS | VALUES).map(lambda found: json.dumps({"verdicts": found}))
)
def test_no_answer_breaks_the_reading(answer: str) -> None:
    for task_id, vote in read_votes(answer, IDS).items():
        assert task_id in IDS
        assert vote.type is None or vote.type in TaskType
        assert vote.also is None or (vote.also in TaskType and vote.also is not vote.type)
        assert 0 <= vote.confidence <= 1


def test_the_schema_names_ids_and_types() -> None:
    one = vote_schema(2)["properties"]["verdicts"]["items"]["properties"]
    assert one["id"]["enum"] == ["1", "2"]
    assert one["type"]["enum"] == [*TaskType, "follow_up"]
    assert one["also"]["enum"] == [*TaskType, "none"]


def test_a_long_message_is_shown_as_its_request_and_a_digest() -> None:
    log = "\n".join(f"2026-11-03T02:00:{n % 60:02}Z ERROR pool exhausted" for n in range(400))
    assert shown(Task(prompt="Is it up?")) == {"message": "Is it up?"}
    parts = shown(Task(prompt=f"{log}\n\nWhich host is it?"))
    assert parts["message"] == "Which host is it?"
    assert parts["pasted"].startswith("16,818 characters")
    assert parts["pasted"].endswith("Which host is it?")
    assert sum(map(len, shown(Task(prompt="word " * 40_000)).values())) < LONGEST_SHOWN
