"""What `doctor` hears of a provider about keys and models, by the real SDKs: nothing is generated."""

import pytest

from pointsman.entrypoints.settings import Settings
from pointsman.routing.catalog import Provider
from pointsman_cli.doctor.providers import Heard, hear
from tests.contract.conftest import KEY
from tests.contract.test_fake_providers import GEMINI, HAIKU
from tests.support.fake_providers import FakeProviders

BOTH = pytest.mark.parametrize(("which", "model"), [(Provider.GEMINI, GEMINI), (Provider.ANTHROPIC, HAIKU)])


def heard(which: Provider, model: str, url: str, key: str = KEY, calls: str = "loopback") -> Heard:
    settings = Settings(
        google_gemini_base_url=f"{url}/gemini", anthropic_base_url=f"{url}/anthropic", model_calls=calls
    )
    return hear(which, settings, key, [model])[model]


@BOTH
def test_a_model_that_is_served_costs_no_call(provider: FakeProviders, which: Provider, model: str) -> None:
    assert heard(which, model, provider.url) == Heard("served")
    assert provider.control("GET", "journal") == {"requests": []}


@BOTH
@pytest.mark.parametrize(
    ("action", "state"),
    [
        ({"invalid_key": {}}, "key_refused"),
        ({"status": {"code": 403}}, "key_refused"),
        ({"status": {"code": 404}}, "gone"),
        ({"status": {"code": 503}}, "no_answer"),
    ],
)
def test_a_refusal_is_told_from_a_model_that_is_gone(
    provider: FakeProviders, which: Provider, model: str, action: object, state: str
) -> None:
    provider.control("POST", "faults", [{"provider": str(which), "action": action}])
    said = heard(which, model, provider.url)
    assert said.state == state
    assert KEY not in said.detail


@BOTH
def test_a_404_of_some_server_between_says_nothing_of_the_model(
    provider: FakeProviders, which: Provider, model: str
) -> None:
    assert heard(which, model, f"{provider.url}/nowhere") == Heard("no_answer", "404")


@BOTH
def test_nobody_there_is_no_answer(closed_port: int, which: Provider, model: str) -> None:
    assert heard(which, model, f"http://127.0.0.1:{closed_port}").state == "no_answer"


@BOTH
def test_with_loopback_no_provider_is_asked(which: Provider, model: str) -> None:
    assert "loopback" in heard(which, model, "https://provider.example").detail
