import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.services.model_votes import read_votes, vote_schema
from pointsman.values.taxonomy import TaskType

IDS = ["t-1", "t-2"]
VALUES = (
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.floats() | st.text() | st.lists(st.integers())
)
VERDICTS = st.dictionaries(
    st.sampled_from(["id", "type", "confidence"]), VALUES | st.sampled_from(["1", "2", "3", *TaskType])
)


def verdict(number: str = "1", kind: str = "status", confidence: object = 0.9) -> dict[str, object]:
    return {"id": number, "type": kind, "confidence": confidence}


@pytest.mark.parametrize(
    ("verdicts", "found"),
    [
        ([verdict()], {"t-1": (TaskType.STATUS, 0.9)}),
        ([verdict(), verdict("2", "planning", 2)], {"t-1": (TaskType.STATUS, 0.9), "t-2": (TaskType.PLANNING, 1.0)}),
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
    for task_id, (kind, sure) in read_votes(answer, IDS).items():
        assert task_id in IDS
        assert kind in TaskType
        assert 0 <= sure <= 1


def test_the_schema_names_ids_and_types() -> None:
    one = vote_schema(2)["properties"]["verdicts"]["items"]["properties"]
    assert one["id"]["enum"] == ["1", "2"]
    assert one["type"]["enum"] == list(TaskType)
