"""A prompt that lies in S3: the object that an event of S3 names, and the task that the object states."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from pointsman.contracts.task import Rejection, Task, read_task, states_task
from pointsman.values import strict_json
from pointsman.values.strict_json import Json

_ROUTING = ("type", "tier")
_KEPT = ("ticket", "agent")
"""What `x-amz-meta-…` may state beside `private`; whatever else an object carries is its owner's business."""
_READ = frozenset({"private", *_ROUTING, *_KEPT})


MOST_RECORDS = 20
"""Objects that one notification may name: S3 itself names one, and each costs the router four calls of AWS."""


@dataclass(frozen=True, slots=True)
class S3Prompt:
    """One write of an object, as an event of S3 names it."""

    bucket: str
    key: str
    etag: str | None
    version: str | None
    """None: the bucket keeps no versions."""
    write: str
    """What tells this write of the key from every other."""

    @property
    def task_id(self) -> str:
        """The id of its task: the same for each delivery of the event, by whatever way."""
        name = strict_json.dumps([self.bucket, self.key, self.write])
        return f"s3-{hashlib.sha256(name.encode()).hexdigest()[:48]}"


def is_s3_event(fields: Json) -> bool:
    """Return whether it is a notification of S3, or its event on EventBridge."""
    if not isinstance(fields, dict) or states_task(fields):
        return False
    return fields.get("source") == "aws.s3" or bool(records_of(fields))


def is_test(fields: Json) -> bool:
    """Return whether S3 only tries whether its notifications arrive."""
    return isinstance(fields, dict) and fields.get("Event") == "s3:TestEvent" and "Service" in fields


def is_placeholder(fields: Json) -> bool:
    """Return whether an event of S3 tells of one empty object that a tool wrote to show a folder, which is no prompt.

    The console, sync tools and Hadoop (`_$folder$`) write such objects.
    """
    if not is_s3_event(fields):
        return False
    try:
        key = named_in(fields).key
    except Rejection:
        return False
    return key.endswith(("/", "_$folder$")) and _size_in(fields) == 0


def _size_in(fields: Json) -> Any:
    """Return the bytes of the object that an event of S3 names first; None: the event does not say."""
    records = records_of(fields)
    return _inside(_inside(records[0].get("s3") if records else _inside(fields, "detail"), "object"), "size")


def records_of(fields: Json) -> list[dict[str, Any]]:
    """Return the records of a notification of S3; none if it is something else."""
    records = fields.get("Records") if isinstance(fields, dict) else None
    if not isinstance(records, list):
        return []
    return [it for it in records if isinstance(it, dict) and it.get("eventSource") == "aws:s3"]


def named_in(fields: Json) -> S3Prompt:
    """Return the object that an event of S3 names, the first one of a notification.

    Raises:
        Rejection: `invalid_s3_event`: nothing was created, too much was, or the event is not as S3 makes it.
    """
    assert isinstance(fields, dict)
    records = records_of(fields)
    if len(records) > MOST_RECORDS:
        raise Rejection("invalid_s3_event", f"event: must name at most {MOST_RECORDS} objects")
    created, detail = (
        (str(records[0].get("eventName")).startswith("ObjectCreated:"), records[0].get("s3"))
        if records
        else (fields.get("detail-type") == "Object Created", fields.get("detail"))
    )
    if not created:
        raise Rejection("invalid_s3_event", "event: must be that an object was created")
    bucket, s3_object = _inside(detail, "bucket"), _inside(detail, "object")
    name, key, etag = _word(bucket, "name"), _word(s3_object, "key"), _word(s3_object, "eTag", "etag")
    key = unquote_plus(key) if records else key
    if not name or not key or "\x00" in key:
        raise Rejection("invalid_s3_event", "event: must name bucket and key of an object")
    version = _word(s3_object, "versionId", "version-id") or None
    return S3Prompt(name, key, etag or None, version, _word(s3_object, "sequencer") or version or etag)


def bucket_in(record: Mapping[str, Any]) -> str:
    """Return the name of the bucket that a record of a notification names; empty if it names none."""
    return _word(_inside(record.get("s3"), "bucket"), "name")


def _inside(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _word(value: Any, *names: str) -> str:
    """Return the first string that stands under one of the names, which differ by the way the event came."""
    values = (_inside(value, name) for name in names)
    return next((text for text in values if isinstance(text, str)), "")


def _decoded(value: str) -> str:
    """Return a metadata value in clear: S3 gives what is not ASCII as encoded words of RFC 2047.

    What cannot be decoded to storable text is a value like any other.
    """
    if "=?" not in value:
        return value
    from email.errors import HeaderParseError
    from email.header import decode_header, make_header

    try:
        text = str(make_header(decode_header(value)))
        text.encode()
    except (HeaderParseError, ValueError, LookupError):
        return value
    return text if text and "\x00" not in text else value


def task_of_object(wanted: S3Prompt, data: bytes, stated: Mapping[str, str]) -> Task:
    """Return the task of an object's bytes and its user metadata (names without `x-amz-meta-`).

    Raises:
        Rejection: `object_not_text`, or `invalid_task`: the metadata break a rule, or the text is blank.
    """
    try:
        prompt = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Rejection("object_not_text", "object: must be UTF-8 text") from None
    if "\x00" in prompt:
        raise Rejection("object_not_text", "object: must be UTF-8 text without NUL characters")
    stated = {name: _decoded(value) for name, value in stated.items() if name in _READ}
    private = stated.get("private", "false")
    fields: dict[str, Any] = {
        "prompt": prompt,
        "private": {"true": True, "false": False}.get(private, private),
        "metadata": {"bucket": wanted.bucket, "key": wanted.key} | {it: stated[it] for it in _KEPT if it in stated},
    }
    return read_task(fields | {it: stated[it] for it in _ROUTING if it in stated})
