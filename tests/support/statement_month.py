"""A small team's month, for pictures and tests of its statement: its ordinary days, an audit's sample, and batches."""

import random
from datetime import date, datetime, timedelta
from typing import Any

from pointsman.values.times import day_bounds, days_between
from pointsman_cli.statement.figures import Statement, StatementBuilder
from tests.support import pages
from tests.support.pages import HAIKU, SONNET, ZONE

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
_TEAMS = ("role:AROATEAM:checkout", "role:AROATEAM:search", "key:ci", "service:nightly")


def month_of_rows(seed: int = 11) -> list[dict[str, Any]]:
    """Return the month's attempts: one Haiku answer in twenty is audited, documentation goes in batches."""
    dice = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for day in days_between(FIRST, LAST):
        for entry in pages.rows_of(day, dice):
            entry["sender"] = dice.choice(_TEAMS)
            if entry["type"] == "documentation":
                entry |= {"batch_entry": "b", "cost_nano": entry["cost_nano"] // 2}
            rows.append(entry)
            if entry["model"] == HAIKU and dice.random() < 0.05:
                at = datetime.fromisoformat(entry["at"]) + timedelta(minutes=2)
                kept = {name: entry[name] for name in ("tier", "type", "metadata", "sender", "input")}
                more = {"purpose": "audit", "turn": "000001.000002", "output": entry["output"] * 5 // 4}
                rows.append(pages.row(entry["task_id"], at, SONNET, **kept, **more))
    return rows


def statement_month() -> Statement:
    """Return the month's statement."""
    rows = sorted(month_of_rows(), key=lambda entry: str(entry["row"]))
    builder = StatementBuilder(pages.policy(), ZONE, FIRST, LAST)
    for shard in range(4):
        builder.add_shard(entry for entry in rows if sum(map(ord, entry["task_id"])) % 4 == shard)
    counters: dict[str, int] = {}
    for entry in rows:
        name = f"day_{datetime.fromisoformat(entry['at']).astimezone(ZONE).day:02d}"
        counters[name] = counters.get(name, 0) + entry["cost_nano"]
    return builder.build(counters, day_bounds(LAST, ZONE)[1])
