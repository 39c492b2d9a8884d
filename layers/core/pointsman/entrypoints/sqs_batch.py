"""A batch of the task queue, and its partial batch response: what `functions/router/app.py` calls."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from pointsman.contracts.envelope import parts
from pointsman.entrypoints.handlers import TIMEOUT_MARGIN, Context, seconds_left
from pointsman.entrypoints.wiring import application
from pointsman.services.intake import Message
from pointsman.values.errors import safe_message
from pointsman.values.times import from_ms


def take_in(event: dict[str, Any], context: Context) -> Any:
    """Return the partial batch response: the messages that go back to the queue."""
    finish = _take(event, context)

    def record_handler(record: SQSRecord) -> None:
        finish(record.message_id)

    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=record_handler, processor=processor)


def _take(event: dict[str, Any], context: Context) -> Callable[[str], None]:
    """Claim and decide a batch; return what ends one message of it, by its id."""
    app = application()
    intake = app.intake
    messages = {record["messageId"]: _messages(record) for record in event["Records"]}
    batch = intake.take(
        [each for some in messages.values() for each in some],
        context.aws_request_id,
        seconds_left(context) - TIMEOUT_MARGIN,
    )

    def finish(message_id: str) -> None:
        try:
            for message in messages[message_id]:
                intake.finish(message, batch)
        except Exception as trouble:
            app.note("message goes back", level="warning", message_id=message_id, why=safe_message(trouble))
            raise

    return finish


def _messages(record: dict[str, Any]) -> list[Message]:
    """Return the tasks of a record: nearly always one, under the message's own id."""
    sent = record.get("attributes", {}).get("SentTimestamp")
    sent_at = from_ms(int(sent)) if sent else None
    bodies, own_id = parts(record["body"]), record["messageId"]
    ids = [own_id] if len(bodies) == 1 else [f"{own_id}-{number}" for number in range(len(bodies))]
    return [Message(message_id, body, sent_at) for message_id, body in zip(ids, bodies, strict=True)]
