"""Message batches of the fake providers, through the real SDK: their life, their results and their pitfalls."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.support.fake_providers import CLAUDE_MODEL, FakeProviders

DAY = 86_400


@pytest.fixture(autouse=True)
def _fresh(provider: FakeProviders) -> Iterator[None]:
    """No rules, and batches that end at once."""
    provider.control("DELETE", "batches")
    provider.control("POST", "batches", {"seconds": 0})
    yield
    provider.control("DELETE", "batches")


def entry(custom_id: str, prompt: str = "Write a parser.", **more: Any) -> Any:
    params = {"model": CLAUDE_MODEL, "max_tokens": 1000, "messages": [{"role": "user", "content": prompt}], **more}
    return {"custom_id": custom_id, "params": params}


def results(claude: anthropic.Anthropic, batch_id: str) -> dict[str, Any]:
    return {line.custom_id: line.result for line in claude.messages.batches.results(batch_id)}


def kinds(claude: anthropic.Anthropic, batch_id: str) -> dict[str, str]:
    return {custom_id: result.type for custom_id, result in results(claude, batch_id).items()}


def test_nothing_is_known_of_a_batch_until_it_has_ended(claude: anthropic.Anthropic, provider: FakeProviders) -> None:
    provider.control("POST", "batches", {"seconds": 3600})
    batch = claude.messages.batches.create(requests=[entry("a"), entry("b")])
    assert (batch.processing_status, batch.request_counts.processing, batch.results_url) == ("in_progress", 2, None)
    with pytest.raises(anthropic.AnthropicError):
        claude.messages.batches.results(batch.id)
    provider.control("POST", "batches", {"advance_seconds": 3600})
    batch = claude.messages.batches.retrieve(batch.id)
    assert (batch.processing_status, batch.request_counts.processing, batch.request_counts.succeeded) == ("ended", 0, 2)


def test_results_come_in_another_order_at_the_batch_tier(claude: anthropic.Anthropic) -> None:
    names = [f"e-{n}" for n in range(30)]
    batch = claude.messages.batches.create(requests=[entry(name, f"Write parser {name}.") for name in names])
    answers = results(claude, batch.id)
    assert sorted(answers) == sorted(names) != [*answers]
    for name, result in answers.items():
        assert result.message.usage.service_tier == "batch"
        assert name in "".join(block.text for block in result.message.content if block.type == "text")


def test_parameters_are_validated_only_when_they_are_processed(claude: anthropic.Anthropic) -> None:
    bad = [entry("stream", stream=True), entry("speed", speed="fast"), entry("zero", max_tokens=0), entry("role", "")]
    batch = claude.messages.batches.create(requests=[entry("good"), *bad])
    answers = results(claude, batch.id)
    assert answers.pop("good").type == "succeeded"
    assert {result.error.error.type for result in answers.values()} == {"invalid_request_error"}


@pytest.mark.parametrize(
    "requests", [[], [entry("a"), entry("a")], [entry("no spaces")], [entry("x" * 65)], [entry("")]], ids=len
)
def test_a_batch_of_broken_ids_is_not_taken(
    claude: anthropic.Anthropic, provider: FakeProviders, requests: list[Any]
) -> None:
    with pytest.raises(anthropic.BadRequestError):
        claude.messages.batches.create(requests=requests)
    assert provider.control("GET", "batches")["batches"] == []


@pytest.mark.parametrize("action", ["hang", {"delay": 2}, {"reset": "rst"}, {"reset": "before_answer"}])
def test_a_create_without_an_answer_has_taken_its_batch(
    claude: anthropic.Anthropic, provider: FakeProviders, action: Any
) -> None:
    provider.fault("anthropic", action, batch="create", times=1)
    with pytest.raises(anthropic.APIConnectionError):
        claude.messages.batches.create(requests=[entry("a")])
    (listed,) = claude.messages.batches.list().data
    assert kinds(claude, listed.id) == {"a": "succeeded"}
    assert [call["method"] for call in provider.control("GET", "batches")["calls"]][:1] == ["POST"]


def test_a_create_that_something_in_between_spoils_has_taken_its_batch(
    claude: anthropic.Anthropic, provider: FakeProviders
) -> None:
    provider.fault("anthropic", {"response": {"status": 502, "body_text": "<html>"}}, batch="create", times=1)
    with pytest.raises(anthropic.InternalServerError):
        claude.messages.batches.create(requests=[entry("a")])
    assert len(claude.messages.batches.list().data) == 1


def test_a_create_that_is_refused_takes_nothing(claude: anthropic.Anthropic, provider: FakeProviders) -> None:
    provider.fault("anthropic", {"status": 529}, batch="create", times=1)
    with pytest.raises(anthropic.APIStatusError):
        claude.messages.batches.create(requests=[entry("a")])
    assert claude.messages.batches.list().data == []


def test_rules_for_single_messages_leave_batches_alone(claude: anthropic.Anthropic, provider: FakeProviders) -> None:
    provider.fault("anthropic", {"status": 500})
    batch = claude.messages.batches.create(requests=[entry("a")])
    assert kinds(claude, batch.id) == {"a": "succeeded"}


def test_rules_decide_how_entries_end(claude: anthropic.Anthropic, provider: FakeProviders) -> None:
    rules: list[tuple[str, Any]] = [
        ("late", {"entry": "expired"}),
        ("gone", {"entry": "canceled"}),
        ("bad", {"status": 529}),
        ("bio", {"refusal": "bio"}),
    ]
    for word, action in rules:
        provider.fault("anthropic", action, batch="entry", contains=word)
    batch = claude.messages.batches.create(requests=[entry(word, f"a {word} task") for word, _ in rules])
    answers = results(claude, batch.id)
    assert {name: result.type for name, result in answers.items()} == {
        "late": "expired",
        "gone": "canceled",
        "bad": "errored",
        "bio": "succeeded",
    }
    assert answers["bad"].error.error.type == "overloaded_error"
    assert answers["bio"].message.stop_reason == "refusal"


def test_an_unfinished_batch_expires_after_a_day(claude: anthropic.Anthropic, provider: FakeProviders) -> None:
    provider.control("POST", "batches", {"seconds": None})
    batch = claude.messages.batches.create(requests=[entry("a")])
    provider.control("POST", "batches", {"advance_seconds": DAY})
    assert kinds(claude, batch.id) == {"a": "expired"}


def test_what_was_processed_before_a_cancel_has_its_result(
    claude: anthropic.Anthropic, provider: FakeProviders
) -> None:
    provider.control("POST", "batches", {"seconds": None, "cancel_seconds": 60, "processed_before_cancel": 0.5})
    batch = claude.messages.batches.create(requests=[entry(name) for name in "abcd"])
    assert claude.messages.batches.cancel(batch.id).processing_status == "canceling"
    provider.control("POST", "batches", {"advance_seconds": 60})
    assert claude.messages.batches.cancel(batch.id).processing_status == "ended"
    assert kinds(claude, batch.id) == {"a": "succeeded", "b": "succeeded", "c": "canceled", "d": "canceled"}


def test_results_are_gone_29_days_after_the_creation(claude: anthropic.Anthropic, provider: FakeProviders) -> None:
    batch = claude.messages.batches.create(requests=[entry("a")])
    provider.control("POST", "batches", {"advance_seconds": 29 * DAY})
    assert claude.messages.batches.retrieve(batch.id).archived_at is not None
    with pytest.raises(anthropic.AnthropicError):
        claude.messages.batches.results(batch.id)


def test_the_list_has_the_newest_first_by_pages(claude: anthropic.Anthropic) -> None:
    made = [claude.messages.batches.create(requests=[entry("a")]).id for _ in range(5)]
    assert [batch.id for batch in claude.messages.batches.list(limit=2)] == made[::-1]
    assert "custom_id" not in claude.messages.batches.list().data[0].model_dump_json()
