"""From Lambda's events to the use cases and back: what each `functions/<name>/app.py` calls."""

import warnings
from base64 import b64decode
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any, Protocol

from pointsman.entrypoints.wiring import application
from pointsman.execution.workflow_state import WorkflowState
from pointsman.values.strict_json import loads
from pointsman.values.taxonomy import Tier

# Most invocations have nothing to count; Powertools would say so in every log.
warnings.filterwarnings("ignore", message="No application metrics to publish", category=UserWarning)

TIMEOUT_MARGIN = 5.0
"""Seconds before a function's timeout at which a claim's lease ends, or a caller is answered."""


class Context(Protocol):
    """The part of Lambda's context that is used."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the timeout."""
        ...


def attempt(function: Tier, state: dict[str, Any], context: Context) -> dict[str, Any]:
    """Make one attempt and return the workflow's next state object."""
    return application().attempt(function)(WorkflowState.from_state(state), seconds_left(context)).as_state()


def deliver(event: dict[str, Any]) -> dict[str, Any]:
    """Deliver a task's end; `event` is the workflow's state object or an execution status change."""
    if "detail" in event:
        stated = loads(event["detail"].get("input") or "{}")
        if not isinstance(stated, dict) or "task_id" not in stated:
            return {"status": None}
        event = {**stated, "reason": f"workflow_{str(event['detail']['status']).lower()}"}
    status = application().delivery.finish(event["task_id"], event["generation"], event.get("reason"))
    return {"task_id": event["task_id"], "status": status}


def sweep() -> dict[str, Any]:
    """Sweep; return the counts."""
    return asdict(application().sweep())


def daily_report(event: dict[str, Any]) -> dict[str, Any]:
    """Write the report of `event["date"]` (ISO), or of the day before today in the report's time zone."""
    app = application()
    zone = app.settings.zone
    yesterday = app.context.clock.now().astimezone(zone).date() - timedelta(days=1)
    day = date.fromisoformat(event["date"]) if event.get("date") else yesterday
    return app.reporting.publish(day)


def answer_http(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Answer a request to the front door; event and result have the form of a function URL (payload 2.0)."""
    from pointsman.chat_api.chat_api import HttpRequest

    stated = event.get("body") or ""
    body = b64decode(stated) if event.get("isBase64Encoded") else stated.encode(errors="surrogatepass")
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    request = HttpRequest(event["requestContext"]["http"]["method"], event["rawPath"], headers, body)
    response = application().chat_api(request, seconds_left(context) - TIMEOUT_MARGIN)
    return {"statusCode": response.status, "headers": response.headers, "body": response.body}


def seconds_left(context: Context) -> float:
    """Return the seconds until the timeout."""
    return context.get_remaining_time_in_millis() / 1000
