"""What fails in one run of something that looks after many: each is kept from all the rest, and told in the end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pointsman.services.context import Context
from pointsman.values.errors import safe_message
from pointsman.values.log_events import LogEvent


@dataclass(frozen=True, slots=True)
class Troubles:
    """What failed in one run, each with its error in words that may be logged."""

    ctx: Context
    event: LogEvent
    words: list[str] = field(default_factory=list)

    @contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Keep an error in the block from everything else."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (raised in the end)
            why = safe_message(error)
            self.ctx.log(self.event, level="error", what=what, why=why)
            self.words.append(f"{what} ({why})")
