"""The three tier functions: one attempt at a task."""

from typing import Any

from pointsman.adapters.models_tls import models_tls
from pointsman.entrypoints import runtime
from pointsman.entrypoints.delivery import build_delivery
from pointsman.entrypoints.lambda_context import LambdaContext, seconds_left
from pointsman.entrypoints.model_clients import adapter_of
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.workflow_state import WorkflowState
from pointsman.routing.catalog import Provider
from pointsman.services.attempt import Attempt
from pointsman.values.taxonomy import Tier


def build_attempt(parts: Runtime, function: Tier) -> Attempt:
    """Return a tier function's use case."""
    return Attempt(parts.context, parts.stores.payloads, function, parts.part(build_delivery).tell_answer)


def prepare_attempt(parts: Runtime, function: Tier, provider: Provider) -> None:
    """Build in INIT what every attempt of a cold function needs: its clients, and the context of the provider's."""
    parts.part(build_attempt, function)
    adapter_of(provider)
    models_tls()
    for client in (parts.stores.dynamodb, parts.stores.events, parts.stores.ssm):
        client.build_now()


def attempt(function: Tier, state: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Make one attempt and return the workflow's next state object."""
    make = runtime.function_runtime().part(build_attempt, function)
    return make(WorkflowState.from_state(state), seconds_left(context)).as_state()
