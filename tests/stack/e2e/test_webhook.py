"""Webhooks from the deployed stack, signed with the secret in Parameter Store, to a receiver with TLS."""

import json

import pytest

from pointsman.client import verify_webhook
from pointsman.contracts.webhook import host_secret
from tests.support.local_stack import WEBHOOK_PATH, Stack, eventually
from tests.support.roles import Role

pytestmark = pytest.mark.stack


def test_webhook_is_called_by_delivery_sweep_and_router(stack: Stack) -> None:
    stack.hooks.requests.clear()
    stack.hooks.answers = [404]
    task = {"prompt": "Which way?", "tier": "implementation"}
    task_id = stack.send(**task, reply_to=stack.webhook)
    eventually(lambda: getattr(stack.tasks.read(task_id), "attention", None), "the delivery that fails")
    went_well, response = Role(stack, "Sweep").invoke({})
    assert went_well, response
    stack.ended(task_id)
    stack.send(**task, task_id=task_id, reply_to=f"{stack.webhook}/again")  # a duplicate, answered from the store
    eventually(lambda: len(stack.hooks.requests) == 3 or None, "the router's answer")

    paths = [path for path, _, _ in stack.hooks.requests]
    assert paths == [WEBHOOK_PATH, WEBHOOK_PATH, f"{WEBHOOK_PATH}/again"]
    secret = host_secret(stack.webhook_secret, f"localhost:{stack.hooks.port}")
    details = [verify_webhook(headers, body, secret) for _, headers, body in stack.hooks.requests]
    assert [json.dumps(detail) for detail in details] == [json.dumps(details[0])] * 3
    assert (details[0]["task_id"], details[0]["status"]) == (task_id, "completed")
    assert {headers["webhook-id"] for _, headers, _ in stack.hooks.requests} == {f"{task_id}_1_completed"}


def test_webhook_at_an_unlisted_host_is_rejected(stack: Stack) -> None:
    message_id = stack.send_raw('{"prompt": "Which way?", "reply_to": "https://hooks.example.com/"}')
    record = eventually(lambda: stack.tasks.read(message_id), "the rejection")
    assert record.reason == "reply_to: must be a webhook at one of the hosts in parameter WebhookHosts"
