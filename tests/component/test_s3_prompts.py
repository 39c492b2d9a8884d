"""Prompts that lie in S3, through the router, on moto's buckets: read once, and never another write for this one."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pointsman.adapters.s3_prompts import S3PromptObjects
from pointsman.adapters.task_table import TaskTable
from pointsman.contracts.envelope import object_in
from pointsman.contracts.s3_prompt import S3Prompt
from pointsman.entrypoints.settings import Settings
from pointsman.execution.records import TaskRecord
from pointsman.services.intake import QueueMessage
from pointsman.values.errors import StoreError
from pointsman.values.limits import LARGEST_OBJECT
from pointsman.values.status import Status
from tests.support.aws import Aws, MotoLedger
from tests.support.router import PROMPTS, SECONDS, Router, build


@pytest.fixture
def router(aws: Aws, ledger: MotoLedger, task_table: TaskTable) -> Iterator[Router]:
    aws.client("s3").create_bucket(Bucket=PROMPTS)
    built = build(aws, ledger, task_table)
    yield built
    assert built.model.questions == []


def put(aws: Aws, data: bytes = b"Write it.", key: str = "a b.txt", write: str = "1", **stated: str) -> str:
    """Write an object and return the event of it."""
    answer = aws.client("s3").put_object(Bucket=PROMPTS, Key=key, Body=data, Metadata={"tier": "reasoning", **stated})
    named = {"key": key, "etag": answer["ETag"].strip('"'), "sequencer": write, "version-id": answer.get("VersionId")}
    detail = {"bucket": {"name": PROMPTS}, "object": {name: value for name, value in named.items() if value}}
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created", "id": "e-1", "detail": detail})


def record_of(router: Router, event: str) -> TaskRecord:
    reference = object_in(event)
    assert reference is not None
    return router.task(reference.task_id)


def test_an_object_is_a_task(router: Router, aws: Aws) -> None:
    event = put(aws, b"Schreib es.", ticket="OPS-7")
    assert router.run(QueueMessage("m-1", event)) == {}
    record = record_of(router, event)
    assert router.runs(record.task_id)
    assert json.loads(record.body.inline or "")["prompt"] == "Schreib es."
    assert record.metadata == {"bucket": PROMPTS, "key": "a b.txt", "ticket": "OPS-7"}


@pytest.mark.parametrize("overwritten", [True, False])
def test_a_delivery_after_the_first_goes_by_what_was_stored(router: Router, aws: Aws, overwritten: bool) -> None:
    event = put(aws)
    router.crash(QueueMessage("m-1", event))
    if overwritten:
        put(aws, b"Something else.")
    else:
        aws.client("s3").delete_object(Bucket=PROMPTS, Key="a b.txt")
    router.clock.advance(SECONDS + 1)
    assert router.run(QueueMessage("m-2", event), owner="router-2") == {}
    assert router.run(QueueMessage("m-3", event), owner="router-3") == {}
    assert len(router.workflow.executions) == 1
    assert json.loads(record_of(router, event).body.inline or "")["prompt"] == "Write it."
    assert router.dead.messages == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda aws: aws.client("s3").delete_object(Bucket=PROMPTS, Key="a b.txt"), "object_gone"),
        (lambda aws: put(aws, b"Something else."), "object_changed"),
        (lambda aws: put(aws, b"x" * (LARGEST_OBJECT + 1)), "object_changed"),
    ],
)
def test_s3_object_changed_before_it_was_read_is_rejected(router: Router, aws: Aws, change: Any, code: str) -> None:
    event = put(aws)
    change(aws)
    assert router.run(QueueMessage("m-1", event)) == {}
    assert router.dead.codes() == [code]
    assert record_of(router, event).status is Status.REJECTED
    assert [kind for kind, _ in router.bus.events] == ["Task Rejected"]


def test_in_a_bucket_with_versions_the_version_is_read(router: Router, aws: Aws) -> None:
    aws.client("s3").put_bucket_versioning(Bucket=PROMPTS, VersioningConfiguration={"Status": "Enabled"})
    first, second = put(aws), put(aws, b"Something else.", write="2")
    assert router.run(QueueMessage("m-1", first), QueueMessage("m-2", second)) == {}
    prompts = [json.loads(record_of(router, it).body.inline or "")["prompt"] for it in (first, second)]
    assert prompts == ["Write it.", "Something else."]


@pytest.mark.parametrize(
    ("data", "stated", "code"),
    [
        (b"x" * (LARGEST_OBJECT + 1), {}, "object_too_large"),
        (b"\xff", {}, "object_not_text"),
        (b"a", {"type": "poem"}, "invalid_task"),
    ],
)
def test_unusable_s3_object_is_rejected(router: Router, aws: Aws, data: bytes, stated: Any, code: str) -> None:
    assert router.run(QueueMessage("m-1", put(aws, data, **stated))) == {}
    assert router.dead.codes() == [code]


def test_a_rejected_object_may_be_read_once_its_bucket_is_allowed(router: Router, aws: Aws) -> None:
    allowed = router.intake.s3_prompts
    event = put(aws)
    router.intake = replace(router.intake, s3_prompts=replace(allowed, buckets=frozenset()))
    router.run(QueueMessage("m-1", event))
    assert router.dead.codes() == ["bucket_not_allowed"]
    router.intake = replace(router.intake, s3_prompts=allowed)
    assert router.run(QueueMessage("m-2", event)) == {}
    assert router.runs(record_of(router, event).task_id)


class Busy:
    """S3 while it throttles, or refuses."""

    def __init__(self, code: str, status: int) -> None:
        self._code, self._status = code, status

    def get_object(self, **_: object) -> object:
        answer: Any = {"Error": {"Code": self._code}, "ResponseMetadata": {"HTTPStatusCode": self._status}}
        raise ClientError(answer, "GetObject")


@pytest.mark.parametrize(
    ("code", "status", "kind"), [("SlowDown", 503, StoreError), ("AccessDenied", 403, ClientError)]
)
def test_trouble_of_s3_is_no_verdict_on_the_object(code: str, status: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        S3PromptObjects(Busy(code, status), "").read(S3Prompt("prompts", "a", "abc", None, "1"))


def test_bucket_of_another_account_is_not_read(aws: Aws) -> None:
    """The name of a bucket that is deleted may be taken by anybody."""
    asked: list[dict[str, str]] = []

    class Recording:
        def get_object(self, **stated: str) -> Any:
            asked.append(stated)
            return aws.client("s3").get_object(**stated)

    aws.client("s3").put_object(Bucket=aws.bucket, Key="a", Body=b"text")
    prompt = S3Prompt(aws.bucket, "a", None, None, "1")
    assert S3PromptObjects(Recording(), "123456789012").read(prompt)[0] == b"text"
    assert S3PromptObjects(Recording(), "").read(prompt)[0] == b"text"
    assert [it.get("ExpectedBucketOwner") for it in asked] == ["123456789012", None]
    machine = "arn:aws:states:us-east-1:123456789012:stateMachine:run-task"
    assert Settings(state_machine_arn=machine).account == "123456789012"
