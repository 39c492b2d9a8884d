"""Sends a question and waits for the answer, with Pointsman's client."""

import os
from typing import Any

from pointsman.client import Client, NoAnswerError, Places

client = Client(Places(os.environ["TASK_QUEUE_URL"], os.environ["TASK_TABLE"], os.environ["DATA_BUCKET"]))


def handler(event: dict[str, Any], context: Any) -> dict[str, str | None]:
    """Return the answer to `event["question"]`, or the reason for a failure; `event["key"]` identifies retries."""
    sent = client.submit(event["question"], type="status", idempotency_key=event["key"])
    try:
        result = client.wait(sent, timeout=context.get_remaining_time_in_millis() / 1000 - 2)
    except NoAnswerError as error:
        return {"task_id": sent.task_id, "answer": None, "reason": error.result.reason}
    return {"task_id": sent.task_id, "answer": result.answer}
