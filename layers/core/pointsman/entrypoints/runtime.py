"""What one process works with: its settings, its stores and the context of its use cases; each builder takes it."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Concatenate

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from pointsman.entrypoints.model_clients import ModelClients
from pointsman.entrypoints.settings import Settings
from pointsman.entrypoints.stores import BotocoreSession, Stores
from pointsman.ports import Clock
from pointsman.routing import catalog, config
from pointsman.routing.policy import RoutingPolicy
from pointsman.services.context import Context, Count, Log
from pointsman.values.log_events import LogEvent

_UNITS = {
    "MonthSpendPercent": MetricUnit.Percent,
    "QuotaUsedPercent": MetricUnit.Percent,
    "OrchestrationMilliseconds": MetricUnit.Milliseconds,
}
"""Of the metrics that are no counts."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


@dataclass(frozen=True)
class Runtime:
    """A process's settings, stores and context. Parts are built from it when they are first used."""

    settings: Settings
    config_text: str
    """The text of `openclaw.json`."""
    stores: Stores
    context: Context
    models: ModelClients
    _parts: dict[Any, Any] = field(default_factory=dict)

    def part[**P, T](self, build: Callable[Concatenate["Runtime", P], T], *args: P.args, **options: P.kwargs) -> T:
        """Return what a builder makes of this runtime; it is made once."""
        key = (build, args)
        if key not in self._parts:
            self._parts[key] = build(self, *args, **options)
        part: T = self._parts[key]
        return part


def build_runtime(
    settings: Settings, config_text: str, session: Any, *, log: Log, count: Count, clock: Clock | None = None
) -> Runtime:
    """Return the runtime over a stack. `session` makes AWS clients, as a boto3 session does; `log` and `count` get what
    the use cases have to say.
    """
    policy = RoutingPolicy(config.parse(config_text, settings.overrides), catalog.load_catalog())
    stores = Stores(settings, session)
    models = ModelClients(settings, stores)
    context = Context(policy, stores.ledger, models, clock or SystemClock(), settings.zone, log, count)
    return Runtime(settings, config_text, stores, context, models)


def lambda_runtime(settings: Settings, config_text: str, session: Any) -> Runtime:
    """Return a runtime that logs and counts by Powertools."""
    logger, metrics = Logger(), Metrics()

    def log(event: LogEvent, *, level: str = "info", **fields: object) -> None:
        getattr(logger, level)(event, extra={name: value for name, value in fields.items() if value is not None})

    def count(name: str, value: float = 1) -> None:  # the handler's decorator writes it
        metrics.add_metric(name=name, unit=_UNITS.get(name, MetricUnit.Count), value=value)

    return build_runtime(settings, config_text, session, log=log, count=count)


@cache
def function_runtime() -> Runtime:
    """Return the runtime of this function's environment and of the `openclaw.json` that the package carries."""
    text = (files("pointsman") / "openclaw.json").read_text()
    return lambda_runtime(Settings.from_environment(), text, BotocoreSession())


def warm_up(parts: Callable[[Runtime], object]) -> None:
    """Build `parts` while Lambda initialises, where the processor is not throttled; elsewhere do nothing."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE"):
        parts(function_runtime())
