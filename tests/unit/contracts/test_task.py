import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.contracts.envelope import open_message, readable_id
from pointsman.contracts.task import LARGEST_METADATA, Rejection, Task, read_task
from pointsman.values.limits import LARGEST_OUTPUT
from pointsman.values.taxonomy import TIER_OF, TYPES_OF, TaskType, Tier, higher
from pointsman.values.times import to_text
from tests.support.paths import ROOT

FIELDS = list(Task.model_fields)
SECRET = "qhwx7tzk"
"""A value that no rule's wording contains."""

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
MOMENTS = st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](Z|[+-][0-2][0-9]:00)")
BODIES = st.dictionaries(
    st.sampled_from([*FIELDS, "Type", "Message", "MessageId", "detail", "detail-type", "source", "id"]),
    JSON | MOMENTS | st.sampled_from(["Notification", "2026-01-01T00:00:00Z", *TaskType, *Tier]),
)


def rejected(fields: Any) -> Rejection:
    with pytest.raises(Rejection) as caught:
        read_task(fields)
    return caught.value


def opened(body: str) -> Task | Rejection:
    try:
        task_id, task = open_message(body, "the-message")
    except Rejection as rejection:
        return rejection
    assert task_id
    return task


def test_a_prompt_is_enough() -> None:
    task = read_task({"prompt": "Write a parser."})

    assert (task.task_id, task.explicit_tier, task.deadline, task.reply_to) == (None, None, None, None)
    assert (task.max_output_tokens, task.effort) == (None, None)
    assert (task.private, task.split, task.metadata) == (False, False, {})


def test_null_means_not_given() -> None:
    nothing = {name: None for name in FIELDS if name != "prompt"}
    assert read_task({"prompt": "a", **nothing}) == read_task({"prompt": "a"})


def test_unknown_fields_are_ignored() -> None:
    assert read_task({"prompt": "a", "priority": 9}) == read_task({"prompt": "a"})


@pytest.mark.parametrize("kind", TaskType)
def test_each_type_belongs_to_one_tier(kind: TaskType) -> None:
    assert [tier for tier, kinds in TYPES_OF.items() if kind in kinds] == [TIER_OF[kind]]
    assert read_task({"prompt": "a", "type": kind}).explicit_tier is TIER_OF[kind]


def test_an_explicit_tier_beats_the_type() -> None:
    task = read_task({"prompt": "a", "type": "status", "tier": "reasoning"})
    assert task.explicit_tier is Tier.REASONING


def test_the_higher_of_two_tiers() -> None:
    assert higher(Tier.ORCHESTRATION, Tier.REASONING) is Tier.REASONING
    assert higher(Tier.IMPLEMENTATION, Tier.ORCHESTRATION) is Tier.IMPLEMENTATION


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("prompt", 7, "prompt: must be a string"),
        ("prompt", " \n\t\u3000", "prompt: must not be blank"),
        ("task_id", "", "task_id: must be 1 to 80 of the characters"),
        ("task_id", "a" * 81, "task_id: must be 1 to 80 of the characters"),
        ("task_id", "ok\n", "task_id: must be 1 to 80 of the characters"),
        ("task_id", "té", "task_id: must be 1 to 80 of the characters"),
        ("task_id", 7, "task_id: must be a string"),
        ("parent_id", "a b", "parent_id: must be 1 to 80 of the characters"),
        ("type", "poetry", "type: must be one of orchestration, status, decision"),
        ("type", ["status"], "type: must be one of orchestration, status, decision"),
        ("tier", "gold", "tier: must be one of orchestration, implementation, reasoning"),
        ("tier", "Reasoning", "tier: must be one of"),
        ("system", {}, "system: must be a string"),
        ("max_cost_usd", 0.25, "max_cost_usd: must be a string"),
        ("max_cost_usd", "", 'max_cost_usd: must be dollars as a string, like "0.25"'),
        ("max_cost_usd", "-1", "max_cost_usd: must be dollars"),
        ("max_cost_usd", "1e3", "max_cost_usd: must be dollars"),
        ("max_cost_usd", ".5", "max_cost_usd: must be dollars"),
        ("max_cost_usd", "1\n", "max_cost_usd: must be dollars"),
        ("max_cost_usd", "٣", "max_cost_usd: must be dollars"),
        ("max_cost_usd", "0.0000000001", "max_cost_usd: must be dollars"),
        ("max_output_tokens", 0, "max_output_tokens: "),
        ("max_output_tokens", LARGEST_OUTPUT + 1, "max_output_tokens: "),
        ("max_output_tokens", "100", "max_output_tokens: must be a whole number"),
        ("max_output_tokens", 1.0, "max_output_tokens: must be a whole number"),
        ("max_output_tokens", True, "max_output_tokens: must be a whole number"),
        ("effort", "minimal", "effort: must be one of none, low, medium, high, xhigh, max"),
        ("effort", 3, "effort: must be one of none, low"),
        ("deadline", "2026-12-31", "deadline: must be an RFC 3339 date-time"),
        ("deadline", "2026-12-31T18:00:00", "deadline: must be an RFC 3339 date-time"),
        ("deadline", 1798736400, "deadline: must be an RFC 3339 date-time"),
        ("deadline", "2026-02-30T18:00:00Z", "deadline: must be a date-time that exists"),
        ("deadline", "2026-02-20T18:00:00+24:00", "deadline: must be a date-time that exists"),
        ("deadline", "0001-01-01T00:00:00+23:59", "deadline: must be a date-time that exists"),
        ("deadline", "9999-12-31T23:59:59-01:00", "deadline: must be a date-time that exists"),
        ("private", "yes", "private: must be true or false"),
        ("private", 1, "private: must be true or false"),
        ("metadata", {"a": 1}, "metadata: must be an object of strings"),
        ("metadata", "x", "metadata: must be an object of strings"),
        ("metadata", {"a": "é" * LARGEST_METADATA}, "metadata: must be at most"),
        ("split", "no", "split: must be true or false"),
        ("reply_to", "", "reply_to: "),
        ("reply_to", "a" * 2049, "reply_to: "),
        ("reply_to", "token\x07", "reply_to: must be an SQS queue ARN"),
        ("reply_to", "http://a.example/x", "reply_to: a webhook must begin with https://"),
        ("reply_to", 5, "reply_to: must be a string"),
    ],
)
def test_a_broken_rule_names_field_and_rule(field: str, value: Any, rule: str) -> None:
    rejection = rejected({"prompt": "a", field: value})
    assert rejection.code == "invalid_task"
    assert rejection.reason.startswith(rule)


@pytest.mark.parametrize("body", [None, [], "text", 7, True, [{"prompt": "a"}]])
def test_a_body_that_is_no_object(body: Any) -> None:
    assert rejected(body).reason.startswith("body: must be a JSON object")


def test_several_broken_rules_are_named_together() -> None:
    reason = rejected({"tier": "gold", "private": "no"}).reason
    assert {part.split(":")[0] for part in reason.split("; ")} == {"prompt", "tier", "private"}


def test_the_fingerprint_is_over_all_fields_but_id_and_reply_to() -> None:
    first = read_task({"prompt": "a", "metadata": {"x": "1", "y": "2"}})
    same = read_task({"metadata": {"y": "2", "x": "1"}, "prompt": "a", "task_id": "b", "reply_to": "c" * 20, "more": 1})
    others: list[dict[str, Any]] = [
        {"prompt": "b"},
        {"type": "status"},
        {"tier": "reasoning"},
        {"system": "s"},
        {"max_output_tokens": 9},
        {"max_cost_usd": "9"},
        {"effort": "low"},
        {"deadline": "2026-12-31T18:00:00Z"},
        {"private": True},
        {"parent_id": "p"},
        {"metadata": {"x": "1"}},
        {"split": True},
    ]
    assert first.fingerprint() == same.fingerprint()
    prints = {read_task({"prompt": "a", "metadata": {"x": "1", "y": "2"}, **other}).fingerprint() for other in others}
    assert len(prints | {first.fingerprint()}) == len(others) + 1


@pytest.mark.parametrize(("name", "pinned"), json.loads((ROOT / "tests/data/fingerprints.json").read_text()).items())
def test_event_has_the_fingerprint_of_the_first_release(name: str, pinned: str) -> None:
    """Redeliveries, waiting parents and older clients hold these: a new field or default must not change them."""
    _, task = open_message((ROOT / "events" / name).read_text(), "the-message")
    assert task.has_fingerprint(pinned)
    assert task.fingerprint() == pinned or task.deadline  # its notation counted then


def test_absent_output_cap_hashes_as_the_first_default() -> None:
    stated = read_task({"prompt": "a", "max_output_tokens": 4096})
    assert read_task({"prompt": "a"}).fingerprint() == stated.fingerprint()


def test_deadline_counts_as_its_instant() -> None:
    zulu, offset, later = (
        read_task({"prompt": "a", "deadline": text})
        for text in ("2036-01-01T00:00:00Z", "2036-01-01T02:00:00.000+02:00", "2036-01-01T00:00:00.001Z")
    )
    assert zulu.fingerprint() == offset.fingerprint() != later.fingerprint()
    assert not later.has_fingerprint(zulu.fingerprint())


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-31T18:00:00Z",
        "2026-12-31t18:00:00z",
        "2026-12-31 18:00:00Z",
        "2026-12-31T18:00:00+00:00",
        "2026-12-31T18:00:00-00:00",
        "2026-12-31T18:00:00.0Z",
        "2026-12-31T18:00:00.000000000+00:00",
        "2026-12-31T19:00:00+01:00",
        "2026-12-31T23:45:00.00+05:45",
        "2026-12-31T08:30:00-09:30",
        "2027-01-01T08:00:00+14:00",
    ],
)
def test_notation_of_a_deadline_does_not_count(text: str) -> None:
    plain = read_task({"prompt": "a", "deadline": "2026-12-31T18:00:00Z"})
    task = read_task({"prompt": "a", "deadline": text})
    assert task.fingerprint() == plain.fingerprint()
    assert task.has_fingerprint(plain.fingerprint())
    later = read_task({"prompt": "a", "deadline": "2026-12-31T18:05:00Z"})
    assert not later.has_fingerprint(task.fingerprint())


@given(MOMENTS)
def test_a_deadline_that_is_accepted_can_be_stored(text: str) -> None:
    try:
        task = read_task({"prompt": "a", "deadline": text})
    except Rejection:
        return
    assert task.deadline is not None
    assert datetime.fromisoformat(to_text(task.deadline)) <= task.deadline
    assert task.deadline.utcoffset() is not None


def test_deadlines_are_read_with_their_offset() -> None:
    task = read_task({"prompt": "a", "deadline": "2026-12-31t18:00:00.5+02:00"})
    assert task.deadline == datetime(2026, 12, 31, 16, 0, 0, 500_000, tzinfo=UTC)
    assert task.deadline.utcoffset() == timedelta(hours=2)


@given(st.text() | BODIES.map(json.dumps) | JSON.map(json.dumps))
def test_invalid_task_raises_only_a_rejection(body: str) -> None:
    result = opened(body)
    if isinstance(result, Rejection):
        assert result.code in {"invalid_json", "invalid_task"}
    else:
        assert len(result.fingerprint()) == 64
    readable_id(body)


PLANTED = st.recursive(
    st.sampled_from([SECRET, f"{SECRET} {SECRET}", f"arn:{SECRET}"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([SECRET, "a"]), inner, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*FIELDS, SECRET]), PLANTED))
def test_a_reason_never_holds_a_value(fields: dict[str, Any]) -> None:
    for body in (json.dumps(fields), json.dumps(fields)[:-1], json.dumps(fields).replace('"', "'")):
        result = opened(body)
        if isinstance(result, Rejection):
            assert SECRET not in result.reason
            assert SECRET not in str(result)
            assert result.__cause__ is None
            assert result.__suppress_context__


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"output_schema": []}, "output_schema: must be a JSON Schema, as an object"),
        ({"output_schema": "object"}, "output_schema: must be a JSON Schema, as an object"),
        ({"output_schema": {"type": "strnig"}}, "output_schema: must be a JSON Schema ("),
        ({"output_schema": {"$ref": "https://example.com/s"}}, "output_schema: a $ref must point within the schema"),
        (
            {"output_schema": {"anyOf": [{}, {"$ref": "file:///etc"}]}},
            "output_schema: a $ref must point within the schema",
        ),
        ({"output_schema": {"description": "x" * 33_000}}, "output_schema: must be at most 32768 bytes as JSON"),
        ({"output_schema": {}, "split": True}, "body: split must not stand beside output_schema or stop"),
        ({"stop": []}, "stop: must be 1 to 4 strings"),
        ({"stop": ["a"] * 5}, "stop: must be 1 to 4 strings"),
        ({"stop": "END"}, "stop: must be 1 to 4 strings"),
        ({"stop": [1]}, "stop: must be 1 to 4 strings"),
        ({"stop": [""]}, "stop: must be 1 to 4 strings"),
        ({"stop": ["\n"]}, "stop: must be texts with more than white space"),
    ],
)
def test_schema_and_stop_have_one_clear_error_each(fields: dict[str, Any], reason: str) -> None:
    rejection = rejected({"prompt": "a", **fields})
    assert (rejection.code, rejection.reason[: len(reason)]) == ("invalid_task", reason)


def test_a_schema_and_stops_are_content_and_absent_ones_leave_the_fingerprint() -> None:
    plain = read_task({"prompt": "a"}).fingerprint()
    stated = [{"output_schema": {"type": "object"}}, {"stop": ["END"]}]
    assert len({plain, *(read_task({"prompt": "a", **fields}).fingerprint() for fields in stated)}) == 3
    assert read_task({"prompt": "a", "stop": None, "output_schema": None}).fingerprint() == plain
