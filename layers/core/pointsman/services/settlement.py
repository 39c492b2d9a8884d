"""The settlement of a call that was made: tried until its function's time is over, and its answer first."""

from datetime import datetime, timedelta

from pointsman.execution.calls import Booking, Settled, Share
from pointsman.execution.model_health import HealthUpdate
from pointsman.execution.records import Payload, SubtaskBatch
from pointsman.services.context import Context
from pointsman.values.errors import StoreError
from pointsman.values.log_events import LogEvent

SETTLING_SECONDS = 8.0
"""Of a function's time, kept for writing the outcome."""
_RESERVE = timedelta(seconds=1)
"""Of that, kept for the function's own return."""
_WITHOUT_COUNTERS = timedelta(seconds=3)
"""Of that, kept for writing the outcome alone."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
"""Seconds between two tries, doubled each time; a transaction's conflicts are tried again by the store itself."""


def settle_in_time(
    ctx: Context,
    settled: Settled,
    health: HealthUpdate,
    until: datetime,
    answer: Payload | None,
    shares: tuple[Share, ...],
    subtasks: SubtaskBatch | None,
) -> Booking:
    """Settle the call, again and again while its function has time; return what became of it.

    `until` is when the answer had to be there. When the end is near, outcome and answer are stored without the
    counters, which whoever settles the intent next completes: until then they hold the reservation.

    Raises:
        StoreError: The tables were out of reach to the end.
    """
    pause = _FIRST_PAUSE
    end = max(until, ctx.clock.now()) + timedelta(seconds=SETTLING_SECONDS) - _RESERVE
    while True:
        last = ctx.clock.now() >= end - _WITHOUT_COUNTERS
        try:
            return ctx.ledger.settle(settled, health, answer, shares, subtasks, counters_due=last)
        except StoreError as trouble:
            spec = settled.intent.spec
            ctx.log(
                LogEvent.STORE_UNAVAILABLE,
                level="warning",
                task_id=spec.task_id,
                turn=spec.attempt_id,
                detail=str(trouble),
            )
            if ctx.clock.now() >= end:
                raise
        left = (end - _WITHOUT_COUNTERS - ctx.clock.now()).total_seconds()
        ctx.clock.sleep(min(pause, left) if left > 0 else _FIRST_PAUSE)
        pause = min(2 * pause, _LONGEST_PAUSE)
