import json
from typing import Any

import pytest

from pointsman.contracts.envelope import open_message, readable_id, readable_reply
from pointsman.contracts.message_validation import validate_message
from pointsman.contracts.task import Rejection

TASK = {"prompt": "Is the build healthy?"}


def sns(inner: Any, message_id: str = "5f2f3a0e-0000-4000-8000-000000000001") -> dict[str, Any]:
    return {"Type": "Notification", "MessageId": message_id, "TopicArn": "arn:…", "Message": json.dumps(inner)}


def event(inner: Any, event_id: str = "0d079340-0000-4000-8000-000000000002") -> dict[str, Any]:
    return {"version": "0", "id": event_id, "detail-type": "Task", "source": "ci", "detail": inner}


@pytest.mark.parametrize(
    ("body", "task_id"),
    [
        (TASK, "sqs-id"),
        (sns(TASK), "5f2f3a0e-0000-4000-8000-000000000001"),
        (event(TASK), "0d079340-0000-4000-8000-000000000002"),
        (sns(event(TASK)), "0d079340-0000-4000-8000-000000000002"),
        (sns({**TASK, "task_id": "mine"}), "mine"),
        (sns(TASK, message_id="not usable!"), "sqs-id"),
        (sns(event(TASK, event_id="ö")), "5f2f3a0e-0000-4000-8000-000000000001"),
        ({**TASK, "Type": "Notification", "Message": "x", "MessageId": "y"}, "sqs-id"),
    ],
)
def test_the_task_and_its_identity(body: Any, task_id: str) -> None:
    result, task = open_message(json.dumps(body), "sqs-id")
    assert (result, task.prompt) == (task_id, TASK["prompt"])


MARK = "\ufeff"
"""The byte order mark, which Windows' editors and shells put before UTF-8."""


@pytest.mark.parametrize(
    "body",
    [
        MARK + json.dumps(TASK),
        MARK + json.dumps(event(TASK)),
        MARK + json.dumps({**sns(TASK), "Message": MARK + json.dumps(TASK)}),
    ],
)
def test_byte_order_mark_before_a_message_is_ignored(body: str) -> None:
    assert open_message(body, "sqs-id")[1].prompt == TASK["prompt"]
    assert validate_message(body).error is None


def test_validation_names_the_id_that_a_message_gives_its_task() -> None:
    own, unnamed = validate_message(json.dumps({**TASK, "task_id": "t-1"})), validate_message(json.dumps(TASK))
    assert own.normalised
    assert (own.task_id, own.normalised["task_id"], unnamed.task_id) == ("t-1", "t-1", None)


def test_byte_order_mark_within_a_message_is_no_json() -> None:
    for body in (MARK * 2 + json.dumps(TASK), json.dumps(TASK) + MARK):
        with pytest.raises(Rejection, match="invalid_json"):
            open_message(body, "sqs-id")


@pytest.mark.parametrize("wrap", [lambda it: it, event, sns])
@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("SubscriptionConfirmation", "open its SubscribeURL, or call `aws sns confirm-subscription`"),
        ("UnsubscribeConfirmation", "that a subscription was removed: open its SubscribeURL if"),
    ],
)
def test_control_message_of_sns_is_rejected_with_what_to_do(kind: str, step: str, wrap: Any) -> None:
    control = {
        "Type": kind,
        "MessageId": "165545c9-2a5c-472c-8df2-7ff2be2b3b1b",
        "Token": "2336412f37",
        "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic",
        "Message": "You have chosen to subscribe to the topic arn:aws:sns:us-west-2:123456789012:MyTopic.",
        "SubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37",
        "Timestamp": "2026-04-26T20:45:04.751Z",
    }
    with pytest.raises(Rejection) as caught:
        open_message(json.dumps(wrap(control)), "sqs-id")
    assert caught.value.code == "invalid_task"
    assert caught.value.reason.startswith("body: ")
    assert step in caught.value.reason
    assert "2336412f37" not in caught.value.reason
    assert open_message(json.dumps(wrap({**control, **TASK})), "sqs-id")[1].prompt == TASK["prompt"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("nonsense", "invalid_json"),
        (json.dumps({**sns(TASK), "Message": "nonsense"}), "invalid_json"),
        (json.dumps({**sns(TASK), "Message": '{"prompt": "a", "prompt": "b"}'}), "invalid_json"),
        (json.dumps(sns("text")), "invalid_task"),
        (json.dumps({**sns(TASK), "Type": "UnsubscribeConfirmation"}), "invalid_task"),
        (json.dumps(event("text")), "invalid_task"),
        (json.dumps(sns(sns(sns(sns(TASK))))), "invalid_task"),
        (json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent"}), "invalid_task"),
    ],
)
def test_envelope_without_task_is_rejected(body: str, code: str) -> None:
    with pytest.raises(Rejection) as caught:
        open_message(body, "sqs-id")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"task_id": "mine"}', "mine"),
        ('{"task_id": "not usable!", "prompt": "a"}', None),
        ('{"task_id": 7}', None),
        (json.dumps(sns({"task_id": "mine", "prompt": 7})), "mine"),
        ("nonsense", None),
        ("[]", None),
    ],
)
def test_the_id_of_a_rejected_message(body: str, found: str | None) -> None:
    assert readable_id(body) == found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ('{"reply_to": "AAAAKgAAAAIAAAAAAAAA", "tier": "gold"}', "AAAAKgAAAAIAAAAAAAAA"),
        (json.dumps(sns({"reply_to": "AAAAKgAAAAIAAAAAAAAA"})), "AAAAKgAAAAIAAAAAAAAA"),
        ('{"reply_to": ""}', None),
        ('{"reply_to": "a\\nb"}', None),
        (json.dumps({"reply_to": "a" * 2049}), None),
        ('{"reply_to": 7}', None),
        ("nonsense", None),
        ("[]", None),
    ],
)
def test_reply_to_is_read_from_a_rejected_message(body: str, found: str | None) -> None:
    assert readable_reply(body) == found
