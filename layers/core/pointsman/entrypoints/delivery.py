"""The delivery function: a task's end, to everyone who asked for it."""

from typing import Any

from pointsman.adapters.messaging import QueueAndTokenReplies, RepliesByKind, SqsTaskQueue
from pointsman.adapters.secret_keys import key_from
from pointsman.entrypoints import runtime
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.workflow_state import Next
from pointsman.ports import ReplySender
from pointsman.services.delivery import Delivery
from pointsman.services.subtasks import Subtasks
from pointsman.values.strict_json import loads

WEBHOOK_KEY = "POINTSMAN_WEBHOOK_KEY"
"""Where the webhooks' signing secret may stand in the environment."""


def build_delivery(parts: Runtime) -> Delivery:
    """Return the use case."""
    stores, settings = parts.stores, parts.settings
    queue_and_token = QueueAndTokenReplies(stores.sqs, stores.stepfunctions)
    replies = RepliesByKind(queue_and_token, lambda: _webhooks(parts))
    queue = SqsTaskQueue(stores.sqs, settings.task_queue_url)
    subtasks = Subtasks(parts.context, stores.tasks, stores.payloads, queue)
    return Delivery(parts.context, stores.tasks, stores.payloads, stores.bus, replies, settings.bucket, subtasks)


def prepare_delivery(parts: Runtime) -> None:
    """Build in INIT what every delivery needs."""
    parts.part(build_delivery)
    parts.stores.dynamodb.build_now()
    parts.stores.events.build_now()


def _webhooks(parts: Runtime) -> ReplySender:
    from pointsman.adapters.webhook import Webhooks, is_own, is_public

    settings = parts.settings
    rule = is_own if settings.model_calls == "loopback" else is_public
    return Webhooks(lambda: key_from(WEBHOOK_KEY, settings.webhook_key_parameter, lambda: parts.stores.ssm), rule)


def deliver(event: dict[str, Any]) -> dict[str, Any]:
    """Deliver a task's end, or announce that it is held; `event` is the workflow's state object or an execution status
    change.
    """
    if "detail" in event:
        state = loads(event["detail"].get("input") or "{}")
        if not isinstance(state, dict) or "task_id" not in state:
            return {"status": None}
        event = {**state, "reason": f"workflow_{str(event['detail']['status']).lower()}"}
    delivery = runtime.function_runtime().part(build_delivery)
    if event.get("next") == Next.WAIT:  # not at its end yet
        held = delivery.announce_hold(event["task_id"], event["generation"], event["waiting_for"])
        return {"task_id": event["task_id"], "status": "held" if held else None}
    status = delivery.finish(event["task_id"], event["generation"], event.get("reason"), event.get("waiting_for"))
    return {"task_id": event["task_id"], "status": status}
