"""The replay, which runs in the operator's process with the operator's rights."""

from pointsman.adapters.dead_letters import DeadLetterQueueReader
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
        dead_letters=DeadLetterQueueReader(
            stores.sqs, settings.dlq_url, settings.task_queue_url, stores.s3, settings.bucket
        ),
        reply_places=settings.reply_places,
    )
