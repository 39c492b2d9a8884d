"""The cancelling, which runs in the operator's process with the operator's rights."""

from pointsman.entrypoints.delivery import build_delivery
from pointsman.entrypoints.runtime import Runtime
from pointsman.services.cancellation import Cancellation


def build_cancellation(parts: Runtime) -> Cancellation:
    """Return the use case."""
    return Cancellation(parts.stores.tasks, parts.stores.workflow, parts.part(build_delivery))
