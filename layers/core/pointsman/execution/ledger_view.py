"""What the tables say before a call: of the task, the model, the budget, and of whom limits hold for."""

from dataclasses import dataclass, field
from datetime import date

from pointsman.execution.model_health import ModelState
from pointsman.execution.records import TaskRecord
from pointsman.execution.sender_limits import LimitsView


@dataclass(frozen=True, slots=True)
class LedgerView:
    """What a tier function knows before it calls: read in one round trip, and one more where limits hold."""

    task: TaskRecord | None
    model: ModelState
    counters: dict[str, int] = field(default_factory=dict)
    released: dict[str, int] = field(default_factory=dict)
    """See `Charge.released`."""
    day: date = date.min
    """Whose counters these are, and its month's."""
    limits: LimitsView | None = None
    """None: nobody's limits were looked at yet."""
