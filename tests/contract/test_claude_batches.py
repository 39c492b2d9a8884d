"""`BatchClient` for Claude, through the real SDK and on the fake providers; the batches in memory keep its contract."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from pointsman.adapters.claude_batches import ClaudeBatches
from pointsman.batch_ports import BatchClient
from pointsman.execution.batch import ProviderBatch
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import AccountTrouble, CallResult, Outcome
from pointsman.values.effort import Effort
from pointsman.values.errors import BatchError
from tests.support.fake_batches import FakeBatches
from tests.support.fake_providers import CLAUDE_MODEL, FakeProviders

DAY = 86_400


@pytest.fixture(autouse=True)
def _fresh(provider: FakeProviders) -> Iterator[None]:
    """No rules, and batches that end at once."""
    provider.control("DELETE", "batches")
    provider.control("POST", "batches", {"seconds": 0})
    yield
    provider.control("DELETE", "batches")


@pytest.fixture
def client(provider: FakeProviders) -> ClaudeBatches:
    return ClaudeBatches("a-key", f"{provider.url}/anthropic")


def request(prompt: str = "Write a parser.", **more: Any) -> ModelRequest:
    fields = {"model": CLAUDE_MODEL, "system": "", "max_output_tokens": 1000, "timeout": 1.0, "tag": "t-1.1", **more}
    return ModelRequest(prompt=prompt, **fields)


def created(client: BatchClient, *names: str, **more: Any) -> ProviderBatch:
    made = client.create([(name, request(f"Write {name}.", **more)) for name in names], 1.0)
    assert isinstance(made, ProviderBatch)
    return made


def calls(provider: FakeProviders) -> list[str]:
    return [call["method"] for call in provider.control("GET", "batches")["calls"]]


def in_memory(_: FakeProviders) -> BatchClient:
    return FakeBatches(lambda: datetime.now(UTC), takes=timedelta)


def real(provider: FakeProviders) -> BatchClient:
    return ClaudeBatches("a-key", f"{provider.url}/anthropic")


@pytest.mark.parametrize("kind", [real, in_memory])
def test_batch_is_created_found_and_read(provider: FakeProviders, kind: Callable[[FakeProviders], BatchClient]) -> None:
    client, before = kind(provider), datetime.now(UTC) - timedelta(seconds=5)
    made = created(client, "a", "b", "c")
    assert (made.requests, abs(made.created_at - datetime.now(UTC)) < timedelta(seconds=60)) == (3, True)
    (listed,) = client.listed(before)
    assert (listed.provider_id, listed.requests) == (made.provider_id, 3)
    retrieved = client.retrieve(made.provider_id)
    assert retrieved is not None
    assert (retrieved.ended, retrieved.readable, retrieved.archived) == (True, True, False)
    results = dict(client.results(made.provider_id))
    assert {name: result.outcome for name, result in results.items()} == dict.fromkeys("abc", Outcome.ANSWERED)
    assert all(result.batch and result.usage for result in results.values())
    assert client.retrieve("msgbatch_of_nobody") is None
    assert client.listed(datetime.now(UTC) + timedelta(hours=1)) == []


def test_entry_sends_what_a_message_of_its_own_would(client: ClaudeBatches, provider: FakeProviders) -> None:
    made = created(client, "a", effort=Effort.LOW, effort_value="low", stop=("END",), system="Be brief.")
    (batch,) = provider.control("GET", "batches")["batches"]
    assert batch["id"] == made.provider_id
    (result,) = [result for _, result in client.results(made.provider_id)]
    assert result.usage is not None
    assert result.usage.thinking == 2


@pytest.mark.parametrize(
    "action", ["hang", {"reset": "rst"}, {"reset": "before_answer"}, {"response": {"status": 502}}]
)
def test_creation_without_an_answer_is_sent_once_and_may_have_been_taken(
    client: ClaudeBatches, provider: FakeProviders, action: Any
) -> None:
    provider.fault("anthropic", action, batch="create", times=1)
    made = client.create([("a", request())], 0.4)
    assert isinstance(made, CallResult)
    assert made.outcome is Outcome.UNKNOWN
    assert len(client.listed(datetime.now(UTC) - timedelta(minutes=1))) == 1
    assert calls(provider) == ["POST", "GET"]


@pytest.mark.parametrize("status", [500, 503, 504])
def test_error_of_the_api_itself_says_nothing_of_whether_a_batch_was_taken(
    client: ClaudeBatches, provider: FakeProviders, status: int
) -> None:
    provider.fault("anthropic", {"status": status}, batch="create", times=1)
    made = client.create([("a", request())], 1.0)
    assert isinstance(made, CallResult)
    assert made.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("action", "outcome", "account"),
    [
        ({"rate_limit": 7}, Outcome.RATE_LIMITED, None),
        ({"status": 529}, Outcome.UNAVAILABLE, None),
        ("invalid_key", Outcome.ACCOUNT, AccountTrouble.KEY),
        ({"preset": "credit_used_up"}, Outcome.ACCOUNT, AccountTrouble.CREDIT),
    ],
)
def test_creation_that_is_refused_took_nothing(
    client: ClaudeBatches, provider: FakeProviders, action: Any, outcome: Outcome, account: AccountTrouble | None
) -> None:
    provider.fault("anthropic", action, batch="create", times=1)
    made = client.create([("a", request())], 1.0)
    assert isinstance(made, CallResult)
    assert (made.outcome, made.account) == (outcome, account)
    assert provider.control("GET", "batches")["batches"] == []


def test_creation_that_never_left_took_nothing(closed_port: int) -> None:
    made = ClaudeBatches("a-key", f"http://127.0.0.1:{closed_port}").create([("a", request())], 1.0)
    assert isinstance(made, CallResult)
    assert made.outcome is Outcome.NOT_SENT


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        ({"entry": "expired"}, Outcome.NOT_SENT),
        ({"entry": "canceled"}, Outcome.NOT_SENT),
        ({"status": 400}, Outcome.INVALID),
        ({"status": 404}, Outcome.RETIRED),
        ({"status": 429}, Outcome.RATE_LIMITED),
        ({"status": 500}, Outcome.UNAVAILABLE),
        ({"status": 529}, Outcome.UNAVAILABLE),
        ({"too_long": 5}, Outcome.TOO_LONG),
        ({"status": {"code": 400, "type": "a_new_error"}}, Outcome.INVALID),
        ({"refusal": "cyber"}, Outcome.REFUSED),
        ({"stop": "max_tokens"}, Outcome.TRUNCATED),
        ({"thinking": {"tokens": 3, "text": False}}, Outcome.EMPTY),
        ("empty", Outcome.EMPTY),
    ],
)
def test_entry_ends_as_a_message_of_its_own_would(
    client: ClaudeBatches, provider: FakeProviders, action: Any, outcome: Outcome
) -> None:
    provider.fault("anthropic", action, batch="entry")
    made = created(client, "a")
    ((name, result),) = client.results(made.provider_id)
    assert (name, result.outcome) == ("a", outcome)
    assert result.cost_known
    assert result.unbilled is (outcome in (Outcome.REFUSED, Outcome.NOT_SENT) or result.usage is None)


@pytest.mark.parametrize(
    "result",
    [
        None,
        "succeeded",
        {},
        {"type": "paused"},
        {"type": "succeeded"},
        {"type": "succeeded", "message": None},
        {"type": "succeeded", "message": []},
        {"type": "succeeded", "message": {}},
        {"type": "succeeded", "message": {"content": 5, "usage": "none"}},
        {"type": "errored"},
        {"type": "errored", "error": None},
        {"type": "errored", "error": {"error": "busy"}},
    ],
    ids=str,
)
def test_entry_that_cannot_be_read_may_have_been_billed_and_hides_no_other(
    client: ClaudeBatches, monkeypatch: pytest.MonkeyPatch, result: Any
) -> None:
    lines = [{"custom_id": "odd", "result": result}, {"custom_id": "gone", "result": {"type": "expired"}}]
    response = SimpleNamespace(text="\n".join(map(json.dumps, lines)))
    monkeypatch.setattr(client._client, "get", lambda *_, **__: response)
    results = dict(client.results("msgbatch_1"))
    assert (results["odd"].outcome, results["gone"].outcome) == (Outcome.UNKNOWN, Outcome.NOT_SENT)
    assert not results["odd"].unbilled
    assert not results["odd"].cost_known


@pytest.mark.parametrize(
    ("kind", "status", "outcome"),
    [
        ("invalid_request_error", 400, Outcome.INVALID),
        ("authentication_error", 401, Outcome.ACCOUNT),
        ("billing_error", 402, Outcome.ACCOUNT),
        ("permission_error", 403, Outcome.ACCOUNT),
        ("not_found_error", 404, Outcome.UNAVAILABLE),
        ("request_too_large", 413, Outcome.TOO_LONG),
        ("rate_limit_error", 429, Outcome.RATE_LIMITED),
        ("api_error", 500, Outcome.UNAVAILABLE),
        ("timeout_error", 504, Outcome.UNAVAILABLE),
        ("overloaded_error", 529, Outcome.UNAVAILABLE),
        ("error_of_tomorrow", 400, Outcome.INVALID),
    ],
)
def test_error_of_an_entry_means_what_it_means_for_a_message(
    client: ClaudeBatches, monkeypatch: pytest.MonkeyPatch, kind: str, status: int, outcome: Outcome
) -> None:
    error = {"type": "error", "error": {"type": kind, "message": "words"}, "request_id": "req_1"}
    line = json.dumps({"custom_id": "a", "result": {"type": "errored", "error": error}})
    monkeypatch.setattr(client._client, "get", lambda *_, **__: SimpleNamespace(text=line))
    ((_, result),) = client.results("msgbatch_1")
    assert (result.outcome, result.unbilled, result.request_id) == (outcome, True, "req_1")
    assert result.detail.startswith(f"batch entry errored: {status} {kind}")


def test_entry_without_a_tier_is_billed_as_one_of_a_batch_and_another_tier_as_it_says(
    client: ClaudeBatches, provider: FakeProviders
) -> None:
    provider.fault("anthropic", {"usage": {"service_tier": None}}, batch="entry", contains="plain")
    provider.fault("anthropic", {"service_tier": "standard"}, batch="entry", contains="dear")
    made = created(client, "plain", "dear")
    assert {name: result.batch for name, result in client.results(made.provider_id)} == {"plain": True, "dear": False}


def test_results_cannot_be_read_before_the_end_or_after_29_days(client: ClaudeBatches, provider: FakeProviders) -> None:
    provider.control("POST", "batches", {"seconds": 3600})
    made = created(client, "a")
    with pytest.raises(BatchError):
        list(client.results(made.provider_id))
    provider.control("POST", "batches", {"advance_seconds": 29 * DAY})
    retrieved = client.retrieve(made.provider_id)
    assert retrieved is not None
    assert (retrieved.ended, retrieved.readable, retrieved.archived) == (True, False, True)


def test_cancelled_batch_ends(client: ClaudeBatches, provider: FakeProviders) -> None:
    provider.control("POST", "batches", {"seconds": None, "processed_before_cancel": 0.5})
    made = created(client, "a", "b")
    client.cancel(made.provider_id)
    outcomes = sorted(result.outcome for _, result in client.results(made.provider_id))
    assert outcomes == [Outcome.ANSWERED, Outcome.NOT_SENT]


def test_list_goes_over_pages_down_to_what_is_older(client: ClaudeBatches, provider: FakeProviders) -> None:
    created(client, "old")
    provider.control("POST", "batches", {"advance_seconds": 600})
    since = datetime.now(UTC) + timedelta(seconds=300)
    made = [created(client, "a").provider_id for _ in range(3)]
    assert [batch.provider_id for batch in client.listed(since)] == made[::-1]


def test_unreachable_provider_is_an_error_and_no_answer(closed_port: int) -> None:
    client = ClaudeBatches("a-key", f"http://127.0.0.1:{closed_port}")
    for ask in (lambda: client.listed(datetime.now(UTC)), lambda: client.retrieve("x"), lambda: client.cancel("x")):
        with pytest.raises(BatchError):
            ask()
