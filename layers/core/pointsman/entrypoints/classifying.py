"""The task classifier, which the router, the replay and the operator's commands share."""

from pointsman.adapters.decision_cache import LimitTableCache
from pointsman.entrypoints.runtime import Runtime
from pointsman.routing.classifier.local import LocalClassifier
from pointsman.services.classification import TaskClassifier


def build_local_classifier(parts: Runtime) -> LocalClassifier:
    """Return the local classifier; its weights are read once."""
    del parts
    return LocalClassifier.load()


def build_classifier(parts: Runtime) -> TaskClassifier:
    """Return the use case."""
    cache = LimitTableCache(parts.stores.dynamodb, parts.stores.tables)
    return TaskClassifier(parts.context, parts.part(build_local_classifier), cache, parts.stores.tasks)
