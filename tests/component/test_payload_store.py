import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from pointsman.adapters.payload_store import INLINE, LARGEST_INLINE, RENEWED_AFTER, BucketPayloads
from pointsman.execution.records import Payload
from pointsman.values.errors import NotKeptError
from tests.support.aws import Aws


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_small_texts_stay_with_their_record(text: str) -> None:
    payloads = BucketPayloads(None, "data")
    assert payloads.fetch(payloads.keep(text, "t-1/task.f")) == text


@pytest.mark.parametrize(("text", "inline"), [("a" * INLINE, True), ("a" * (INLINE + 1), False), ("é" * INLINE, False)])
def test_large_texts_go_to_the_bucket(aws: Aws, text: str, inline: bool) -> None:
    payloads = BucketPayloads(aws.client("s3"), aws.bucket)
    content = payloads.keep(text, "t-1/task.f")
    assert content == (Payload(inline=text) if inline else Payload(ref="tasks/t-1/task.f"))
    assert payloads.fetch(content) == text


def test_line_ends_and_bytes_survive(aws: Aws) -> None:
    payloads = BucketPayloads(aws.client("s3"), aws.bucket)
    text = "\r\n\ufeff😀\x85\u2028" * 10_000
    assert payloads.fetch(payloads.keep(text, "t-1/answer.1")) == text


def test_a_text_can_be_put_there_whatever_its_size(aws: Aws) -> None:
    payloads = BucketPayloads(aws.client("s3"), aws.bucket)
    content = payloads.keep_large("", "t-1/answer.1")
    assert content == Payload(ref="tasks/t-1/answer.1")
    assert payloads.fetch(content) == ""


def test_no_content_is_no_text() -> None:
    assert BucketPayloads(None, "data").fetch(Payload()) == ""


def test_a_text_that_is_gone_is_an_error(aws: Aws) -> None:
    with pytest.raises(ClientError, match="NoSuchKey"):
        BucketPayloads(aws.client("s3"), aws.bucket).fetch(Payload(ref="tasks/gone"))


class OldText:
    """A bucket with one text of some age."""

    def __init__(self, age: timedelta) -> None:
        self.age, self.stored = age, dict[str, bytes]()

    def get_object(self, **_: object) -> dict[str, object]:
        return {"Body": io.BytesIO(b"A prompt."), "LastModified": datetime.now(UTC) - self.age}

    def put_object(self, **arguments: Any) -> None:
        self.stored[arguments["Key"]] = arguments["Body"]


@pytest.mark.parametrize(
    ("age", "renew", "stored"),
    [
        (RENEWED_AFTER + timedelta(minutes=1), True, {"tasks/t-1/task.f": b"A prompt."}),
        (RENEWED_AFTER - timedelta(minutes=1), True, {}),
        (RENEWED_AFTER + timedelta(minutes=1), False, {}),
    ],
)
def test_old_text_that_is_still_needed_is_stored_anew(age: timedelta, renew: bool, stored: dict[str, bytes]) -> None:
    bucket = OldText(age)
    assert BucketPayloads(bucket, "data").fetch(Payload(ref="tasks/t-1/task.f"), renew=renew) == "A prompt."
    assert bucket.stored == stored


class NoBucket:
    def put_object(self, **_: object) -> None:
        raise ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")


def test_an_answer_stays_with_its_record_when_the_bucket_does_not_take_it() -> None:
    payloads = BucketPayloads(NoBucket(), "data")
    large = "é" * (LARGEST_INLINE // 2)
    assert payloads.keep_answer(large, "t-1/answer.1") == Payload(inline=large)
    with pytest.raises(NotKeptError, match="ClientError from the bucket"):
        payloads.keep_answer(large + "a", "t-1/answer.1")
    with pytest.raises(ClientError):
        payloads.keep(large, "t-1/task.f")
