"""The screen of `pointsman watch`."""

from datetime import UTC, datetime
from typing import Any

import pytest

from pointsman_cli import live
from pointsman_cli.main import main

NOW = datetime(2026, 11, 28, 12, 0, 5, tzinfo=UTC)


def row(task_id: str, status: str, **fields: Any) -> dict[str, Any]:
    common = {"received_at": "2026-11-28T11:57:00.000Z", "cost_nano_usd": 132_000, "excerpt": "Which way?"}
    return {**common, "task_id": task_id, "status": status, "waiting_for": None, "no_excerpt": None, **fields}


HELD = {
    "what": "budget",
    "cap": "month",
    "needs_nano_usd": 300_000,
    "left_nano_usd": 100_000,
    "reserved_nano_usd": 0,
    "until": "2026-12-01T00:00:00.000Z",
    "do": "raise pointsman.budget.month_usd in openclaw.json and deploy, or wait until the budget renews",
}


def test_alarms_that_are_on_stand_above_the_tasks() -> None:
    shown = live.frame(
        [row("t", "failed")], NOW, 60, 30, ["DeadLetters: A message was rejected. See docs/operations.md."]
    )
    assert shown[1].startswith("ALARM DeadLetters: A message was rejected")
    assert all(len(line) <= 60 for line in shown)
    assert not any("ALARM" in line for line in live.frame([row("t", "failed")], NOW, 60, 30))


def test_screen_fits_sixty_columns_and_its_height() -> None:
    rows = [row("x" * 80, "cancelling", excerpt="words " * 50), row("t-2", "held", waiting_for=HELD)]
    rows += [row(f"t-{number}", "completed", excerpt=None, no_excerpt="private") for number in range(3, 9)]
    shown = live.frame(rows, NOW, 60, 10)
    assert len(shown) == 10
    assert max(map(len, shown)) <= 60
    assert shown[0] == "12:00:05  8 newest tasks: 1 held, 1 cancelling"
    assert shown[2] == "xxxxxxxxxxxxxxxxxxx… cancelling   3m  $0.000132 words words…"
    assert shown[4] == "  waits for budget (month), needs $0.0003 of $0.0001 until …"
    assert shown[5] == "t-3                  completed    3m  $0.000132 (private)"


def test_control_characters_of_a_prompt_are_not_drawn() -> None:
    shown = live.frame([row("t-1", "started", excerpt="\x1b[2Jgone")], NOW, 80, 10)
    assert "\x1b" not in "".join(shown)


def test_watch_without_a_terminal_says_what_to_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch"]) == 2
    assert "use `pointsman list`" in capsys.readouterr().err
