"""The task of an object in S3: read by the first delivery of its event; every later one goes by what was stored."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pointsman.contracts.s3_prompt import S3Prompt, task_of_object
from pointsman.contracts.task import Rejection, Task, read_task
from pointsman.ports import PayloadStore, TaskStore
from pointsman.values import strict_json
from pointsman.values.status import Status


@dataclass(frozen=True, slots=True)
class S3Prompts:
    """The use case: an object becomes a task."""

    tasks: TaskStore
    payloads: PayloadStore
    read_object: Callable[[S3Prompt], tuple[bytes, Mapping[str, str]]]
    """Returns what was written and the object's user metadata, or raises a `Rejection`."""
    buckets: frozenset[str]
    """Names of the buckets whose objects are prompts."""

    def task(self, prompt: S3Prompt) -> Task:
        """Return the object's task, whatever became of the object since it was first read.

        Raises:
            Rejection: it can never work.
            StoreError: S3 throttles or is out of reach; the message goes back to the queue.
        """
        record = self.tasks.read(prompt.task_id)
        if record and record.status is not Status.REJECTED:
            return read_task(strict_json.loads(self.payloads.fetch(record.body)))
        if prompt.bucket not in self.buckets:
            raise Rejection("bucket_not_allowed", "bucket: must be one of the buckets in parameter PromptBucketArns")
        return task_of_object(prompt, *self.read_object(prompt))
