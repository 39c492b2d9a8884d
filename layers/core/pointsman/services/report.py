"""The daily report: build it from the ledger, store it, announce it."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from pointsman.execution.batch import LaneBatch
from pointsman.report.bill.kept import KeptMonths, KeptReconciliation, latest_kept
from pointsman.report.figures import history
from pointsman.report.figures.day_summary import DaySummary, summarize_day
from pointsman.report.figures.day_tasks import DayTasks
from pointsman.report.figures.ledger_entries import EARLIER_ATTRIBUTES, ENTRY_ATTRIBUTES
from pointsman.report.figures.quality import Quality
from pointsman.report.figures.report import LOOKBACK, Report, ReportScope, build_report
from pointsman.report.figures.speed import MilestoneLookup
from pointsman.report.figures.stack_place import StackPlace
from pointsman.report.render.as_json import as_json, exact_usd
from pointsman.report.render.formatting import rounded_dollars
from pointsman.report.render.text import render_summary, render_text
from pointsman.report_ports import LedgerReader, ReportSink, SweepStore
from pointsman.services.context import Context
from pointsman.services.day_tasks import DayTaskReader
from pointsman.values.log_events import LogEvent
from pointsman.values.times import day_bounds, days_between

if TYPE_CHECKING:
    from pointsman.report.bill.reconciliation import Reconciliation

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
        manifest = self.sink.fetch(history.MANIFEST_KEY)
        published = history.read_manifest(manifest)
        earlier, before = self._earlier(day, published), [entry.spend for entry in published]
        scope = replace(self._scope(day), reconciled=latest_kept(history.read_reconciled(manifest), f"{day:%Y-%m}"))
        return build_report(scope, self._shards(day), counters, earlier, self.milestones, received, before)

    def build_alone(self, day: date) -> Report:
        """Return the report of a day without its month; only the day's own rows and tasks are read."""
        return build_report(self._scope(day), self._shards(day), {}, received=self._received(day))

    def _received(self, day: date) -> DayTasks:
        return self.day_tasks.read(*day_bounds(day, self.ctx.zone), self.ctx.clock.now())

    def _scope(self, day: date) -> ReportScope:
        now, (since, until) = self.ctx.clock.now(), day_bounds(day, self.ctx.zone)
        batches = self.open_batches() if since <= now < until + _PRESENT else ()
        scope = ReportScope(day, self.ctx.zone, self.ctx.policy, self.stand_in, now, self.stack, batches)
        return replace(scope, quality=self.quality(until))

    def _shards(self, day: date) -> Iterable[Iterable[Mapping[str, Any]]]:
        return shards_for_report(self.ledger, *day_bounds(day, self.ctx.zone))

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
                rows = self.ledger.shards(*day_bounds(earlier, zone), ENTRY_ATTRIBUTES)
                summary = summarize_day(earlier, str(zone), rows, policy, at)
            summaries.append(summary)
        return summaries

    def published(self) -> list[history.PublishedDay]:
        """Return the published days, oldest first."""
        return history.read_manifest(self.sink.fetch(history.MANIFEST_KEY))

    def reconciled(self, month: date) -> tuple[KeptReconciliation, ...]:
        """Return what is kept of the month's reconciliation, by provider."""
        kept = history.read_reconciled(self.sink.fetch(history.MANIFEST_KEY)).get(f"{month:%Y-%m}", {})
        return tuple(kept[provider] for provider in sorted(kept))

    def is_published(self, day: date) -> bool:
        """Return whether the day's report was published after the day had ended."""
        return any(entry.spend.day == day and entry.complete for entry in self.published())

    def publish(self, day: date) -> dict[str, Any]:
        """Store and announce the day's report; return its keys and totals. Publishing again stores the same files."""
        watermarks = self.store.watermarks()  # read before the rows: what is settled now no longer changes
        report = self.build(day)
        settled = watermarks is not None and report.until <= watermarks.settled_before
        folder = f"reports/{day:%Y/%m/%d}"
        manifest = self.sink.fetch(history.MANIFEST_KEY)
        days = history.with_day(history.read_manifest(manifest), history.published_day(report, settled=settled))
        for name, (content_type, render) in _files(days).items():
            self.sink.store(f"{folder}/{name}", content_type, render(report))
        self._index(days, history.read_reconciled(manifest))
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

    def keep_reconciliation(self, month: str, compared: "Iterable[Reconciliation]", document: str) -> str:
        """Keep a month's reconciliation: the document in the bucket, its outcome in the manifest. Return its key.

        The manifest is what each report reads anyway.
        """
        key = f"reports/{month.replace('-', '/')}/reconciliation.json"
        self.sink.store(key, "application/json", document + "\n")
        manifest = self.sink.fetch(history.MANIFEST_KEY)
        reconciled = history.read_reconciled(manifest)
        for comparison in compared:
            reconciled.setdefault(month, {})[comparison.provider] = KeptReconciliation.of(month, comparison)
        text = history.manifest_text(history.read_manifest(manifest), reconciled)
        self.sink.store(history.MANIFEST_KEY, "application/json", text)
        return key

    def _index(self, days: list[history.PublishedDay], reconciled: KeptMonths) -> None:
        from pointsman.report.render.index import render_index

        self.sink.store(history.MANIFEST_KEY, "application/json", history.manifest_text(days, reconciled))
        self.sink.store(_INDEX_KEY, _HTML_TYPE, render_index(days))


def shards_for_report(ledger: LedgerReader, since: datetime, until: datetime) -> Iterator[Iterator[dict[str, Any]]]:
    """Yield each shard's rows of the day that `build_report` needs, after those of the time before it, of which less is
    fetched.
    """
    earlier = ledger.shards(since - LOOKBACK, since, EARLIER_ATTRIBUTES)
    today = ledger.shards(since, until, ENTRY_ATTRIBUTES)
    return (chain(*both) for both in zip(earlier, today, strict=True))


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
