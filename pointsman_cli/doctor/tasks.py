"""Tasks of today and yesterday: which failed, were rejected, are held or late."""

from collections.abc import Iterator
from datetime import timedelta

from pointsman.entrypoints.cost_report import build_day_tasks
from pointsman.report.figures.day_tasks import DayTasks
from pointsman.report.render.attention import task_items
from pointsman.values.times import day_bounds, local_day
from pointsman_cli.doctor.stack_probe import Finding, StackProbe, ok, to_do

_FROM_ELSEWHERE = frozenset({"dead_letters"})
"""What the queue's own check says."""


def task_findings(probe: StackProbe) -> Iterator[Finding]:
    """Report the tasks that were received today and yesterday, as the report counts them."""
    zone = probe.connection.settings.zone
    today = local_day(probe.now, zone)
    reader = probe.connection.runtime.part(build_day_tasks)
    for name, day in (("today", today), ("yesterday", today - timedelta(days=1))):
        tasks = reader.read(*day_bounds(day, zone), probe.now)
        items = [item for item in task_items(tasks, day) if item.what not in _FROM_ELSEWHERE]
        for item in items:
            yield to_do("tasks", name, item.why.rstrip("."), item.do)
        if not items:
            yield ok("tasks", name, _counted(tasks))


def _counted(tasks: DayTasks) -> str:
    words = [f"{count:,} {kind.replace('_', ' ')}" for kind, count in tasks.counts.items() if count]
    return f"{tasks.received:,} received" + (f": {', '.join(words)}" if words else "")
