"""What the demo prints of its results."""

from typing import Any

import pytest

from demo import show


def entry(file: str, tier: str, answer: str | None) -> dict[str, Any]:
    return {"file": file, "tier": tier, "model": f"{tier}-model", "answer_excerpt": answer}


def test_one_answer_of_each_tier_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    entries = [
        entry("01-failed.json", "orchestration", None),
        entry("02-status.json", "orchestration", "All green."),
        entry("03-decision.json", "orchestration", "Second of its tier."),
        entry("06-code.json", "implementation", "def parse():\n    return 1"),
        entry("12-architecture.json", "reasoning", "Split it."),
    ]
    show.print_answers(entries)
    assert capsys.readouterr().out == (
        "02-status, by orchestration-model:\n  All green.\n\n"
        "06-code, by implementation-model:\n  def parse():\n      return 1\n\n"
        "12-architecture, by reasoning-model:\n  Split it.\n"
    )
