"""What AWS wraps around a task on its way to the queue, and the identity that each wrapper gives it."""

import re
from dataclasses import dataclass
from enum import StrEnum

from pointsman.contracts import s3_prompt
from pointsman.contracts.reply_to import check_form
from pointsman.contracts.s3_prompt import S3Prompt
from pointsman.contracts.task import ID_PATTERN, LARGEST_REPLY, Rejection, Task, read_task, states_task
from pointsman.values import strict_json
from pointsman.values.strict_json import Json, NotStrictJson
from pointsman.values.text import without_mark

_DEEPEST = 3
"""Wrappers around wrappers: an EventBridge rule to SNS to SQS makes two."""
_LONGEST_NAME = 512
"""Characters of a source's name that are kept: more than an ARN has."""


class SendingService(StrEnum):
    """The services of AWS that send to a queue by themselves."""

    SNS = "sns"
    EVENTS = "events"
    S3 = "s3"


@dataclass(frozen=True, slots=True)
class MessageSource:
    """What an envelope names as where it comes from; whoever writes a message can write it too."""

    service: SendingService
    name: str
    """A topic's ARN, an event's `source`, a bucket's name."""


def open_message(body: str, message_id: str) -> tuple[str, Task]:
    """Return the task id and the task in an SQS message body.

    The id is the task's own, else the SNS `MessageId` or EventBridge `id` of the innermost envelope, else `message_id`
    (the SQS message's).

    Raises:
        Rejection: the body is no strict JSON (`invalid_json`), no task (`invalid_task`), or an event of S3
            (`object_unread`), which `object_in` tells.
    """
    fields, default_id = unwrap(body, message_id)
    if s3_prompt.is_s3_event(fields):
        raise Rejection("object_unread", "body: is an event of S3, whose object only the router reads")
    if rule := _control_rule(fields):
        raise Rejection("invalid_task", f"body: {rule}")
    task = read_task(fields)
    return task.task_id or default_id, task


def parts(body: str) -> list[str]:
    """Return the bodies that a message stands for, of one task each: none for a test by S3 or a folder's placeholder,
    several for a notification of several objects, else the body itself, of too many too.
    """
    fields = _s3_fields(body)
    if s3_prompt.is_test(fields):
        return []
    records = s3_prompt.records_of(fields)
    if not 2 <= len(records) <= s3_prompt.MOST_RECORDS:
        return [] if s3_prompt.is_placeholder(fields) else [body]
    notifications: list[Json] = [{"Records": [record]} for record in records]
    return [strict_json.dumps(it) for it in notifications if not s3_prompt.is_placeholder(it)]


def object_in(body: str) -> S3Prompt | None:
    """Return the object in S3 that is the message's prompt; None if the prompt is in the message.

    Raises:
        Rejection: it is an event of S3, and not one that creates an object (`invalid_s3_event`).
    """
    fields = _s3_fields(body)
    return s3_prompt.named_in(fields) if s3_prompt.is_s3_event(fields) else None


def _s3_fields(body: str) -> Json:
    """Return what is inside the envelopes if it can be an event of S3: most messages need no second parse."""
    if "s3" not in body:
        return None
    try:
        return unwrap(body, "")[0]
    except Rejection:
        return None


def unwrap(body: str, message_id: str) -> tuple[Json, str]:
    """Return what stands inside the envelopes, and the id of the innermost; an event of S3 is no envelope."""
    here, default_id = _parse(body), message_id
    for _ in range(_DEEPEST):
        if not isinstance(here, dict) or states_task(here) or s3_prompt.is_s3_event(here):
            break
        if here.get("Type") == "Notification" and isinstance(here.get("Message"), str):
            default_id = _usable(here.get("MessageId"), default_id)
            here = _parse(str(here["Message"]))
        elif "detail-type" in here and "source" in here and isinstance(here.get("detail"), dict):
            default_id = _usable(here.get("id"), default_id)
            here = here["detail"]
        else:
            break
    return here, default_id


_SOURCE_MARKS = ("TopicArn", "detail-type", "aws:s3")
"""One of these stands in every envelope; most messages are none, and need no second parse."""


def source_of(body: str) -> MessageSource | None:
    """Return what the outermost envelope names as its source; None: there is no envelope, or it names nothing.

    What stands inside it was written by whoever sent to that source.
    """
    if not any(mark in body for mark in _SOURCE_MARKS):
        return None
    try:
        here = _parse(body)
    except Rejection:
        return None
    if not isinstance(here, dict) or states_task(here):
        return None
    name: Json
    if records := s3_prompt.records_of(here):
        service, name = SendingService.S3, s3_prompt.bucket_in(records[0])
    elif here.get("Type") == "Notification":
        service, name = SendingService.SNS, here.get("TopicArn")
    elif "detail-type" in here and isinstance(here.get("detail"), dict):
        service, name = SendingService.EVENTS, here.get("source")
    else:
        return None
    return MessageSource(service, name[:_LONGEST_NAME]) if isinstance(name, str) and name else None


_CONTROL_RULES = {
    "SubscriptionConfirmation": "must be a task, not SNS's request to confirm a subscription: open its SubscribeURL, "
    "or call `aws sns confirm-subscription` with its Token, and the topic's messages will come",
    "UnsubscribeConfirmation": "must be a task, not SNS's notice that a subscription was removed: open its "
    "SubscribeURL if the topic's messages should come again",
}


def _control_rule(fields: Json) -> str | None:
    """Return the rule that a control message of SNS breaks; None: it is none."""
    if not isinstance(fields, dict) or states_task(fields) or "TopicArn" not in fields:
        return None
    return _CONTROL_RULES.get(str(fields.get("Type")))


def _parse(text: str) -> Json:
    try:
        return strict_json.loads(without_mark(text))
    except NotStrictJson as error:
        raise Rejection("invalid_json", f"body: {error}") from None


def _usable(candidate: Json, otherwise: str) -> str:
    return candidate if isinstance(candidate, str) and re.fullmatch(ID_PATTERN, candidate) else otherwise


def readable_reply(body: str) -> str | None:
    """Return the place to reply to that a rejected message states, or None."""
    try:
        fields, _ = unwrap(body, "")
    except Rejection:
        return None
    reply_to = fields.get("reply_to") if isinstance(fields, dict) else None
    if not isinstance(reply_to, str) or not 0 < len(reply_to) <= LARGEST_REPLY:
        return None
    try:
        return check_form(reply_to)
    except ValueError:
        return None


def readable_id(body: str) -> str | None:
    """Return the valid `task_id` that a rejected message states, or that its object gives it, or None."""
    try:
        if s3_prompt := object_in(body):
            return s3_prompt.task_id
        fields, _ = unwrap(body, "")
    except Rejection:
        return None
    task_id = fields.get("task_id") if isinstance(fields, dict) else None
    return _usable(task_id, "") or None
