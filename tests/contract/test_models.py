"""What `doctor` learns from a provider about key and model, with the real SDKs and without a generated token."""

import pytest

from pointsman.entrypoints.settings import Settings
from pointsman.execution.outcome import AccountTrouble
from pointsman.routing.catalog import Provider
from pointsman_cli.doctor.providers import ProviderAnswer, ask_provider
from tests.support.fake_providers import CLAUDE_MODEL, GEMINI_MODEL, FakeProviders
from tests.support.model_calls import KEY

BOTH = pytest.mark.parametrize(
    ("which", "model"), [(Provider.GEMINI, GEMINI_MODEL), (Provider.ANTHROPIC, CLAUDE_MODEL)]
)


def look_up_model(which: Provider, model: str, url: str, key: str = KEY, calls: str = "loopback") -> ProviderAnswer:
    settings = Settings(
        google_gemini_base_url=f"{url}/gemini", anthropic_base_url=f"{url}/anthropic", model_calls=calls
    )
    return ask_provider(which, settings, key, [model])[model]


@BOTH
def test_served_model_is_found_without_a_call(provider: FakeProviders, which: Provider, model: str) -> None:
    assert look_up_model(which, model, provider.url) == ProviderAnswer("served")
    assert provider.control("GET", "journal") == {"requests": []}


@BOTH
@pytest.mark.parametrize(
    ("action", "state"),
    [
        ({"invalid_key": {}}, "account_refused"),
        ({"status": {"code": 403}}, "account_refused"),
        ({"status": {"code": 404}}, "gone"),
        ({"status": {"code": 503}}, "no_answer"),
        ({"response": {"status": 403, "body_text": "<html>Just a moment...</html>"}}, "no_answer"),
        ({"response": {"status": 404, "body_text": "404 page not found"}}, "no_answer"),
        ({"response": {"status": 200, "body_text": "<html>Sign in</html>"}}, "no_answer"),
        ({"response": {"status": 200, "body": {}}}, "no_answer"),
    ],
)
def test_refused_key_differs_from_a_retired_model(
    provider: FakeProviders, which: Provider, model: str, action: object, state: str
) -> None:
    provider.control("POST", "faults", [{"provider": str(which), "action": action}])
    heard = look_up_model(which, model, provider.url)
    assert heard.state == state
    assert KEY not in heard.detail


@pytest.mark.parametrize(
    ("which", "model", "preset", "trouble"),
    [
        (Provider.ANTHROPIC, CLAUDE_MODEL, "key_refused", AccountTrouble.KEY),
        (Provider.ANTHROPIC, CLAUDE_MODEL, "credit_used_up", AccountTrouble.CREDIT),
        (Provider.ANTHROPIC, CLAUDE_MODEL, "organization_on_hold", AccountTrouble.HOLD),
        (Provider.GEMINI, GEMINI_MODEL, "key_refused", AccountTrouble.KEY),
        (Provider.GEMINI, GEMINI_MODEL, "region_not_served", AccountTrouble.PLACE),
        (Provider.GEMINI, GEMINI_MODEL, "billing_disabled", AccountTrouble.CREDIT),
    ],
)
def test_account_trouble_is_recognized_as_the_functions_do(
    provider: FakeProviders, which: Provider, model: str, preset: str, trouble: AccountTrouble
) -> None:
    provider.fault(str(which), {"preset": preset})
    heard = look_up_model(which, model, provider.url)
    assert (heard.state, heard.trouble) == ("account_refused", trouble)


@BOTH
def test_404_of_another_server_is_no_answer(provider: FakeProviders, which: Provider, model: str) -> None:
    assert look_up_model(which, model, f"{provider.url}/nowhere") == ProviderAnswer("no_answer", "404")


@BOTH
def test_unreachable_provider_is_no_answer(closed_port: int, which: Provider, model: str) -> None:
    assert look_up_model(which, model, f"http://127.0.0.1:{closed_port}").state == "no_answer"


@BOTH
def test_loopback_setting_calls_no_provider(which: Provider, model: str) -> None:
    assert "loopback" in look_up_model(which, model, "https://provider.example").detail
