"""The router: a batch of the task queue, and its partial batch response."""

from collections.abc import Callable
from typing import Any

from pointsman.adapters.dead_letters import SqsDeadLetterQueue
from pointsman.adapters.s3_prompts import S3PromptObjects
from pointsman.contracts.envelope import parts as parts_of_body
from pointsman.contracts.sender import SENDER_ATTRIBUTE, SenderRules
from pointsman.entrypoints import runtime
from pointsman.entrypoints.classifying import build_classifier
from pointsman.entrypoints.delivery import build_delivery
from pointsman.entrypoints.lambda_context import TIMEOUT_MARGIN, LambdaContext, seconds_left
from pointsman.entrypoints.runtime import Runtime
from pointsman.services.intake import Intake, QueueMessage
from pointsman.services.rejection import RejectMessage
from pointsman.services.s3_prompts import S3Prompts
from pointsman.values.errors import safe_message
from pointsman.values.log_events import LogEvent
from pointsman.values.times import from_ms


def build_intake(parts: Runtime) -> Intake:
    """Return the router's use case."""
    ctx, stores, settings = parts.context, parts.stores, parts.settings
    delivery = parts.part(build_delivery)
    dead_letters = SqsDeadLetterQueue(stores.sqs, settings.dlq_url, stores.s3, settings.bucket)
    read_object = S3PromptObjects(stores.s3, settings.account).read
    return Intake(
        ctx=ctx,
        tasks=stores.tasks,
        payloads=stores.payloads,
        workflow=stores.workflow,
        model_health=stores.model_health,
        delivery=delivery,
        classifier=parts.part(build_classifier),
        s3_prompts=S3Prompts(stores.tasks, stores.payloads, read_object, settings.prompt_buckets),
        reject=RejectMessage(ctx, stores.tasks, dead_letters, stores.bus, delivery, settings.reply_places),
        economy=settings.economy_lane,
    )


def prepare_intake(parts: Runtime) -> None:
    """Build in INIT what every batch needs."""
    parts.part(build_intake)
    parts.stores.dynamodb.build_now()
    parts.stores.stepfunctions.build_now()


def route_batch(event: dict[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Return the partial batch response: the messages that go back to the queue."""
    is_dealt_with = _claim_batch(event, context)
    back = [message_id for record in event["Records"] if not is_dealt_with(message_id := record["messageId"])]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in back]}


def _claim_batch(event: dict[str, Any], context: LambdaContext) -> Callable[[str], bool]:
    """Claim and decide a batch; return what ends one message of it, by its id, and says whether it did."""
    parts = runtime.function_runtime()
    intake = parts.part(build_intake)
    rules = parts.part(_sender_rules)
    opened = {record["messageId"]: _opened(record, rules) for record in event["Records"]}
    flat = [message for messages in opened.values() if isinstance(messages, list) for message in messages]
    batch = intake.claim_batch(flat, context.aws_request_id, seconds_left(context) - TIMEOUT_MARGIN)

    def end_message(message_id: str) -> bool:
        try:
            messages = opened[message_id]
            if isinstance(messages, Exception):
                raise messages
            for message in messages:
                intake.start_or_reject(message, batch)
        except Exception as trouble:  # noqa: BLE001  (one message's trouble is no other's)
            why = safe_message(trouble)
            parts.context.log(LogEvent.MESSAGE_RETURNED, level="warning", message_id=message_id, why=why)
            return False
        return True

    return end_message


def _sender_rules(parts: Runtime) -> SenderRules:
    return parts.settings.sender_rules


def _opened(record: dict[str, Any], rules: SenderRules) -> list[QueueMessage] | Exception:
    """Return the tasks of a record, or what goes wrong with it alone."""
    try:
        return _messages(record, rules)
    except Exception as trouble:  # noqa: BLE001  (one message's trouble is no other's)
        return trouble


def _messages(record: dict[str, Any], rules: SenderRules) -> list[QueueMessage]:
    """Return the tasks of a record: nearly always one, under the message's own id."""
    attributes, stated = record.get("attributes", {}), record.get("messageAttributes", {}).get(SENDER_ATTRIBUTE, {})
    sent = attributes.get("SentTimestamp")
    sender = rules.sender_of(attributes.get("SenderId"), stated.get("stringValue"), record["body"])
    sent_at = from_ms(int(sent)) if sent else None
    bodies, message_id = parts_of_body(record["body"]), record["messageId"]
    ids = [message_id] if len(bodies) == 1 else [f"{message_id}-{number}" for number in range(len(bodies))]
    return [QueueMessage(part_id, body, sent_at, sender) for part_id, body in zip(ids, bodies, strict=True)]
