"""The economy function: one run of the economy lane."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pointsman.batch_ports import BatchClient
from pointsman.entrypoints import runtime
from pointsman.entrypoints.lambda_context import LambdaContext, seconds_left
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.batch import POOLED_FOR
from pointsman.services.batch_creation import BatchCreation
from pointsman.services.batch_settlement import BatchSettlement
from pointsman.services.economy import EconomyLane
from pointsman.services.lane_exit import LaneExit
from pointsman.services.task_call import TaskCalls


def build_economy(parts: Runtime, client: Callable[[], BatchClient] | None = None) -> EconomyLane:
    """Return the use case; `client` stands in for the provider's batches."""
    ctx, stores = parts.context, parts.stores
    batches = client or parts.models.batches
    calls, leaving = TaskCalls(ctx, stores.payloads), LaneExit(ctx, stores.tasks, stores.workflow)
    common = (ctx, stores.tasks, calls, stores.batches, leaving)
    settlement = BatchSettlement(*common, batches)
    creation = BatchCreation(*common, settlement, batches)
    return EconomyLane(ctx, stores.tasks, stores.batches, creation, settlement, leaving, batches)


def run_economy(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Take one turn; return what it did. With `now` in the event, what waits is sent without waiting for others."""
    lane = runtime.function_runtime().part(build_economy)
    pooled_for = timedelta() if event.get("now") else POOLED_FOR
    return asdict(lane(context.aws_request_id, seconds_left(context), pooled_for))
