"""The queue's consumer: every message becomes one execution, a rejection, or goes back."""

from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from pointsman.cold_start import function
from pointsman.handlers import Context, take_batch

processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)


@function(lambda app: app.intake)
def handler(event: dict[str, Any], context: Context) -> Any:
    """Return the partial batch response: the messages that go back to the queue."""
    finish = take_batch(event, context)

    def record_handler(record: SQSRecord) -> None:
        finish(record.message_id)

    return process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
