"""The shape of `openclaw.json` that OpenClaw itself accepts: read, written, and read again."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.routing import config as openclaw
from pointsman.routing.catalog import load_catalog
from pointsman.routing.config import ConfigError
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import Tier
from pointsman_cli.openclaw import export_config, tools_section
from pointsman_cli.tuning.edit import put
from tests.support.paths import ROOT

OWN = json.loads((ROOT / "tests/data/openclaw_own.json").read_text())
BARE = json.loads((ROOT / "tests/data/openclaw_bare.json").read_text())
NOW = datetime(2026, 12, 1, tzinfo=UTC)
SERVER = {"command": "pointsman", "args": ["mcp"]}


def changed(change: Callable[[Any], None]) -> str:
    fields = json.loads(json.dumps(OWN))
    change(fields)
    return json.dumps(fields)


def chains(text: str) -> dict[Tier, list[str]]:
    return openclaw.parse(text).pointsman.chains


def test_agents_and_fallbacks_are_tiers_and_chains() -> None:
    config = openclaw.parse(json.dumps(OWN))
    assert [config.routing.of(tier) for tier in Tier] == [
        "gemini-3.5-flash-lite",
        "claude-haiku-4-5",
        "claude-sonnet-5-5",
    ]
    assert config.pointsman.chains == {
        Tier.ORCHESTRATION: ["gemini-3.5-flash-lite", "claude-haiku-4-5"],
        Tier.IMPLEMENTATION: ["claude-haiku-4-5", "claude-sonnet-5-5"],
        Tier.REASONING: ["claude-sonnet-5-5"],
    }
    assert config.agents.keys() == {"main", "work", "personal"}
    assert config.agents["personal"].description == "Reasoning"
    assert (config.pointsman.budget.month_usd, config.pointsman.free_to_paid) == (Decimal(3), [])


HAIKU, GEMINI, SONNET = "claude-haiku-4-5", "gemini-3.5-flash-lite", "claude-sonnet-5-5"


@pytest.mark.parametrize(
    ("model", "chain"),
    [
        (None, [GEMINI, HAIKU]),
        ("anthropic/claude-sonnet-5-5", [SONNET]),
        ({"primary": "anthropic/claude-sonnet-5-5"}, [SONNET]),
        ({"primary": "anthropic/claude-sonnet-5-5", "fallbacks": []}, [SONNET]),
        ({"fallbacks": ["anthropic/claude-sonnet-5-5"]}, [GEMINI, SONNET]),
        ({"fallbacks": []}, [GEMINI]),
        ({}, [GEMINI, HAIKU]),
        ({"primary": "anthropic/claude-haiku-4-5", "fallbacks": ["anthropic/claude-haiku-4-5"]}, [HAIKU]),
    ],
)
def test_what_an_agent_does_not_say_follows_openclaws_rules(model: Any, chain: list[str]) -> None:
    """As docs/concepts/model-failover.md of OpenClaw 2026.9.6 has them."""
    assert (
        chains(changed(lambda file: file["agents"]["entries"]["work"].update(model=model)))[Tier.IMPLEMENTATION]
        == chain
    )


def test_an_agent_that_is_not_there_has_the_shared_model() -> None:
    assert chains(changed(lambda file: file["agents"].pop("entries"))) == {tier: [GEMINI, HAIKU] for tier in Tier}


def test_a_stated_chain_beats_the_agents() -> None:
    def state(file: Any) -> None:
        file["skills"]["entries"]["pointsman"]["config"]["chains"] = {"reasoning": [SONNET, "claude-haiku-5-5"]}

    assert chains(changed(state))[Tier.REASONING] == [SONNET, "claude-haiku-5-5"]
    assert chains(changed(state))[Tier.IMPLEMENTATION] == [HAIKU, SONNET]


@pytest.mark.parametrize("text", [json.dumps(OWN), json.dumps(BARE)])
def test_an_edit_finds_the_options_in_either_shape(text: str) -> None:
    edited = put(text, (*openclaw.options_path(text), "classifier", "threshold"), 0.9)
    assert openclaw.parse(edited).pointsman.classifier.threshold == 0.9


def test_the_environment_overrides_a_tier_there_too() -> None:
    config = openclaw.parse(json.dumps(OWN), {Tier.IMPLEMENTATION: "claude-haiku-5-5"})
    assert config.pointsman.chains[Tier.IMPLEMENTATION] == ["claude-haiku-5-5", SONNET]


def _options(**options: Any) -> Callable[[Any], None]:
    return lambda file: file["skills"]["entries"]["pointsman"].update(config=options)


def _agent(name: str, **fields: Any) -> Callable[[Any], None]:
    return lambda file: file["agents"]["entries"].update({name: fields})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_agent("work", model="openai/gpt-9"), "agents.entries.work.model: unknown model 'openai/gpt-9'"),
        (
            _agent("main", model="google/gemini-3.5-flash-lit"),
            "(did you mean google/gemini-3.5-flash-lite?); choose from ",
        ),
        (_agent("main", model="google/claude-haiku-4-5"), "did you mean anthropic/claude-haiku-4-5?"),
        (_agent("main", model="claude-haiku-4-5"), "did you mean anthropic/claude-haiku-4-5?"),
        (_agent("main", model=["x"]), "agents.entries.main.model: must be a model, or an object with primary"),
        (_agent("main", model={"fallbacks": "x"}), "agents.entries.main.model: must be a model, or an object with"),
        (lambda file: file["agents"].update(entries=[]), "agents.entries: must be an object"),
        (lambda file: file["agents"]["entries"].update(main=3), "agents.entries.main: must be an object"),
        (
            lambda file: file["agents"].update(entries={}, defaults={}),
            "agents.entries.main.model: is required, or else agents.defaults.model: it serves the orchestration tier",
        ),
        (lambda file: file["agents"].update(list=[]), "agents.list: must be agents.entries; `openclaw doctor --fix`"),
        (
            lambda file: file.update(pointsman={}),
            "pointsman: OpenClaw refuses this key: put what it holds under skills.",
        ),
        (lambda file: file.update(skills=[]), "skills: must be an object"),
        (_options(budgt={}), "unknown key 'skills.entries.pointsman.config.budgt' (did you mean budget?); choose from"),
        (
            _options(budget={"month_usd": -1}),
            "skills.entries.pointsman.config.budget.month_usd: Input should be greater",
        ),
        (_options(baseline="gpt"), "skills.entries.pointsman.config.baseline: unknown model 'gpt'"),
        (_options(chains=[]), "skills.entries.pointsman.config.chains: Input should be"),
    ],
)
def test_an_error_names_the_key_where_it_stands(change: Callable[[Any], None], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        openclaw.parse(changed(change))
    assert str(caught.value).startswith("openclaw.json: ")
    assert told in str(caught.value)
    assert "nobody-may-see-this" not in str(caught.value)


alive = st.sampled_from([name for name, model in load_catalog().models.items() if not model.has_ended(NOW.date())])
configurations = st.fixed_dictionaries(
    {"routing": st.fixed_dictionaries({str(tier): alive for tier in Tier})},
    optional={
        "pointsman": st.fixed_dictionaries(
            {},
            optional={
                "chains": st.dictionaries(st.sampled_from([*map(str, Tier)]), st.lists(alive, min_size=1, max_size=4)),
                "free_to_paid": st.lists(st.sampled_from([*map(str, Tier)]), unique=True),
                "budget": st.fixed_dictionaries({"month_usd": st.decimals(0, 100, places=2).map(str)}),
                "baseline": alive,
            },
        )
    },
)


@given(configurations)
def test_what_is_exported_serves_tasks_as_before(fields: Any) -> None:
    before = RoutingPolicy(openclaw.parse(json.dumps(fields)), load_catalog())
    after = RoutingPolicy(openclaw.parse(json.dumps(export_config(before, NOW, SERVER))), load_catalog())
    for tier in Tier:
        for private in (False, True):
            assert after.plan(tier, NOW, private=private) == before.plan(tier, NOW, private=private)
    assert after.config.baseline == before.config.baseline
    own = "budget", "free_to_paid", "quotas", "classifier"
    assert [getattr(after.config.pointsman, name) for name in own] == [
        getattr(before.config.pointsman, name) for name in own
    ]


def test_the_export_names_no_model_that_has_ended() -> None:
    made = export_config(RoutingPolicy(openclaw.parse(json.dumps(BARE)), load_catalog()), NOW, SERVER)
    assert made["agents"]["entries"]["main"]["model"]["primary"] == "google/gemini-3.5-flash-lite"
    assert made["agents"]["entries"]["personal"]["model"]["primary"] == "anthropic/claude-sonnet-5-5"
    assert made["agents"]["entries"]["work"]["description"] == "Implementation - code generation, testing"
    assert made["skills"]["entries"]["pointsman"]["config"] == {"baseline": "claude-sonnet-4-5"}
    assert made["mcp"] == {"servers": {"pointsman": SERVER}}
    assert tools_section(SERVER) == {"mcp": made["mcp"], "skills": {"entries": {"pointsman": {"enabled": True}}}}
