import json
from typing import Any

import pytest

from pointsman.contracts.envelope import open_message, readable_id, readable_reply
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
        ('{"reply_to": "token", "tier": "gold"}', "token"),
        (json.dumps(sns({"reply_to": "token"})), "token"),
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
