"""The rerun, which runs in the operator's process with the operator's rights."""

from pointsman.entrypoints.classifying import build_classifier
from pointsman.entrypoints.runtime import Runtime
from pointsman.services.rerun import Rerun


def build_rerun(parts: Runtime) -> Rerun:
    """Return the use case."""
    stores, classifier = parts.stores, parts.part(build_classifier)
    return Rerun(parts.context, stores.tasks, stores.payloads, stores.workflow, stores.model_health, classifier)
