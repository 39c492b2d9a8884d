"""The deployed workflow goes on to the next model when the first one's day is used up."""

import uuid

import pytest

from tests.support.evidence import failovers, spread
from tests.support.figures import Figures
from tests.support.local_stack import Stack

pytestmark = pytest.mark.stack


def test_deployed_workflow_falls_back_from_an_exhausted_daily_quota(stack: Stack, figures: Figures) -> None:
    prefix, spans = f"w{uuid.uuid4().hex[:6]}", []
    for number in range(6):
        stack.delete_model_health()
        stack.fault("gemini", "gemini_day_quota", contains=f"{prefix}-{number}", times=1)
        task_id = stack.send(
            task_id=f"{prefix}-{number}", prompt=f"Which first ({prefix}-{number})?", tier="orchestration"
        )
        record = stack.ended(task_id)
        assert (record.model, record.attempts) == ("claude-haiku-5-5", 2)
        spans += failovers(stack.requests(task_id))
    figures["seconds from the 429 to the next model's request"] = spread(spans)
    figures["first of them (cold functions)"] = round(spans[0], 3)
