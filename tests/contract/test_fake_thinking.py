"""Effort and thinking of the fake providers, through the real SDKs: what is accepted, counted and cut."""

import re
from typing import Any

import anthropic
import pytest
from google import genai
from google.genai import errors as gemini_errors

from devstack.fake_providers.thinking import THINKING_TOKENS
from tests.support.fake_providers import FakeProviders
from tests.support.sdk_calls import claude_text

HAIKU, SONNET, OPUS = "claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5"
LITE, FLASH = "gemini-3.5-flash-lite", "gemini-3.8-flash"
OFF: dict[str, Any] = {HAIKU: {"type": "disabled"}, SONNET: {"type": "between_tools"}}
TOOL: dict[str, Any] = {"name": "look", "input_schema": {"type": "object"}}


@pytest.fixture(autouse=True)
def _fresh(provider: FakeProviders) -> None:
    """No rules and an empty journal."""
    assert provider.requests() == []


def ask(client: anthropic.Anthropic, model: str = HAIKU, max_tokens: int = 4096, **more: Any) -> Any:
    if "effort" in more:
        more["output_config"] = {"effort": more.pop("effort")}
    message = {"role": "user", "content": "Write a parser."}
    return client.messages.create(model=model, max_tokens=max_tokens, messages=[message], timeout=5, **more)


def kinds(message: anthropic.types.Message) -> list[str]:
    return [block.type for block in message.content]


def thinking_of(message: anthropic.types.Message) -> int:
    details = message.usage.output_tokens_details
    return details.thinking_tokens if details else 0


def generate(client: genai.Client, model: str, **config: Any) -> Any:
    thinking = {name: config.pop(name) for name in [*config] if name.startswith(("thinking_", "include_"))}
    if thinking:
        config["thinking_config"] = thinking
    return client.models.generate_content(model=model, contents="Plan the release.", config=config or None)


# Claude


@pytest.mark.parametrize(("model", "effort"), [(HAIKU, "medium"), (SONNET, "high"), (OPUS, "medium")])
def test_claude_thinks_by_default(
    provider: FakeProviders, claude: anthropic.Anthropic, model: str, effort: str
) -> None:
    message = ask(claude, model)
    assert kinds(message) == ["thinking", "text"]
    assert message.content[0].thinking == ""
    assert thinking_of(message) == THINKING_TOKENS[effort]
    assert message.usage.output_tokens == THINKING_TOKENS[effort] + -(-len(claude_text(message).encode()) // 4)
    (entry,) = provider.requests()
    assert (entry["effort"], entry["thinking_tokens"]) == (effort, THINKING_TOKENS[effort])
    assert entry["output_tokens"] == message.usage.output_tokens


@pytest.mark.parametrize("effort", ["low", "medium", "high", "xhigh", "max"])
@pytest.mark.parametrize("model", [HAIKU, SONNET, OPUS])
def test_claude_thinks_more_with_more_effort(claude: anthropic.Anthropic, model: str, effort: str) -> None:
    message = ask(claude, model, effort=effort, thinking={"type": "adaptive", "display": "summarized"})
    assert thinking_of(message) == THINKING_TOKENS[effort] > 0
    assert message.content[0].thinking == f"[stand-in {model}] thinks."


def test_thinking_of_an_effort_grows_and_stays_small() -> None:
    amounts = [THINKING_TOKENS[effort] for effort in ("none", "low", "medium", "high", "xhigh", "max")]
    assert amounts == sorted(set(amounts))
    assert amounts[0] == 0
    assert amounts[-1] < 64


@pytest.mark.parametrize("model", [HAIKU, SONNET])
@pytest.mark.parametrize("effort", [None, "low", "high"])
def test_claude_does_not_think_when_thinking_is_off(
    provider: FakeProviders, claude: anthropic.Anthropic, model: str, effort: str | None
) -> None:
    message = ask(claude, model, thinking=OFF[model], **({"effort": effort} if effort else {}))
    assert (kinds(message), thinking_of(message)) == (["text"], 0)
    assert provider.requests()[0]["effort"] == "none"


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        *((model, {"thinking": OFF[model], "effort": effort}) for model in OFF for effort in ("xhigh", "max")),
        (HAIKU, {"thinking": {"type": "between_tools"}}),
        (SONNET, {"thinking": {"type": "disabled"}}),
        (SONNET, {"thinking": {"type": "between_tools", "display": "omitted"}}),
        *((OPUS, {"thinking": {"type": kind}}) for kind in ("disabled", "between_tools")),
        *((model, {"thinking": {"type": "enabled", "budget_tokens": 1024}}) for model in (HAIKU, SONNET, OPUS)),
        *((model, {"tools": [TOOL], "tool_choice": {"type": "any"}}) for model in (SONNET, OPUS)),
        (HAIKU, {"effort": "minimal"}),
        (HAIKU, {"max_tokens": 128_001}),
        ("claude-haiku-4-5", {"effort": "low"}),
        ("claude-haiku-4-5", {"thinking": {"type": "between_tools"}}),
        ("claude-haiku-4-5", {"thinking": {"type": "enabled", "budget_tokens": 500}}),
        ("claude-haiku-4-5", {"thinking": {"type": "enabled", "budget_tokens": 4096}}),
    ],
    ids=str,
)
def test_claude_refuses_settings_of_other_models(
    provider: FakeProviders, claude: anthropic.Anthropic, model: str, settings: dict[str, Any]
) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        ask(claude, model, **settings)
    assert caught.value.type == "invalid_request_error"
    (entry,) = provider.requests()
    assert (entry["model"], entry["status"], entry["effort"]) == (model, 400, None)


def test_forced_tool_of_haiku_comes_without_thinking(claude: anthropic.Anthropic) -> None:
    assert thinking_of(ask(claude, tools=[TOOL], tool_choice={"type": "any"})) == 0
    assert thinking_of(ask(claude, tools=[TOOL], tool_choice={"type": "auto"})) > 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("setting", ["temperature", "top_p", "top_k"])
def test_sampling_is_refused_by_the_api_version(claude: anthropic.Anthropic, setting: str) -> None:
    for model in (HAIKU, "claude-haiku-4-5"):
        with pytest.raises(anthropic.BadRequestError, match=f"{setting}: not supported in API version 2026-10-21"):
            ask(claude, model, extra_body={setting: 1})
    older = {"anthropic-version": "2023-06-01"}
    assert kinds(ask(claude, "claude-haiku-4-5", extra_body={setting: 1}, extra_headers=older)) == ["text"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_older_claude_thinks_only_when_asked(claude: anthropic.Anthropic) -> None:
    assert kinds(ask(claude, "claude-haiku-4-5")) == ["text"]
    enabled = {"type": "enabled", "budget_tokens": 1024}
    assert kinds(ask(claude, "claude-haiku-4-5", thinking=enabled)) == ["thinking", "text"]


def test_thinking_may_eat_the_limit(provider: FakeProviders, claude: anthropic.Anthropic) -> None:
    provider.fault("anthropic", {"thinking": 64})
    message = ask(claude, max_tokens=64)
    assert (kinds(message), message.stop_reason) == (["thinking"], "max_tokens")
    assert (message.usage.output_tokens, thinking_of(message)) == (64, 64)
    partial = ask(claude, max_tokens=66)
    assert (kinds(partial), partial.stop_reason) == (["thinking", "text"], "max_tokens")
    assert (partial.usage.output_tokens, thinking_of(partial), len(claude_text(partial))) == (66, 64, 8)
    whole = ask(claude)
    assert (whole.stop_reason, thinking_of(whole)) == ("end_turn", 64)


@pytest.mark.parametrize("model", [HAIKU, SONNET])
@pytest.mark.parametrize("limit", [1, 4096, 20_000])
def test_thinking_eats_any_limit_unless_it_is_off(
    provider: FakeProviders, claude: anthropic.Anthropic, model: str, limit: int
) -> None:
    provider.fault("anthropic", {"thinking": "all"})
    message = ask(claude, model, limit, effort="low")
    assert (kinds(message), message.stop_reason, thinking_of(message)) == (["thinking"], "max_tokens", limit)
    off = ask(claude, model, 20_000, thinking=OFF[model])
    assert (kinds(off), off.stop_reason) == (["text"], "end_turn")


def test_thinking_may_depend_on_the_effort(provider: FakeProviders, claude: anthropic.Anthropic) -> None:
    provider.fault("anthropic", {"thinking": "all"}, effort=["medium", "high", "xhigh", "max"])
    assert kinds(ask(claude, OPUS)) == ["thinking"]
    assert kinds(ask(claude, OPUS, effort="low")) == ["thinking", "text"]
    provider.fault("anthropic", {"answer": "no thoughts"}, effort=["none"])
    assert claude_text(ask(claude, thinking=OFF[HAIKU])) == "no thoughts"


def test_thinking_may_end_without_an_answer(provider: FakeProviders, claude: anthropic.Anthropic) -> None:
    provider.fault("anthropic", {"thinking": {"tokens": 50, "text": False}})
    message = ask(claude)
    assert (kinds(message), message.stop_reason, message.usage.output_tokens) == (["thinking"], "end_turn", 50)


def test_request_is_journaled_with_what_it_asked_for(provider: FakeProviders, claude: anthropic.Anthropic) -> None:
    schema = {"type": "object", "properties": {"title": {"type": "string"}}, "required": ["title"]}
    output = {"effort": "low", "format": {"type": "json_schema", "schema": schema}}
    ask(claude, max_tokens=500, system="Be brief.", output_config=output, thinking=OFF[HAIKU])
    (entry,) = provider.requests()
    assert entry["asked"] == {
        "model": HAIKU,
        "max_tokens": 500,
        "output_config": {"effort": "low", "format": {"type": "json_schema"}},
        "thinking": {"type": "disabled"},
    }
    assert provider.control("GET", "counts")["thinking_tokens"] == 0


# Gemini


@pytest.mark.parametrize(
    ("model", "level"),
    [
        (LITE, "minimal"),
        ("gemini-3.1-flash-lite", "minimal"),
        ("gemini-3.6-flash", "medium"),
        ("gemini-3.7-flash", "high"),
        (FLASH, "high"),
    ],
)
def test_gemini_thinks_by_its_models_default(
    provider: FakeProviders, gemini: genai.Client, model: str, level: str
) -> None:
    answer = generate(gemini, model)
    usage = answer.usage_metadata
    assert (usage.thoughts_token_count or 0) == THINKING_TOKENS[level]
    assert usage.total_token_count == usage.prompt_token_count + usage.candidates_token_count + THINKING_TOKENS[level]
    (entry,) = provider.requests()
    assert (entry["effort"], entry["thinking_tokens"] or 0) == (level, THINKING_TOKENS[level])


@pytest.mark.parametrize("level", ["MINIMAL", "LOW", "MEDIUM", "HIGH"])
@pytest.mark.parametrize("model", [LITE, "gemini-3.6-flash", "gemini-3.7-flash", FLASH])
def test_gemini_level_sets_the_thinking(provider: FakeProviders, gemini: genai.Client, model: str, level: str) -> None:
    if level == "MINIMAL" and re.search(r"3\.[78]-flash", model):
        with pytest.raises(gemini_errors.ClientError, match="MINIMAL is not supported"):
            generate(gemini, model, thinking_level=level)
    else:
        answer = generate(gemini, model, thinking_level=level, include_thoughts=True)
        assert (answer.usage_metadata.thoughts_token_count or 0) == THINKING_TOKENS[level.lower()]
        thoughts = [part.text for part in answer.candidates[0].content.parts if part.thought]
        assert thoughts == ([f"[stand-in {model}] thinks."] if level != "MINIMAL" else [])
    (entry,) = provider.requests()
    assert entry["asked"]["generationConfig"]["thinkingConfig"]["thinking_level"] == level


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        (FLASH, {"thinking_budget": 0}),
        ("gemini-3.7-flash", {"thinking_budget": 0}),
        (LITE, {"thinking_budget": 5, "thinking_level": "LOW"}),
    ],
    ids=str,
)
def test_gemini_refuses_other_thinking_settings(gemini: genai.Client, model: str, settings: dict[str, Any]) -> None:
    with pytest.raises(gemini_errors.ClientError) as caught:
        generate(gemini, model, **settings)
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")


def test_output_limit_of_gemini_cuts_its_thoughts(provider: FakeProviders, gemini: genai.Client) -> None:
    provider.fault("gemini", {"thinking": "all"}, model=LITE)
    answer = generate(gemini, LITE, max_output_tokens=3000)
    assert (answer.text, answer.candidates[0].finish_reason.name) == (None, "MAX_TOKENS")
    assert answer.candidates[0].content.parts is None
    usage = answer.usage_metadata
    assert (usage.thoughts_token_count, usage.candidates_token_count) == (3000, None)
    assert usage.total_token_count == usage.prompt_token_count + 3000

    short = generate(gemini, FLASH, max_output_tokens=THINKING_TOKENS["high"] + 2)
    assert (len(short.text), short.candidates[0].finish_reason.name) == (8, "MAX_TOKENS")


def test_older_gemini_thinks_only_with_a_budget(gemini: genai.Client) -> None:
    for budget, thinks in ((None, False), (0, False), (-1, True), (500, True)):
        settings = {} if budget is None else {"thinking_budget": budget}
        answer = generate(gemini, "gemini-2.5-flash", **settings)
        assert bool(answer.usage_metadata.thoughts_token_count) is thinks
