"""The daily report's function."""

import gc
from datetime import date, datetime, timedelta
from typing import Any

from pointsman.adapters.archive import ArchivedLedger
from pointsman.adapters.dead_letters import count_letters
from pointsman.adapters.task_times import DynamoTaskTimes
from pointsman.entrypoints import runtime
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.batch import LaneBatch
from pointsman.report.figures.stack_place import StackPlace
from pointsman.services.day_tasks import DayTaskReader
from pointsman.services.quality import QualityFigures
from pointsman.services.report import Reporting


def build_reporting(parts: Runtime) -> Reporting:
    """Return the use case."""
    stores = parts.stores
    ledger = ArchivedLedger(stores.ledger_reader, stores.archive)
    times = DynamoTaskTimes(stores.dynamodb, stores.tables)
    settings = parts.settings
    return Reporting(
        parts.context,
        ledger,
        stores.report_sink,
        times.milestones,
        stores.sweep_store,
        settings.stand_in,
        StackPlace(settings.stack_name, settings.account, settings.region),
        build_day_tasks(parts),
        lambda: _open_batches(parts),
        build_quality(parts),
    )


def build_quality(parts: Runtime) -> QualityFigures:
    """Return what adds the judged pairs up."""
    return QualityFigures(parts.context, lambda months: parts.stores.quality.pairs(months))


def _open_batches(parts: Runtime) -> tuple[LaneBatch, ...]:
    """Return the economy lane's batches that are not done; nothing is read where there is no lane."""
    if not parts.settings.economy_lane:
        return ()
    store = parts.stores.batches
    return tuple(batch for batch_id in store.look().batch_ids if (batch := store.read(batch_id)))


def build_day_tasks(parts: Runtime) -> DayTaskReader:
    """Return what reads the tasks of a day."""
    stores, url = parts.stores, parts.settings.dlq_url
    return DayTaskReader(stores.task_list.received, stores.workflow, lambda: count_letters(stores.sqs, url))


def collect_rarely() -> None:
    """Have the garbage collector look less often: a report makes millions of objects, and hardly any in a cycle."""
    gc.set_threshold(50_000, 50, 50)


def daily_report(event: dict[str, Any]) -> dict[str, Any] | None:
    """Write the report of `event["date"]` (ISO), or of the day before today in the report's time zone.

    With `event["if_missing"]`, write the report that was due last at `event["report_hour"]` unless it was published,
    and return None if it was: EventBridge Scheduler skips a local hour that a clock change leaves out.
    """
    collect_rarely()
    parts = runtime.function_runtime()
    reporting, now = parts.part(build_reporting), parts.context.clock.now().astimezone(parts.settings.zone)
    if event.get("if_missing"):
        day = last_due(now.replace(tzinfo=None), event["report_hour"])
        return None if reporting.is_published(day) else reporting.publish(day)
    day = date.fromisoformat(event["date"]) if event.get("date") else now.date() - timedelta(days=1)
    return reporting.publish(day)


def last_due(now: datetime, report_hour: int) -> date:
    """Return the day whose report was due last; `now` is local time, and a day's report is due on the day after."""
    return (now - timedelta(hours=report_hour)).date() - timedelta(days=1)
