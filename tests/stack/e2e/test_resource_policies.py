"""The policies that the stack has deployed refuse plain HTTP: evaluated by the emulator's own evaluator."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from devstack.toolchain import MINISTACK
from tests.support.local_stack import Stack

pytestmark = pytest.mark.stack

EVALUATE = """
import json, sys
from ministack.core.iam_evaluator import EvalContext, resource_policy_allows
asked = json.load(sys.stdin)
print(json.dumps([resource_policy_allows(asked["policy"], EvalContext(
    principal_arn=asked["role"], principal_type="AssumedRole", principal_account="000000000000",
    action=asked["action"], resource_arn=asked["resource"], region="us-east-1", secure_transport=secure), True)
    for secure in (True, False)]))
"""


def allowed(**asked: Any) -> list[bool]:
    """Return whether a role of the account may call over TLS, and whether without."""
    role = "arn:aws:sts::000000000000:assumed-role/any/session"
    python = str(Path(MINISTACK).with_name("python"))
    done = subprocess.run(
        [python, "-c", EVALUATE], input=json.dumps({**asked, "role": role}), capture_output=True, text=True, check=True
    )
    reused: list[bool] = json.loads(done.stdout.splitlines()[-1])
    return reused


@pytest.mark.parametrize("output", ["TaskQueueUrl", "DeadLetterQueueUrl"])
def test_queue_refuses_plain_http(stack: Stack, output: str) -> None:
    attributes = stack.client("sqs").get_queue_attributes(
        QueueUrl=stack.info.outputs[output], AttributeNames=["Policy", "QueueArn", "SqsManagedSseEnabled"]
    )["Attributes"]
    assert attributes["SqsManagedSseEnabled"] == "true"
    for action in ("sqs:SendMessage", "sqs:ReceiveMessage"):
        assert allowed(policy=attributes["Policy"], action=action, resource=attributes["QueueArn"]) == [True, False]


def test_bucket_refuses_plain_http(stack: Stack) -> None:
    s3, bucket = stack.client("s3"), stack.info.outputs["DataBucketName"]
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    resource = f"arn:aws:s3:::{bucket}/tasks/any"
    assert allowed(policy=policy, action="s3:GetObject", resource=resource) == [True, False]
    assert s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
