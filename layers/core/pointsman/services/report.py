"""The daily report: read the books of a day, store the report, tell the team."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pointsman.ports import LedgerReader, ReportSink, SweepStore
from pointsman.report.figures import history, report
from pointsman.report.figures.day_summary import Summary, summed
from pointsman.report.figures.report import BEFORE, Report, ReportScope
from pointsman.report.figures.speed import LookUp
from pointsman.report.render.as_json import as_json, exact
from pointsman.report.render.formatting import rounded_dollars
from pointsman.report.render.text import render_summary, render_text
from pointsman.services.context import Context
from pointsman.values.log_events import LogEvent
from pointsman.values.times import day_bounds, days_between, month_key

INDEX = "reports/index.html"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Reporting:
    """The use case of the report function and of `pointsman report`."""

    ctx: Context
    ledger: LedgerReader
    sink: ReportSink
    milestones: LookUp
    store: SweepStore
    stand_in: bool

    def build(self, day: date) -> Report:
        """Return the report of a day of the report's time zone."""
        counters = self.ledger.counters(month_key(day_bounds(day, self.ctx.zone)[0], self.ctx.zone))
        return report.build_report(self._frame(day), self._shards(day), counters, self._earlier(day), self.milestones)

    def entry(self, day: date) -> history.PublishedDay:
        """Return the day in short, of which its rows alone are read."""
        return history.entry_of(report.build_report(self._frame(day), self._shards(day), {}))

    def _frame(self, day: date) -> ReportScope:
        return ReportScope(day, self.ctx.zone, self.ctx.policy, self.stand_in, self.ctx.clock.now())

    def _shards(self, day: date) -> Iterable[Iterable[Mapping[str, Any]]]:
        since, until = day_bounds(day, self.ctx.zone)
        return self.ledger.shards(since - BEFORE, until)

    def _earlier(self, day: date) -> list[Summary]:
        """Return the month's days before this one: as published once they were settled, else from their rows."""
        zone, policy = self.ctx.zone, self.ctx.policy
        at, _ = day_bounds(day, zone)
        baseline = policy.resolve(policy.config.baseline, at).id
        summaries_by_day = {entry.spend.day: entry.summary for entry in self.published()}
        summaries: list[Summary] = []
        for earlier in days_between(day.replace(day=1), day)[:-1]:
            summary = summaries_by_day.get(earlier)
            if summary is None or not summary.holds(str(zone), baseline):
                rows = self.ledger.shards(*day_bounds(earlier, zone))
                summary = summed(earlier, str(zone), rows, policy, at)
            summaries.append(summary)
        return summaries

    def published(self) -> list[history.PublishedDay]:
        """Return the days that were published, oldest first."""
        return history.read_manifest(self.sink.fetch(history.MANIFEST_KEY))

    def publish(self, day: date) -> dict[str, Any]:
        """Store the day's report, announce it and return where it is and its totals; done again, it changes nothing."""
        reach = self.store.watermarks()  # before the rows are read: what is settled then stays as it is read
        report = self.build(day)
        settled = reach is not None and report.until <= reach.settled_before
        folder = f"reports/{day:%Y/%m/%d}"
        days = history.with_entry(self.published(), history.entry_of(report, settled=settled))
        for name, (content_type, render) in _files(days).items():
            self.sink.store(f"{folder}/{name}", content_type, render(report))
        self._index(days)
        self.sink.announce(subject(report), render_summary(report))
        self.ctx.count("ReportPublished")
        totals: dict[str, Any] = {
            "tasks": report.total.tasks,
            "attempts": report.total.attempts,
            "cost_nano": report.total.cost_nano,
            "usd": exact(report.total.cost_nano),
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
            "index_key": INDEX,
            "totals": totals,
        }

    def _index(self, days: list[history.PublishedDay]) -> None:
        from pointsman.report.render.index import render_index

        self.sink.store(history.MANIFEST_KEY, "application/json", history.manifest_text(days))
        self.sink.store(INDEX, HTML, render_index(days))


def _files(days: list[history.PublishedDay]) -> dict[str, tuple[str, Callable[[Report], str]]]:
    """Return a day's files: content type and renderer by name.

    What draws them is imported here: every function loads this module, and one writes reports.
    """
    from pointsman.report.render.as_csv import render_csv
    from pointsman.report.render.html import render_html

    return {
        "report.json": ("application/json", _document),
        "report.csv": ("text/csv; charset=utf-8", render_csv),
        "report.txt": ("text/plain; charset=utf-8", render_text),
        "report.html": (HTML, lambda made: render_html(made, days)),
    }


def _document(made: Report) -> str:
    return json.dumps(as_json(made), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def subject(made: Report) -> str:
    """Return the announcement's subject: one ASCII line under 100 characters, as SNS wants it."""
    saved = f", saved {made.baseline.percent:.0f}%" if made.baseline.percent is not None else ""
    stand_ins = " (stand-ins)" if made.stand_in else ""
    return f"Pointsman {made.day}: {rounded_dollars(made.total.cost_nano, 4)}{saved}{stand_ins}"
