"""The restart of tasks whose execution is gone, as `pointsman up` runs it."""

from pointsman.entrypoints.runtime import Runtime
from pointsman.services.restart import Restart


def build_restart(parts: Runtime) -> Restart:
    """Return the use case."""
    return Restart(ctx=parts.context, tasks=parts.stores.tasks, workflow=parts.stores.workflow)
