"""The replay, which runs in the operator's process with the operator's rights."""

from pointsman.adapters.dead_letters import SqsDeadLetterQueue
from pointsman.adapters.messaging import SqsTaskQueue
from pointsman.entrypoints.classifying import build_classifier
from pointsman.entrypoints.runtime import Runtime
from pointsman.services.replay import Replay


def build_replay(parts: Runtime) -> Replay:
    """Return the use case."""
    stores, settings = parts.stores, parts.settings
    return Replay(
        ctx=parts.context,
        tasks=stores.tasks,
        payloads=stores.payloads,
        workflow=stores.workflow,
        model_health=stores.model_health,
        classifier=parts.part(build_classifier),
        dead_letters=SqsDeadLetterQueue(stores.sqs, settings.dlq_url, stores.s3, settings.bucket),
        queue=SqsTaskQueue(stores.sqs, settings.task_queue_url),
        reply_places=settings.reply_places,
    )
