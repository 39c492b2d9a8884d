"""Ledger rows for tests of the report's figures: single attempts, shares, and random ledgers of a day."""

import json
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from pointsman.report.figures.day_tasks import DayTasks
from pointsman.report.figures.report import Report, ReportScope, build_report
from pointsman.routing import catalog, config
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import day_bounds, to_text
from tests.support import pages

FLASH, HAIKU, SONNET = "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"
BERLIN = ZoneInfo("Europe/Berlin")
DAY = date(2026, 11, 21)
SINCE, UNTIL = day_bounds(DAY, BERLIN)
ROUTING = {"orchestration": FLASH, "implementation": HAIKU, "reasoning": SONNET}
KINDS = ["input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "thinking"]


def policy(routing: dict[str, str] = ROUTING, **settings: Any) -> RoutingPolicy:
    return RoutingPolicy(config.parse(json.dumps({"routing": routing, "pointsman": settings})), catalog.load_catalog())


def scope_of(**changes: Any) -> ReportScope:
    defaults: dict[str, Any] = {
        "day": DAY,
        "zone": BERLIN,
        "policy": policy(),
        "stand_in": False,
        "now": UNTIL + timedelta(hours=6),
    }
    return ReportScope(**(defaults | changes))


def row(
    task_id: str = "t1", at: datetime = SINCE + timedelta(hours=9), attempt: int = 1, **overrides: Any
) -> dict[str, Any]:
    """Return a settled attempt as the ledger's read side gives it; `outcome=None` leaves it open."""
    turn = overrides.pop("turn", f"000001.{attempt:06d}")
    fields = {
        "kind": "attempt",
        "row": f"{to_text(at)}#{task_id}#{turn}",
        "at": to_text(at),
        "task_id": task_id,
        "turn": turn,
        "purpose": "task",
        "tier": "implementation",
        "type": "code_generation",
        "model": HAIKU,
        "billing": "paid",
        "hop": 0,
        "reserved_nano": 5_000_000,
        "outcome": "answered",
        "cost_nano": 2_000_000,
        "cost_known": True,
        "input": 10_000,
        "output": 2_000,
    }
    fields |= overrides
    if fields["outcome"] is None:
        for settled in ("outcome", "cost_nano", "cost_known", *KINDS):
            fields.pop(settled, None)
    return {name: value for name, value in fields.items() if value is not None}


def share(task_id: str, cost_nano: int, number: int = 0, **overrides: Any) -> dict[str, Any]:
    where = f"{to_text(SINCE + timedelta(hours=8))}#classify-1#000001.000001#share.{number:02d}"
    return {"kind": "share", "row": where, "task_id": task_id, "model": HAIKU, "cost_nano": cost_nano, **overrides}


def classification(**overrides: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "purpose": "classification",
        "tier": "orchestration",
        "type": None,
        "model": FLASH,
        "billing": "free",
    }
    return row("classify-1", **({"cost_nano": 0, "input": 900, "output": 60} | defaults | overrides))


def report_of(
    *rows: dict[str, Any], counters: dict[str, int] | None = None, received: DayTasks | None = None, **changes: Any
) -> Report:
    scope = scope_of(**changes)
    tasks = received or pages.completed(list(rows), scope.now)
    return build_report(scope, [rows], counters or {}, pages.summaries(scope, list(rows)), received=tasks)


NANO = st.integers(0, 3_000_000_000)
TOKENS = st.integers(0, 900_000)


@st.composite
def rows_of_a_day(draw: st.DrawFn) -> dict[str, Any]:
    at = SINCE + timedelta(milliseconds=draw(st.integers(0, 86_400_000 - 1)))
    purpose = draw(st.sampled_from(["task", "task", "task", "classification"]))
    model = draw(st.sampled_from([FLASH, HAIKU, SONNET]))
    outcome = draw(st.sampled_from(["answered", "truncated", "unknown", "not_sent", "busy", "rate_limited", None]))
    hop = draw(st.integers(0, 2))
    for_task = purpose == "task"
    return row(
        draw(st.sampled_from(["t1", "t2", "t3", "t4"])) if for_task else "classify-1",
        at,
        purpose=purpose,
        turn=f"{draw(st.integers(1, 2)):06d}.{draw(st.integers(1, 999_999)):06d}",
        tier=str(draw(st.sampled_from(Tier))) if for_task else "orchestration",
        type=draw(st.sampled_from([str(kind) for kind in TaskType])) if for_task else None,
        model=model,
        billed_model=draw(st.sampled_from([None, "claude-haiku-4-5", "somebody-elses-model-with-a-long-name"])),
        billing=draw(st.sampled_from(["free", "paid"])),
        hop=hop,
        after=draw(st.sampled_from(["unavailable", "retired"])) if hop else None,
        came_from=draw(st.sampled_from([FLASH, HAIKU, "forgotten"])) if hop else None,
        outcome=outcome,
        reserved_nano=draw(NANO),
        cost_nano=draw(NANO),
        cost_known=outcome != "unknown",
        sender=draw(st.sampled_from([None, "key:ci", "role:AROATEAM:ada@example.com", "service:über", "key:bot"])),
        metadata=draw(st.sampled_from([{}, {"agent": "ci"}, {"agent": "bot", "ticket": "T-1"}])),
        **{kind: draw(TOKENS) for kind in KINDS},
    )


LEDGERS = st.lists(rows_of_a_day(), max_size=30, unique_by=lambda entry: entry["row"])
