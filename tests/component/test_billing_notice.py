"""Calls that are billed but booked as free are told once a month, as an event and a message."""

from datetime import timedelta

import pytest

from pointsman.execution.outcome import CallResult, Outcome
from pointsman.values.usage import Usage
from tests.support.aws import Aws
from tests.support.functions import deploy
from tests.support.team import Team

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")
FLASH_LITE = "gemini-3.5-flash-lite"
ANSWER = CallResult(Outcome.ANSWERED, "Left.", Usage(input=20, output=5), FLASH_LITE)


@pytest.mark.parametrize(
    ("billing", "paid_project", "told"),
    [(None, True, True), (None, False, False), (None, None, False), ("linked", True, False)],
)
def test_billed_calls_that_are_booked_as_free_are_told_once_a_month(
    aws: Aws,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    billing: str | None,
    paid_project: bool | None,
    told: bool,
) -> None:
    team, options = Team.listening(aws, "Free Calls Billed"), {"gemini_billing": billing} if billing else {}
    shop = deploy(aws, monkeypatch, lambda: capsys.readouterr().out, {"pointsman": options})
    limited = CallResult(Outcome.RATE_LIMITED, retry_after=1, paid_project=paid_project)
    shop.do("t-1", limited, ANSWER, tier="orchestration")
    for _ in range(2):
        shop.run("sweep", {})
    details, messages = team.events(), team.messages()
    assert len(details) == len(messages) == told
    if not told:
        return
    step = 'set pointsman.gemini_billing to "linked" in openclaw.json and deploy'
    assert details == [{"version": 1, "provider": "gemini", "models": [FLASH_LITE], "do": step}]
    assert step in messages[0][1]
    shop.clock.sleep(timedelta(days=32).total_seconds())
    shop.run("sweep", {})
    assert len(team.events()) == 1
