"""The client."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self, Unpack

import boto3

from pointsman.adapters.aws import AWS_CALLS
from pointsman.adapters.dynamo import Tables
from pointsman.adapters.payload_store import BucketPayloads
from pointsman.adapters.task_table import TaskTable
from pointsman.client.errors import InvalidTaskError, NoStackError
from pointsman.client.message import Sent, TaskFields, body_of, task_fields
from pointsman.client.result import Result
from pointsman.client.watch import Progress, Watch, has_ended
from pointsman.contracts.message_validation import validate_message
from pointsman.contracts.sender import sender_attribute
from pointsman.execution import subtasks
from pointsman.execution.records import TaskRecord
from pointsman.values import strict_json
from pointsman.values.status import Status

DEFAULT_TIMEOUT = 900.0
"""Seconds that a wait takes at most; tasks themselves have until their deadline, 24 hours by default."""
_OUTPUTS = ("TaskQueueUrl", "TaskTableName", "DataBucketName")


@dataclass(frozen=True, slots=True)
class Places:
    """Where a stack takes tasks and keeps answers."""

    queue_url: str
    task_table: str
    bucket: str


class Client:
    """Hands tasks to one stack and waits for their answers. Threads may share it.

    It needs `sqs:SendMessage` on the queue to submit; `dynamodb:BatchGetItem` on the task table and `s3:GetObject` on
    `tasks/*` of the bucket to wait. Calls to AWS are tried up to 5 times in botocore's standard retry mode; a message
    that is thereby sent twice is one task, as both have its id.
    """

    def __init__(self, places: Places, session: Any = None) -> None:
        """Build the AWS clients.

        Args:
            places: The stack's queue, table and bucket.
            session: A boto3 session; None: the default one.
        """
        clients = session or boto3
        self.places = places
        self._sqs = clients.client("sqs", config=AWS_CALLS)
        self._tasks = TaskTable(clients.client("dynamodb", config=AWS_CALLS), Tables(places.task_table, "", ""))
        self._texts = BucketPayloads(clients.client("s3", config=AWS_CALLS), places.bucket)

    @classmethod
    def of_stack(cls, name: str = "pointsman", session: Any = None) -> Self:
        """Return the client of a deployed stack; this asks for `cloudformation:DescribeStacks` beside the rest.

        Raises:
            NoStackError: The stack has not the outputs of Pointsman's template.
        """
        described = (session or boto3).client("cloudformation", config=AWS_CALLS).describe_stacks(StackName=name)
        outputs = {output["OutputKey"]: output["OutputValue"] for output in described["Stacks"][0].get("Outputs", [])}
        if missing := [key for key in _OUTPUTS if key not in outputs]:
            raise NoStackError(f"stack {name} has no output {missing[0]}: it is not Pointsman's, or not fully deployed")
        return cls(Places(*(outputs[key] for key in _OUTPUTS)), session)

    def submit(self, prompt: str | None = None, **fields: Unpack[TaskFields]) -> Sent:
        """Put a task on the queue and return it as it was sent; `messages` may stand for the prompt.

        Raises:
            InvalidTaskError: It would be rejected, or is larger than SQS takes (1 MiB).
            TypeError: A field has another name.
        """
        return self.send(body_of(task_fields(prompt, fields)))

    def send(self, body: str, *, sender: str | None = None) -> Sent:
        """Put a whole message on the queue: a task as JSON, or an SNS or EventBridge envelope around one.

        `sender` is for whom; the router believes it of the front door's role only.

        Raises:
            InvalidTaskError: It would be rejected, or is larger than SQS takes (1 MiB).
        """
        body = strict_json.portable(body)
        if error := validate_message(body).error:
            raise InvalidTaskError(error)
        stated = {"MessageAttributes": sender_attribute(sender)} if sender else {}
        answer = self._sqs.send_message(QueueUrl=self.places.queue_url, MessageBody=body, **stated)
        return Sent.of(answer["MessageId"], body)

    def is_taken(self, body: str) -> bool:
        """Return whether a message asks for the id of a task with other content, so that it would be rejected.

        A task that the router has not claimed yet is not seen.
        """
        task = validate_message(body).task
        record = self.read(task.task_id) if task and task.task_id else None
        return bool(task and record and record.fingerprint and not task.has_fingerprint(record.fingerprint))

    def wait(
        self,
        task: Sent | str,
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Result:
        """Return the result of a task once it has completed.

        Args:
            task: What `submit` returned; or a task's id, where whichever task has it is meant.
            timeout: Seconds; None: without end.
            on_progress: Called whenever the task has come further.

        Raises:
            TaskFailedError: It failed.
            TaskRejectedError: Its message was rejected.
            NotEndedError: The time is over; it is a `TimeoutError`.
        """
        return next(self.results([task], timeout=timeout, on_progress=on_progress)).raise_for_status()

    def results(
        self,
        tasks: Iterable[Sent | str],
        *,
        timeout: float | None = DEFAULT_TIMEOUT,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> Iterator[Result]:
        """Yield the result of each task as it ends, failed and rejected ones included.

        The time runs from the first result that is asked for.

        Raises:
            NotEndedError: The time is over; its `task_ids` are those that are missing.
        """
        watch = Watch(tasks, timeout)
        while watch:
            results, news = self.look(watch)
            if on_progress:
                for progress in news:
                    on_progress(progress)
            yield from results
            if watch:
                time.sleep(watch.pause())

    def result(self, task_id: str) -> Result | None:
        """Return how a task ended; None if it has not, or is not known."""
        record = self.read(task_id)
        return self._result(record) if record and has_ended(record) else None

    def read(self, task_id: str) -> TaskRecord | None:
        """Return a task, or a rejected message by its own id or its SQS message's, as the table has it."""
        return self._tasks.read_many({task_id}).get(task_id)

    def look(self, watch: Watch) -> tuple[list[Result], list[Progress]]:
        """Return which tasks of a watch have ended since the last look, and which have come further."""
        ended, news = watch.take(self._tasks.read_many(watch.ids))
        return [self._result(record) for record in ended], news

    def _result(self, record: TaskRecord) -> Result:
        completed = record.status is Status.COMPLETED
        parts = self._tasks.read_many(subtasks.completed_ids(record.results))
        answers = {task_id: self._texts.fetch(part.answer) for task_id, part in parts.items()}
        return Result.of(record, self._texts.fetch(record.answer) if completed else None, answers)
