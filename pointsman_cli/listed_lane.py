"""The lane of a listed task: which one it goes, until when, and while it waits what it would cost in either."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pointsman.contracts.task import Rejection, read_task
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.records import TaskRecord
from pointsman.values import strict_json
from pointsman.values.status import UNDER_WAY
from pointsman_cli import output


def listed_lane(runtime: Runtime, record: TaskRecord) -> dict[str, Any] | None:
    """Return the lane of a task that asked for the economy lane, or was put there; None: nobody did."""
    if record.lane is None:
        return None
    estimate = _estimate(runtime, record) if record.status in UNDER_WAY else None
    return record.lane.as_item() | ({"estimate": estimate} if estimate else {})


def listed_lane_words(lane: Mapping[str, Any] | None) -> str:
    """Return the same in a few words; empty where nobody asked for the economy lane."""
    if lane is None:
        return ""
    until = f" by {datetime.fromisoformat(lane['until']):%m-%d %H:%M}Z" if "until" in lane else ""
    if "reason" in lane:
        return f"standard ({lane['reason'].replace('_', ' ')})"
    costs = {name: output.exact_dollars(nano) for name, nano in lane.get("estimate", {}).items()}
    if not costs:
        return f"{lane['lane']}{until}"
    return f"economy{until}: {costs['economy_nano_usd']}, at once {costs['standard_nano_usd']}"


def _estimate(runtime: Runtime, record: TaskRecord) -> dict[str, int] | None:
    """Return what the task costs in each lane; None: its prompt is not in the table, or a lane has no price for it."""
    if record.decision is None or not record.body.inline:
        return None
    try:
        task = read_task(strict_json.loads(record.body.inline))
    except (Rejection, strict_json.NotStrictJson):
        return None
    from pointsman_cli.dry_run import DryRun

    lanes = DryRun(runtime, {}, ask=False).document(task, record.decision)["lanes"]
    costs = {f"{name}_nano_usd": lanes[name]["estimated_cost_nano_usd"] for name in ("standard", "economy")}
    return costs if None not in costs.values() else None
