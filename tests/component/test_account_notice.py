"""A provider that does not serve the account is told once from its beginning to its end, as an event and a message."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from pointsman.execution.outcome import AccountTrouble, CallResult, Outcome
from pointsman.routing.catalog import Provider
from pointsman.values.errors import MissingKeyError
from pointsman.values.usage import Usage
from tests.support.aws import Aws
from tests.support.fakes import ScriptedModel
from tests.support.functions import Functions, deploy
from tests.support.team import Team

pytestmark = pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")
HAIKU, SONNET, FLASH = "claude-haiku-5-5", "claude-sonnet-5-5", "gemini-3.8-flash"
REFUSED = CallResult(Outcome.ACCOUNT, account=AccountTrouble.CREDIT)
TASK = {"tier": "implementation", "max_output_tokens": 300}

MILLISECOND = timedelta(milliseconds=1)
"""What stored times are cut to."""


def answer(model: str) -> CallResult:
    return CallResult(Outcome.ANSWERED, "Left.", Usage(input=20, output=5), model)


@pytest.fixture
def shop(aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Functions:
    chains = {"implementation": [HAIKU, FLASH], "reasoning": [SONNET]}
    return deploy(aws, monkeypatch, lambda: capsys.readouterr().out, {"pointsman": {"chains": chains}})


@pytest.fixture
def team(aws: Aws) -> Team:
    return Team.listening(aws, "Account Not Served")


def test_account_trouble_is_told_once_with_what_to_do(shop: Functions, team: Team) -> None:
    began = shop.clock.now()
    shop.do("t-1", REFUSED, answer(FLASH), **TASK)
    ended = shop.clock.now()
    for _ in range(2):
        shop.run("sweep", {})
    (detail,), ((subject, text),) = team.events(), team.messages()
    since, until = (datetime.fromisoformat(detail.pop(name)) for name in ("since", "until"))
    assert began - MILLISECOND < since <= ended
    assert until - since == timedelta(minutes=5)
    assert detail == {
        "version": 1,
        "provider": "anthropic",
        "trouble": "credit",
        "models": [HAIKU, SONNET],
        "do": "buy credit or turn billing on at the provider",
    }
    assert subject == "Pointsman: anthropic does not serve the account (credit)"
    assert "no credit is left" in text
    assert "What to do: buy credit" in text


def test_trouble_that_is_met_again_is_the_same_until_a_call_is_answered(shop: Functions, team: Team) -> None:
    shop.do("t-1", REFUSED, answer(FLASH), **TASK)
    shop.run("sweep", {})
    assert len(team.events()) == 1
    shop.clock.sleep(400)
    shop.do("t-2", REFUSED, answer(FLASH), **TASK)
    shop.run("sweep", {})
    assert team.events() == []
    shop.clock.sleep(800)
    shop.do("t-3", answer(SONNET), tier="reasoning")  # the account is served again, whichever model shows it
    shop.run("sweep", {})
    assert team.events() == []
    shop.clock.sleep(60)
    began = shop.clock.now()
    shop.do("t-4", REFUSED, answer(FLASH), **TASK)
    shop.run("sweep", {})
    (again,) = team.events()
    assert began - MILLISECOND < datetime.fromisoformat(again["since"]) <= shop.clock.now()


def test_key_that_is_not_stored_is_told_and_used_as_soon_as_it_is(shop: Functions, team: Team) -> None:
    runtime, claude = shop.runtime, shop.model

    def client(provider: Provider) -> ScriptedModel:
        if provider is Provider.ANTHROPIC and not stored:
            raise MissingKeyError("no key: set ANTHROPIC_API_KEY")
        return claude

    stored = False
    runtime = replace(runtime, context=replace(runtime.context, model=client))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pointsman.entrypoints.runtime.function_runtime", lambda: runtime)
        for number in range(2):
            shop.do(f"t-{number}", answer(FLASH), **TASK)
            shop.run("sweep", {})
        (told,) = team.events()
        assert (told["provider"], told["trouble"], told["models"]) == ("anthropic", "key", [HAIKU, SONNET])
        stored = True
        shop.do("t-3", answer(HAIKU), **TASK)
        shop.run("sweep", {})
    states = runtime.stores.model_health.states([HAIKU, SONNET])
    assert [state.account for state in states.values()] == [None, None]


def test_failed_account_notice_is_sent_by_the_next_sweep(
    shop: Functions, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.do("t-1", REFUSED, answer(FLASH), **TASK)

    def broken(subject: str, text: str) -> None:
        raise ClientError({"Error": {"Code": "InternalError"}}, "Publish")

    with monkeypatch.context() as outage:
        outage.setattr(shop.runtime.stores.report_sink, "announce", broken)
        shop.run("sweep", {})
    assert team.messages() == []
    assert any("account_notice_not_sent" in line for line in shop.printed["sweep"])
    shop.run("sweep", {})
    assert len(team.messages()) == 1


def test_sweep_without_trouble_touches_no_notice(shop: Functions, aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.do("t-1", answer(HAIKU), **TASK)

    def unexpected(*_: object) -> bool:
        raise AssertionError("nothing is to be told")

    monkeypatch.setattr(shop.runtime.stores.sweep_store, "claim_notice", unexpected)
    shop.run("sweep", {})
    item = aws.dynamodb().get_item(TableName=aws.tables.limits, Key={"limit": {"S": "notices#account"}})
    assert "Item" not in item
