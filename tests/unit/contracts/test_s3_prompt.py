"""Events of S3: which object they name, under which id, and the task that an object states."""

import json
from typing import Any

import pytest

from pointsman.contracts.envelope import object_in, open_message, parts, readable_id
from pointsman.contracts.s3_prompt import S3Prompt, task_of_object
from pointsman.contracts.task import Rejection
from pointsman.values.taxonomy import TaskType, Tier

TEST = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-24T10:00:00.000Z", "Bucket": "prompts"}
OBJECT = S3Prompt("prompts", "a b/ü.txt", "abc", None, "00A1")


def record(key: Any = "a+b/%C3%BC.txt", **changes: Any) -> dict[str, Any]:
    fields = {"key": key, "size": 5, "eTag": "abc", "sequencer": "00A1", **changes}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "s3": {"bucket": {"name": "prompts", "arn": "arn:aws:s3:::prompts"}, "object": fields},
    }


def notification(*records: dict[str, Any]) -> str:
    return json.dumps({"Records": list(records or [record()])})


def event(**changes: Any) -> str:
    fields = {"key": "a b/ü.txt", "size": 5, "etag": "abc", "sequencer": "00A1", **changes}
    detail = {"version": "0", "bucket": {"name": "prompts"}, "object": fields, "reason": "PutObject"}
    return json.dumps({"id": "e-1", "source": "aws.s3", "detail-type": "Object Created", "detail": detail})


def in_sns(body: str) -> str:
    return json.dumps({"Type": "Notification", "MessageId": "m-9", "Message": body})


@pytest.mark.parametrize("body", [notification(), event(), in_sns(notification()), in_sns(event())])
def test_every_way_names_the_same_write_of_the_same_object(body: str) -> None:
    assert object_in(body) == OBJECT
    assert readable_id(body) == OBJECT.task_id
    assert parts(body) == [body]


@pytest.mark.parametrize(
    ("encoded", "key"),
    [
        ("red+flower%2B1.txt", "red flower+1.txt"),
        ("%E4%B8%AD%E6%96%87/%C3%BC/%F0%9F%98%80.txt", "中文/ü/😀.txt"),
        ("100%25+%28copy%29.txt", "100% (copy).txt"),
        ("dt%3D2026-05-04/_SUCCESS", "dt=2026-05-04/_SUCCESS"),
    ],
)
def test_key_is_decoded_in_a_notification_only(encoded: str, key: str) -> None:
    """EventBridge gives keys as they are, a plus sign included."""
    for body in (notification(record(encoded)), in_sns(notification(record(encoded))), event(key=key)):
        reference = object_in(body)
        assert reference is not None
        assert reference.key == key
        assert task_of_object(reference, b"a", {}).metadata["key"] == key


def test_another_write_is_another_task() -> None:
    task_ids = {object_in(notification(record(sequencer=it))).task_id for it in ("00A1", "00A2")}  # type: ignore[union-attr]
    other = object_in(notification(record("a")))
    assert other is not None
    assert len(task_ids | {other.task_id}) == 3
    assert all(task_id.startswith("s3-") and len(task_id) == 51 for task_id in task_ids)


def test_a_version_is_read_as_that_version() -> None:
    for body in (notification(record(versionId="v1")), event(**{"version-id": "v1"})):
        reference = object_in(body)
        assert reference is not None
        assert reference.version == "v1"


def test_a_notification_of_several_objects_is_several_messages() -> None:
    bodies = parts(in_sns(notification(record("a"), record("b"))))
    assert [object_in(body).key for body in bodies] == ["a", "b"]  # type: ignore[union-attr]


@pytest.mark.parametrize("body", [json.dumps(TEST), in_sns(json.dumps(TEST))])
def test_the_test_that_s3_sends_is_no_task(body: str) -> None:
    assert parts(body) == []


FOLDER = {"key": "prompts/inbox/", "size": 0}


@pytest.mark.parametrize(
    "body",
    [
        notification(record(**FOLDER)),
        notification({**record(**FOLDER), "eventName": "ObjectCreated:Copy"}),
        notification(record(key="logs_%24folder%24", size=0)),
        event(**FOLDER),
        in_sns(notification(record(**FOLDER))),
        in_sns(event(**FOLDER)),
        notification(record(**FOLDER), record(**FOLDER)),
    ],
)
def test_placeholder_of_a_folder_is_no_task(body: str) -> None:
    assert parts(body) == []


def test_placeholder_beside_an_object_leaves_the_object() -> None:
    (body,) = parts(notification(record(**FOLDER), record("a")))
    assert object_in(body).key == "a"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "body",
    [
        notification(record(key="inbox/", size=5)),
        notification(record(key="inbox/a.txt", size=0)),  # rejected as blank: somebody meant it to be a prompt
        notification({**record(**FOLDER), "eventName": "ObjectRemoved:Delete"}),
        event(key="inbox/", size=None),
        json.dumps({"prompt": "s3", "detail": {"object": FOLDER}}),
    ],
)
def test_object_that_is_no_placeholder_is_a_message(body: str) -> None:
    assert parts(body) == [body]


# The first is what S3 gives for the ticket `Prüfung-12`; the others are what clients make of longer and other values.
@pytest.mark.parametrize(
    ("stated", "ticket"),
    [
        ("=?UTF-8?B?UHLDvGZ1bmctMTI=?=", "Prüfung-12"),
        ("=?UTF-8?Q?Pr=C3=BCfung-12?=", "Prüfung-12"),
        ("=?utf-8?q?Pr=C3=BCfung?= =?utf-8?q?-12?=", "Prüfung-12"),
        ("=?ISO-8859-1?Q?Pr=FCfung_12?=", "Prüfung 12"),
        ("OPS =?UTF-8?Q?=C3=BC?= 12", "OPS ü 12"),
        ("OPS-12", "OPS-12"),
        ("a=?b", "a=?b"),
        ("=?x-unknown?Q?=FC?=", "=?x-unknown?Q?=FC?="),
        ("=?UTF-8?B?!?=", "=?UTF-8?B?!?="),
        ("=?UTF-8?Q?a=00b?=", "=?UTF-8?Q?a=00b?="),
        ("=?UTF-8?Q?=FF?=", "=?UTF-8?Q?=FF?="),
    ],
)
def test_encoded_metadata_are_read_in_clear(stated: str, ticket: str) -> None:
    """S3 gives what is not ASCII as encoded words of RFC 2047."""
    assert task_of_object(OBJECT, b"a", {"ticket": stated}).metadata["ticket"] == ticket


def test_encoded_routing_metadata_are_read_too() -> None:
    task = task_of_object(OBJECT, b"a", {"tier": "=?UTF-8?Q?reasoning?=", "private": "=?UTF-8?B?dHJ1ZQ==?="})
    assert (task.tier, task.private) == (Tier.REASONING, True)


@pytest.mark.parametrize(
    "body",
    ['{"prompt": "about s3", "source": "aws.s3"}', '{"prompt": "s3", "Records": []}', '{"Records": "s3"}', "s3", "[]"],
)
def test_text_mentioning_s3_is_an_ordinary_message(body: str) -> None:
    assert object_in(body) is None
    assert parts(body) == [body]


@pytest.mark.parametrize(
    "body",
    [
        notification({**record(), "eventName": "ObjectRemoved:Delete"}),
        notification({**record(), "s3": None}),
        notification(record("")),
        notification(record("a%00b")),
        notification(record(key=7)),
        event(key=7),
        json.dumps({"source": "aws.s3", "detail-type": "Object Deleted", "detail": {}}),
    ],
)
def test_an_event_that_names_no_created_object_is_rejected(body: str) -> None:
    with pytest.raises(Rejection) as caught:
        object_in(body)
    assert caught.value.code == "invalid_s3_event"
    assert readable_id(body) is None


def test_an_event_of_s3_is_judged_by_the_router_alone() -> None:
    with pytest.raises(Rejection, match="object_unread"):
        open_message(event(), "m-1")


def test_an_object_states_a_task() -> None:
    metadata = {
        "type": "status",
        "tier": "reasoning",
        "private": "true",
        "ticket": "OPS-1",
        "agent": "bot",
        "other": "x",
    }
    task = task_of_object(OBJECT, "\ufeffWie geht's?".encode(), metadata)
    assert (task.prompt, task.type, task.tier, task.private) == ("Wie geht's?", TaskType.STATUS, Tier.REASONING, True)
    assert task.metadata == {"bucket": "prompts", "key": "a b/ü.txt", "ticket": "OPS-1", "agent": "bot"}


@pytest.mark.parametrize(
    ("data", "stated", "reason"),
    [
        (b"\xff\xfe", {}, "object: must be UTF-8 text"),
        (b"a\x00b", {}, "object: must be UTF-8 text without NUL characters"),
        (b" \n", {}, "prompt: must not be blank"),
        (b"a", {"private": "yes"}, "private: must be true or false"),
        (b"a", {"tier": "cheap"}, "tier: must be one of orchestration, implementation, reasoning"),
    ],
)
def test_invalid_s3_prompt_names_the_broken_rule(data: bytes, stated: dict[str, str], reason: str) -> None:
    with pytest.raises(Rejection) as caught:
        task_of_object(OBJECT, data, stated)
    assert caught.value.reason == reason
