"""The sweep over tables in memory: it closes, delivers and finishes, and has nothing to archive or to tell."""

from typing import Any

from pointsman.adapters.ledger_reader import DynamoLedgerReader
from pointsman.adapters.limit_items import DynamoModelHealth
from pointsman.adapters.sweep_store import DynamoSweepStore
from pointsman.ports import TaskStore, Workflow
from pointsman.services.context import Context
from pointsman.services.delivery import Delivery
from pointsman.services.sweep import Sweep
from tests.support.aws import TABLES


def quiet_sweep(ctx: Context, store: Any, tasks: TaskStore, workflow: Workflow, delivery: Delivery) -> Sweep:
    """Return the sweep; `store` answers as a client of DynamoDB does."""
    nothing: Any = lambda *_: 0  # noqa: E731
    return Sweep(
        ctx=ctx,
        ledger=DynamoLedgerReader(store, TABLES),
        model_health=DynamoModelHealth(store, TABLES),
        tasks=tasks,
        workflow=workflow,
        delivery=delivery,
        budget_notice=nothing,
        account_notice=nothing,
        billing_notice=nothing,
        quality_notice=nothing,
        store=DynamoSweepStore(store, TABLES),
        archiving=nothing,
    )
