"""Hands tasks to Pointsman from Python and waits for their answers: `Client`, and `AsyncClient` for asyncio.

from pointsman.client import Client

client = Client.of_stack("pointsman")
sent = client.submit("Which suites cover the parser?", idempotency_key="build-118")
print(client.wait(sent, timeout=300).answer)
"""

from pointsman.client.asynchronous import AsyncClient
from pointsman.client.blocking import Client, Places
from pointsman.client.errors import (
    InvalidTaskError,
    NoStackError,
    NotEndedError,
    WebhookError,
)
from pointsman.client.message import Sent, TaskFields
from pointsman.client.result import (
    NoAnswerError,
    Result,
    SubtaskResult,
    TaskCancelledError,
    TaskFailedError,
    TaskRejectedError,
)
from pointsman.client.watch import Progress
from pointsman.client.webhook import verify_webhook

__all__ = [
    "AsyncClient",
    "Client",
    "InvalidTaskError",
    "NoAnswerError",
    "NoStackError",
    "NotEndedError",
    "Places",
    "Progress",
    "Result",
    "Sent",
    "SubtaskResult",
    "TaskCancelledError",
    "TaskFailedError",
    "TaskFields",
    "TaskRejectedError",
    "WebhookError",
    "verify_webhook",
]
