"""A small team's ledger: the rows of a day and of the month before it, for tests of the report's pages."""

import json
import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from pointsman.report.figures.day_summary import DaySpend, DaySummary, summarize_day
from pointsman.report.figures.day_tasks import DayTask, DayTasks, day_tasks
from pointsman.report.figures.history import PublishedDay
from pointsman.report.figures.report import Report, ReportScope, build_report
from pointsman.report.figures.speed import Milestones
from pointsman.report.figures.stack_place import StackPlace
from pointsman.routing import catalog, config
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import TYPES_OF, Tier
from pointsman.values.times import day_bounds, days_between, to_text
from pointsman.values.usage import Usage

FLASH, HAIKU, SONNET = "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"
ZONE = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 21)
WORK = {Tier.ORCHESTRATION: (FLASH, 15), Tier.IMPLEMENTATION: (HAIKU, 8), Tier.REASONING: (SONNET, 1)}
"""Each tier's model and its tasks a day."""
SPEED = {FLASH: 450, HAIKU: 2_100, SONNET: 7_400}
HOSTILE = '<script>alert("x")</script>&amp;\x1b[31m\u202e'


def policy() -> RoutingPolicy:
    routing = {str(tier): model for tier, (model, _) in WORK.items()}
    agents = {"old": {"model": "claude-sonnet-4-5"}}
    return RoutingPolicy(config.parse(json.dumps({"routing": routing, "agents": agents})), catalog.load_catalog())


def row(task_id: str, at: datetime, model: str, **overrides: Any) -> dict[str, Any]:
    """Return a settled attempt as the ledger's read side gives it."""
    turn = overrides.pop("turn", "000001.000001")
    fields: dict[str, Any] = {
        "kind": "attempt",
        "row": f"{to_text(at)}#{task_id}#{turn}",
        "at": to_text(at),
        "task_id": task_id,
        "turn": turn,
        "purpose": "task",
        "model": model,
        "billing": "free" if model == FLASH else "paid",
        "hop": 0,
        "reserved_nano": 40_000_000,
        "outcome": "answered",
        "cost_known": True,
        "cost_nano": 0,
        **overrides,
    }
    if fields["billing"] == "paid" and "cost_nano" not in overrides:
        used = Usage(**{kind: fields.get(kind, 0) for kind in Usage.__dataclass_fields__})
        fields["cost_nano"] = catalog.load_catalog().get(model).cost_nano(used, at)
    fields["ended_at"] = to_text(at + timedelta(milliseconds=fields.get("milliseconds", 0) + 90))
    return fields


def rows_of(day: date, dice: random.Random) -> list[dict[str, Any]]:
    """Return the attempts of an ordinary day."""
    since, _ = day_bounds(day, ZONE)
    rows: list[dict[str, Any]] = []
    for tier, (model, tasks) in WORK.items():
        for number in range(max(0, round(tasks * dice.uniform(0.4, 1.6)))):
            kind = dice.choice(TYPES_OF[tier])
            at = since + timedelta(seconds=dice.randint(7 * 3600, 20 * 3600))
            tokens = dice.randint(3_000, 14_000) * (1 if tier is Tier.ORCHESTRATION else 2 if model == HAIKU else 6)
            metadata = {"agent": dice.choice(["ci", "main", "work"]), "ticket": f"PAY-{dice.randint(310, 322)}"}
            rows.append(
                row(
                    f"{day:%m%d}-{kind.replace('_', '-')}-{number}",
                    at,
                    model,
                    tier=str(tier),
                    type=str(kind),
                    metadata=metadata,
                    parent_id=dice.choice([None, None, None, "release-2026-11"]),
                    milliseconds=round(SPEED[model] * dice.lognormvariate(0, 0.45)),
                    input=tokens * 3 // 4,
                    cache_read=tokens // 8 if model != FLASH else 0,
                    output=tokens // 4,
                    thinking=tokens // 9 if model == SONNET else 0,
                )
            )
    return rows


def troubles(day: date) -> list[dict[str, Any]]:
    """Return attempts that fail or fall back, some with hostile names."""
    since, _ = day_bounds(day, ZONE)
    at = since + timedelta(hours=15)
    flash = {"tier": "orchestration", "type": "status", "milliseconds": 380}
    haiku = {"tier": "implementation", "type": "code_generation", "milliseconds": 2_000}
    classify = {"purpose": "classification", "tier": "orchestration", "input": 900, "output": 60, "milliseconds": 500}
    hostile = {"metadata": {"ticket": HOSTILE, "agent": "=HYPERLINK(1)"}, "parent_id": HOSTILE}
    return [
        row("nightly", at, FLASH, outcome="quota_exhausted", **flash),
        row("nightly", at + timedelta(seconds=1), HAIKU, turn="000001.000002", hop=1, after="quota_exhausted",
            came_from=FLASH, input=9_000, output=800, **flash),
        row("lost", at, HAIKU, outcome="unknown", cost_known=False, cost_nano=16_000_000, **haiku),
        row("lost", at + timedelta(seconds=60), HAIKU, turn="000001.000002", input=20_000, output=5_000, **haiku),
        row("busy", at, HAIKU, outcome="unavailable", **{**haiku, "milliseconds": 90}),
        row("busy", at + timedelta(seconds=5), HAIKU, turn="000001.000002", input=9_000, output=900,
            **haiku, **hostile),
        row("draft", at, HAIKU, failed_check="json_schema", input=9_000, output=900, **haiku),
        row("draft", at + timedelta(seconds=3), SONNET, turn="000001.000002", hop=1, after="failed_check:json_schema",
            came_from=HAIKU, input=9_000, output=1_400, **{**haiku, "tier": "reasoning", "milliseconds": 7_000}),
        row("draft", at + timedelta(seconds=20), SONNET, turn="000001.000003", purpose="audit", input=9_000, output=900,
            **{**haiku, "milliseconds": 6_000}),
        row("classify-1", at, FLASH, **classify),
        row("classify-2", at, HAIKU, **classify),
    ]  # fmt: skip


def milestones(rows: list[dict[str, Any]]) -> dict[str, Milestones]:
    """Return the milestones of the rows' tasks."""
    last = {entry["task_id"]: entry for entry in sorted(rows, key=lambda entry: entry["at"])}
    first = {entry["task_id"]: entry for entry in sorted(rows, key=lambda entry: entry["at"], reverse=True)}

    def shifted(text: str, seconds: float) -> str:
        return to_text(datetime.fromisoformat(text) + timedelta(seconds=seconds))

    return {
        name: Milestones(
            shifted(first[name]["at"], -0.6),
            last[name]["ended_at"],
            shifted(last[name]["ended_at"], 0.25),
            shifted(first[name]["at"], -0.9),
        )
        for name in last
    }


def summaries(scope: ReportScope, rows: list[dict[str, Any]]) -> list[DaySummary]:
    """Return the totals of the month's days before the scope's."""
    at, _ = day_bounds(scope.day, scope.zone)
    totals: list[DaySummary] = []
    for day in days_between(scope.day.replace(day=1), scope.day)[:-1]:
        since, until = map(to_text, day_bounds(day, scope.zone))
        day_rows = [entry for entry in rows if since <= entry["row"] < until]
        totals.append(summarize_day(day, str(scope.zone), [day_rows], scope.policy, at))
    return totals


def completed(rows: list[dict[str, Any]], now: datetime) -> DayTasks:
    """Return the tasks of the rows' attempts as received that day and completed."""
    names = {entry["task_id"]: entry["row"].split("#", 1)[0] for entry in rows if entry.get("purpose") == "task"}
    return day_tasks((DayTask(name, at, "completed", ended_at=at) for name, at in sorted(names.items())), now)


def month(seed: int = 7) -> tuple[Report, list[PublishedDay]]:
    """Return the report of the month's 21st day, and the manifest of the days before its month."""
    dice = random.Random(seed)
    rows = [entry for number in range(1, DAY.day + 1) for entry in rows_of(DAY.replace(day=number), dice)]
    rows += troubles(DAY)
    counters: dict[str, int] = {}
    for entry in rows:
        day = datetime.fromisoformat(entry["at"]).astimezone(ZONE).day
        for counter in (f"day_{day:02d}", f"day_{day:02d}_{entry['tier']}"):
            counters[counter] = counters.get(counter, 0) + entry["cost_nano"]
    _, until = day_bounds(DAY, ZONE)
    scope = ReportScope(
        DAY,
        ZONE,
        policy(),
        stand_in=True,
        now=until + timedelta(hours=6),
        stack=StackPlace("pointsman", "123456789012", "eu-central-1"),
    )
    records = milestones(rows)
    entries = [earlier(DAY.replace(day=1) - timedelta(days=back), dice) for back in range(12, 0, -1)]
    today = [entry for entry in rows if datetime.fromisoformat(entry["at"]).astimezone(ZONE).date() == DAY]
    report = build_report(
        scope,
        [rows],
        counters,
        summaries(scope, rows),
        lambda ids: {task_id: records[task_id] for task_id in ids},
        completed(today, scope.now),
        [entry.spend for entry in entries],
    )
    return report, entries


def earlier(day: date, dice: random.Random) -> PublishedDay:
    """Return a day of the manifest."""
    tiers = {Tier.ORCHESTRATION: 0, Tier.IMPLEMENTATION: dice.randint(9, 40) * 1_000_000}
    tiers[Tier.REASONING] = dice.randint(0, 1) * dice.randint(50, 190) * 1_000_000
    spent = sum(tiers.values())
    return PublishedDay(DaySpend(day, tiers), 22, 24, 20 * spent, 19 * spent, complete=True, stand_in=False)


def report_of_day(*rows: dict[str, Any], day: date = DAY, zone: ZoneInfo = ZONE, **changes: Any) -> Report:
    """Return the report of the rows, read at the end of the day, without other days of its month."""
    _, until = day_bounds(day, zone)
    defaults: dict[str, Any] = {"day": day, "zone": zone, "policy": policy(), "stand_in": False, "now": until}
    received = changes.pop("received", None)
    scope = ReportScope(**(defaults | changes))
    return build_report(scope, [rows], {}, received=received or completed(list(rows), scope.now))


def parse_page(page: str) -> ElementTree.Element:
    """Return the page parsed as XML, which it is apart from its doctype."""
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>"))


def page_section(page: str, name: str) -> ElementTree.Element:
    """Return a section by its heading's id."""
    (element,) = (part for part in parse_page(page).iter("section") if part.get("aria-labelledby") == name)
    return element


def exact_amounts(part: ElementTree.Element, column: int = 0) -> list[Decimal]:
    """Return the exact amounts in a column of a table's body and foot."""
    rows = [row for kind in ("tbody", "tfoot") for group in part.iter(kind) for row in group.iter("tr")]
    amounts_of_rows = [[cell for cell in row.iter("data") if "." in str(cell.get("value"))] for row in rows]
    return [Decimal(str(cells[column].get("value"))) for cells in amounts_of_rows if cells]
