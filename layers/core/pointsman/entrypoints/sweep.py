"""The sweep function."""

from dataclasses import asdict
from typing import Any

from pointsman.entrypoints import runtime
from pointsman.entrypoints.delivery import build_delivery
from pointsman.entrypoints.runtime import Runtime
from pointsman.services.account_notice import AccountNotice
from pointsman.services.archive import Archiving
from pointsman.services.billing_notice import BillingNotice
from pointsman.services.budget_notice import BudgetNotice
from pointsman.services.notices import TeamNotices
from pointsman.services.quality import QualityFigures, QualityNotice
from pointsman.services.sweep import Sweep


def build_sweep(parts: Runtime) -> Sweep:
    """Return the use case."""
    ctx, stores = parts.context, parts.stores
    notices = TeamNotices(ctx, stores.sweep_store, stores.bus, stores.report_sink)
    return Sweep(
        ctx=ctx,
        ledger=stores.ledger_reader,
        model_health=stores.model_health,
        tasks=stores.tasks,
        workflow=stores.workflow,
        delivery=parts.part(build_delivery),
        budget_notice=BudgetNotice(ctx, stores.ledger_reader, notices),
        account_notice=AccountNotice(ctx, notices),
        billing_notice=BillingNotice(ctx, notices),
        quality_notice=QualityNotice(QualityFigures(ctx, lambda months: stores.quality.pairs(months)), notices),
        store=stores.sweep_store,
        archiving=Archiving(ctx, stores.ledger_reader, stores.archive, stores.sweep_store),
    )


def run_sweep() -> dict[str, Any]:
    """Sweep; return the counts."""
    return asdict(runtime.function_runtime().part(build_sweep)())
