"""The lines of `pointsman watch`, each no wider than the terminal."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pointsman_cli import output

_ID, _STATUS = 20, 10
"""Characters; with cost and age a row has 48, so that 60 columns leave some to the prompt."""
_ORDER = ("queued", "claimed", "started", "resting", "held", "waiting", "cancelling", "failed", "rejected")


def frame(
    rows: Sequence[dict[str, Any]], now: datetime, columns: int, lines: int, alarms: Sequence[str] = ()
) -> list[str]:
    """Return the screen: what is under way or went wrong and which alarms are on, then a line for each task, and what
    it waits for below it.
    """
    shown = [f"{now:%H:%M:%S}  {_summary(rows)}", *(f"ALARM {alarm}" for alarm in alarms), ""]
    for row in rows:
        shown.append(_row(row, now))
        if waiting := row["waiting_for"]:
            shown.append(f"  {waiting_words(waiting)}; {waiting['do']}")
    if not rows:
        shown.append("No task yet.")
    return [_cut(line, columns) for line in shown[:lines]]


def waiting_words(waiting: dict[str, Any]) -> str:
    """Return what a task waits for and until when, from its document."""
    of = waiting.get("cap") or waiting.get("reason") or waiting.get("model")
    until = datetime.fromisoformat(waiting["until"])
    what = waiting["what"].replace("_", " ")
    money = ""
    if "needs_nano_usd" in waiting:
        needs, left = (output.short_dollars(waiting[f"{name}_nano_usd"]) for name in ("needs", "left"))
        money = f", needs {needs} of {left}"
    return f"waits for {what}{f' ({of})' if of else ''}{money} until {until:%m-%d %H:%M}Z"


def time_ago(moment: str, now: datetime) -> str:
    """Return how long ago a time was, in its largest unit: `5m`."""
    seconds = max(int((now - datetime.fromisoformat(moment)).total_seconds()), 0)
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def _summary(rows: Sequence[dict[str, Any]]) -> str:
    counts = Counter(row["status"] for row in rows)
    words = [f"{counts[status]} {status}" for status in _ORDER if counts[status]]
    return f"{len(rows)} newest tasks" + (f": {', '.join(words)}" if words else "")


def _row(row: dict[str, Any], now: datetime) -> str:
    words = row["excerpt"] or (f"({row['no_excerpt']})" if row["no_excerpt"] not in (None, "none") else "")
    cost, age = output.short_dollars(row["cost_nano_usd"]), time_ago(row["received_at"], now)
    task_id = row["task_id"] if len(row["task_id"]) <= _ID else f"{row['task_id'][: _ID - 1]}…"
    return f"{task_id:<{_ID}} {row['status']:<{_STATUS}} {age:>4} {cost:>10} {words}".rstrip()


def _cut(line: str, columns: int) -> str:
    line = " ".join(output.harmless(line).split("\n"))
    return line if len(line) <= columns else f"{line[: max(columns - 1, 0)]}…"
