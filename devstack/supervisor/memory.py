"""What the supervisor remembers, on the disk: it may end at any time, and so may the machine."""

from datetime import datetime, timedelta
from pathlib import Path

from pydantic import BaseModel

from devstack.info import KEPT_DATA, StackInfo
from devstack.supervisor.alarms import Datapoint, Metric

_FILE_NAME = "supervisor.json"


class ScheduleRun(BaseModel):
    """When a schedule ran last, or was seen first."""

    expression: str
    """Of that time: another one is another schedule."""
    last: datetime


class StoredDatapoint(BaseModel):
    """A datapoint."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    at: datetime
    value: float

    @classmethod
    def of(cls, point: Datapoint) -> "StoredDatapoint":
        """Return a datapoint in the form that is stored."""
        metric = point.metric
        return cls(
            namespace=metric.namespace,
            name=metric.name,
            dimensions=dict(metric.dimensions),
            at=point.at,
            value=point.value,
        )

    @property
    def datapoint(self) -> Datapoint:
        """The datapoint."""
        return Datapoint(Metric(self.namespace, self.name, frozenset(self.dimensions.items())), self.at, self.value)


class AlarmState(BaseModel):
    """The state of an alarm as it was told last."""

    state: str
    since: datetime


class Memory(BaseModel):
    """All of it."""

    since: datetime
    """When the stack was supervised first."""
    runs: dict[str, ScheduleRun] = {}
    """By schedule."""
    read_until: datetime
    """Up to when the logs have been read."""
    datapoints: list[StoredDatapoint] = []
    alarms: dict[str, AlarmState] = {}
    """By alarm."""

    @classmethod
    def load(cls, folder: Path, now: datetime) -> "Memory":
        """Return what is stored; what cannot be read counts as nothing."""
        try:
            return cls.model_validate_json((folder / _FILE_NAME).read_bytes())
        except (FileNotFoundError, ValueError):
            return cls(since=now, read_until=now)

    def save(self, folder: Path) -> None:
        """Store it, atomically.

        Raises:
            OSError: It cannot be written, as on a full disk; what was stored before is whole.
        """
        unfinished = folder / f"{_FILE_NAME}.new"
        unfinished.write_text(self.model_dump_json())
        unfinished.replace(folder / _FILE_NAME)

    def drop_before(self, moment: datetime) -> None:
        """Forget datapoints from before a moment."""
        self.datapoints = [point for point in self.datapoints if point.at > moment]

    def due_since(self, name: str, expression: str, now: datetime) -> datetime:
        """Return when a schedule ran last; one that is seen for the first time counts from now on."""
        run = self.runs.get(name)
        if run is None or run.expression != expression or run.last > now + timedelta(minutes=1):
            run = self.runs[name] = ScheduleRun(expression=expression, last=now)
        return run.last


def memory_folder(stack: StackInfo) -> Path:
    """Return where the memory of a stack is: it lasts as long as the stack's data."""
    return stack.state_dir / (KEPT_DATA if stack.kept else "tmp")
