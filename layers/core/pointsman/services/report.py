"""The daily report: build it from the ledger, store it, announce it."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pointsman.execution.batch import LaneBatch
from pointsman.ports import LedgerReader, ReportSink, SweepStore
from pointsman.report.figures import history
from pointsman.report.figures.day_summary import DaySummary, summarize_day
from pointsman.report.figures.day_tasks import DayTasks
from pointsman.report.figures.quality import Quality
from pointsman.report.figures.report import LOOKBACK, Report, ReportScope, build_report
from pointsman.report.figures.speed import MilestoneLookup
from pointsman.report.figures.stack_place import StackPlace
from pointsman.report.render.as_json import as_json, exact_usd
from pointsman.report.render.formatting import rounded_dollars
from pointsman.report.render.text import render_summary, render_text
from pointsman.services.context import Context
from pointsman.services.day_tasks import DayTaskReader
from pointsman.values.log_events import LogEvent
from pointsman.values.times import day_bounds, days_between

_INDEX_KEY = "reports/index.html"
_HTML_TYPE = "text/html; charset=utf-8"
_PRESENT = timedelta(days=1)
"""For so long after its end, a day's report says which batches are open: it is made the day after."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """The use case of the report function and of `pointsman report`."""

    ctx: Context
    ledger: LedgerReader
    sink: ReportSink
    milestones: MilestoneLookup
    store: SweepStore
    stand_in: bool
    stack: StackPlace
    day_tasks: DayTaskReader
    open_batches: Callable[[], tuple[LaneBatch, ...]] = tuple
    """Reads the economy lane's batches that are not done."""
    quality: Callable[[datetime], Quality | None] = lambda _: None
    """Returns the quality of the answers up to an instant."""

    def build(self, day: date) -> Report:
        """Return the report of a day of the report's time zone."""
        counters = self.ledger.counters(f"{day:%Y-%m}", day.day)
        received = self._received(day)
        published = self.published()
        earlier, before = self._earlier(day, published), [entry.spend for entry in published]
        return build_report(self._scope(day), self._shards(day), counters, earlier, self.milestones, received, before)

    def build_alone(self, day: date) -> Report:
        """Return the report of a day without its month; only the day's own rows and tasks are read."""
        return build_report(self._scope(day), self._shards(day), {}, received=self._received(day))

    def _received(self, day: date) -> DayTasks:
        return self.day_tasks.read(*day_bounds(day, self.ctx.zone), self.ctx.clock.now())

    def _scope(self, day: date) -> ReportScope:
        now, (since, until) = self.ctx.clock.now(), day_bounds(day, self.ctx.zone)
        batches = self.open_batches() if since <= now < until + _PRESENT else ()
        quality = self.quality(until)
        return ReportScope(day, self.ctx.zone, self.ctx.policy, self.stand_in, now, self.stack, batches, quality)

    def _shards(self, day: date) -> Iterable[Iterable[Mapping[str, Any]]]:
        since, until = day_bounds(day, self.ctx.zone)
        return self.ledger.shards(since - LOOKBACK, until)

    def _earlier(self, day: date, published_days: list[history.PublishedDay]) -> list[DaySummary]:
        """Return the month's earlier days: as published if they were settled then, else from their rows."""
        zone, policy = self.ctx.zone, self.ctx.policy
        at, _ = day_bounds(day, zone)
        baseline = policy.resolve(policy.config.baseline, at).id
        published = {entry.spend.day: entry.summary for entry in published_days}
        summaries: list[DaySummary] = []
        for earlier in days_between(day.replace(day=1), day)[:-1]:
            summary = published.get(earlier)
            if summary is None or not summary.is_valid_for(str(zone), baseline):
                rows = self.ledger.shards(*day_bounds(earlier, zone))
                summary = summarize_day(earlier, str(zone), rows, policy, at)
            summaries.append(summary)
        return summaries

    def published(self) -> list[history.PublishedDay]:
        """Return the published days, oldest first."""
        return history.read_manifest(self.sink.fetch(history.MANIFEST_KEY))

    def is_published(self, day: date) -> bool:
        """Return whether the day's report was published after the day had ended."""
        return any(entry.spend.day == day and entry.complete for entry in self.published())

    def publish(self, day: date) -> dict[str, Any]:
        """Store and announce the day's report; return its keys and totals. Publishing again stores the same files."""
        watermarks = self.store.watermarks()  # read before the rows: what is settled now no longer changes
        report = self.build(day)
        settled = watermarks is not None and report.until <= watermarks.settled_before
        folder = f"reports/{day:%Y/%m/%d}"
        days = history.with_day(self.published(), history.published_day(report, settled=settled))
        for name, (content_type, render) in _files(days).items():
            self.sink.store(f"{folder}/{name}", content_type, render(report))
        self._index(days)
        self.sink.announce(announcement_subject(report), render_summary(report))
        self.ctx.count("ReportPublished")
        totals: dict[str, Any] = {
            "tasks": report.total.tasks,
            "attempts": report.total.attempts,
            "cost_nano": report.total.cost_nano,
            "usd": exact_usd(report.total.cost_nano),
            "saved_nano": report.baseline.saved_nano,
            "month_spent_nano": report.month.total.spent_nano,
        }
        self.ctx.log(LogEvent.REPORT_PUBLISHED, date=day.isoformat(), stand_in=report.stand_in, **totals)
        return {
            "date": day.isoformat(),
            "json_key": f"{folder}/report.json",
            "text_key": f"{folder}/report.txt",
            "html_key": f"{folder}/report.html",
            "csv_key": f"{folder}/report.csv",
            "index_key": _INDEX_KEY,
            "totals": totals,
        }

    def _index(self, days: list[history.PublishedDay]) -> None:
        from pointsman.report.render.index import render_index

        self.sink.store(history.MANIFEST_KEY, "application/json", history.manifest_text(days))
        self.sink.store(_INDEX_KEY, _HTML_TYPE, render_index(days))


def _files(days: list[history.PublishedDay]) -> dict[str, tuple[str, Callable[[Report], str]]]:
    """Return a day's files: content type and renderer by name.

    The renderers are imported here: a report that is only built does not need them.
    """
    from pointsman.report.render.as_csv import render_csv
    from pointsman.report.render.html import render_html

    return {
        "report.json": ("application/json", _document),
        "report.csv": ("text/csv; charset=utf-8", render_csv),
        "report.txt": ("text/plain; charset=utf-8", render_text),
        "report.html": (_HTML_TYPE, lambda report: render_html(report, days)),
    }


def _document(report: Report) -> str:
    return json.dumps(as_json(report), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def announcement_subject(report: Report) -> str:
    """Return the announcement's subject: one ASCII line under 100 characters, as SNS requires."""
    saved = f", saved {report.baseline.percent:.0f}%" if report.baseline.percent is not None else ""
    stand_ins = " (stand-ins)" if report.stand_in else ""
    return f"Pointsman {report.day}: {rounded_dollars(report.total.cost_nano, 4)}{saved}{stand_ins}"
