"""How much is left of a free model's day, for decisions that may do without asking it."""

from pointsman.execution.model_health import left_today
from pointsman.services.context import Context
from pointsman.values.errors import StoreError
from pointsman.values.times import local_day

SCARCE = 0.1
"""Share of the daily requests below which they are kept for what needs them."""


def is_scarce(ctx: Context, model_id: str) -> bool:
    """Return whether little is left of a free model's requests today; one read, of a model with such a quota."""
    now, quota = ctx.clock.now(), ctx.policy.quota(ctx.policy.catalog.get(model_id))
    if quota is None or quota.rpd is None or not ctx.policy.is_free(model_id):
        return False
    try:
        state = ctx.ledger.look(None, model_id, local_day(now, ctx.zone)).model
    except StoreError:
        return False
    return left_today(state, quota.rpd, now) < SCARCE * quota.rpd
