"""Notices of models that retire, have retired or were withdrawn."""

from datetime import date

import pytest

from pointsman.report.render.as_json import as_json
from pointsman.report.render.text import render_summary, render_text
from tests.support.report_rows import (
    FLASH,
    HAIKU,
    ROUTING,
    SONNET,
    policy,
    report_of,
    row,
)


def test_retiring_and_retired_models_are_listed_with_their_successors() -> None:
    bare = {"orchestration": "gemini-2.0-flash", "implementation": "claude-haiku-4-5", "reasoning": "claude-sonnet-4-5"}
    retirements = as_json(report_of(policy=policy(bare)))["models_ending"]
    assert retirements == [
        {"model": "claude-sonnet-4-5", "state": "ending", "ends": "2026-11-30", "successor": SONNET},
        {"model": "gemini-2.0-flash", "state": "ended", "ends": "2026-06-01", "successor": FLASH},
    ]
    page = render_text(report_of(policy=policy(bare)))
    assert "! gemini-2.0-flash retired on 2026-06-01; gemini-3.5-flash-lite serves." in page
    assert "! claude-sonnet-4-5 retires on 2026-11-30; claude-sonnet-5-5 takes over." in page
    assert "! claude-sonnet-4-5 retires 2026-11-30" in render_summary(report_of(policy=policy(bare)))


@pytest.mark.parametrize(("day", "named"), [(date(2026, 10, 1), False), (date(2026, 10, 2), True)])
def test_retirement_is_announced_sixty_days_ahead(day: date, named: bool) -> None:
    ending_policy = policy({**ROUTING, "orchestration": "gemini-2.5-flash"})
    assert bool(report_of(day=day, policy=ending_policy).notices) is named


def test_model_withdrawn_by_its_provider_is_listed() -> None:
    report = report_of(row(model="claude-haiku-4-5", outcome="retired", cost_nano=0))
    (notice,) = report.notices
    assert (notice.model, notice.state, notice.successor) == ("claude-haiku-4-5", "gone", HAIKU)
