"""The daily report's function."""

from datetime import date, timedelta
from typing import Any

from pointsman.adapters.archive import ArchivedLedger
from pointsman.adapters.task_times import DynamoTaskTimes
from pointsman.entrypoints import runtime
from pointsman.entrypoints.runtime import Runtime
from pointsman.services.report import Reporting


def build_reporting(parts: Runtime) -> Reporting:
    """Return the use case."""
    stores = parts.stores
    ledger = ArchivedLedger(stores.ledger_reader, stores.archive)
    times = DynamoTaskTimes(stores.dynamodb, stores.tables)
    return Reporting(
        parts.context, ledger, stores.report_sink, times.milestones, stores.sweep_store, parts.settings.stand_in
    )


def daily_report(event: dict[str, Any]) -> dict[str, Any]:
    """Write the report of `event["date"]` (ISO), or of the day before today in the report's time zone."""
    parts = runtime.function_runtime()
    yesterday = parts.context.clock.now().astimezone(parts.settings.zone).date() - timedelta(days=1)
    day = date.fromisoformat(event["date"]) if event.get("date") else yesterday
    return parts.part(build_reporting).publish(day)
