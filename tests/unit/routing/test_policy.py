from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.routing import config as openclaw
from pointsman.routing.catalog import Billing, Catalog, load_catalog
from pointsman.routing.config import OpenClaw, Pointsman
from pointsman.routing.policy import Hop, RoutingPolicy
from pointsman.values.taxonomy import Tier
from tests.support.fakes import NOON
from tests.support.paths import ROOT

IDS = list(load_catalog().models)


def policy(text: str | None = None, **own: Any) -> RoutingPolicy:
    config = openclaw.parse(text or (ROOT / "openclaw.json").read_text())
    return RoutingPolicy(config.model_copy(update={"pointsman": Pointsman.model_validate(own)}), load_catalog())


def models(hops: list[Hop]) -> list[str]:
    return [hop.model for hop in hops]


BARE = (ROOT / "tests/data/openclaw_bare.json").read_text()


def test_the_default_plans() -> None:
    routing_policy = policy()
    gemini, haiku, sonnet = "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"

    assert routing_policy.plan(Tier.ORCHESTRATION, NOON, private=False) == [
        Hop(gemini, Tier.ORCHESTRATION, Tier.ORCHESTRATION),
        Hop(haiku, Tier.IMPLEMENTATION, Tier.ORCHESTRATION),
    ]
    assert routing_policy.plan(Tier.IMPLEMENTATION, NOON, private=False) == [
        Hop(haiku, Tier.IMPLEMENTATION, Tier.IMPLEMENTATION),
        Hop(sonnet, Tier.IMPLEMENTATION, Tier.IMPLEMENTATION),
    ]
    assert routing_policy.plan(Tier.REASONING, NOON, private=False) == [Hop(sonnet, Tier.REASONING, Tier.REASONING)]


def test_the_bare_block_is_served_by_what_is_alive() -> None:
    routing_policy = policy(BARE)
    assert models(routing_policy.plan(Tier.ORCHESTRATION, NOON, private=False)) == [
        "gemini-3.5-flash-lite",
        "claude-haiku-4-5",
    ]
    assert models(routing_policy.plan(Tier.REASONING, NOON, private=False)) == ["claude-sonnet-4-5"]
    december = datetime(2026, 12, 1, tzinfo=UTC)
    assert models(routing_policy.plan(Tier.REASONING, december, private=False)) == ["claude-sonnet-5-5"]
    assert models(routing_policy.plan(Tier.IMPLEMENTATION, december, private=False)) == [
        "claude-haiku-4-5",
        "claude-sonnet-5-5",
    ]


def test_retired_model_is_replaced_by_its_successor() -> None:
    routing_policy = policy(BARE)
    gone = {"claude-haiku-4-5", "gemini-3.5-flash-lite"}
    assert models(routing_policy.plan(Tier.IMPLEMENTATION, NOON, private=False, gone=gone))[0] == "claude-haiku-5-5"
    assert models(routing_policy.plan(Tier.ORCHESTRATION, NOON, private=False, gone=gone)) == [
        "gemini-3.5-flash-lite",  # it has no successor, and its breaker says that it is gone
        "claude-haiku-5-5",
    ]


def test_a_private_task_goes_to_the_first_paid_model() -> None:
    assert models(policy().plan(Tier.ORCHESTRATION, NOON, private=True)) == ["claude-haiku-5-5"]
    chains = {"orchestration": ["gemini-3.5-flash-lite", "gemini-3.7-flash"]}
    assert models(policy(chains=chains).plan(Tier.ORCHESTRATION, NOON, private=True)) == ["gemini-3.7-flash"]


def test_a_private_task_without_a_paid_model_has_no_plan() -> None:
    routing_policy = policy(chains={"orchestration": ["gemini-3.5-flash-lite", "gemini-3.1-flash-lite"]})
    assert routing_policy.plan(Tier.ORCHESTRATION, NOON, private=True) == []


def test_a_key_on_a_paid_plan_makes_its_model_paid() -> None:
    routing_policy = policy(paid_models=["gemini-3.5-flash-lite"], free_to_paid=[])
    gemini = load_catalog().get("gemini-3.5-flash-lite")
    assert (routing_policy.billing(gemini), routing_policy.quota(gemini)) == (Billing.PAID, None)
    assert models(routing_policy.plan(Tier.ORCHESTRATION, NOON, private=True))[0] == "gemini-3.5-flash-lite"
    assert len(routing_policy.plan(Tier.ORCHESTRATION, NOON, private=False)) == 2


def test_free_to_paid_only_where_configured() -> None:
    assert models(policy(free_to_paid=[]).plan(Tier.ORCHESTRATION, NOON, private=False)) == ["gemini-3.5-flash-lite"]


def test_paid_to_free_never() -> None:
    chain = ["claude-haiku-5-5", "gemini-3.5-flash-lite", "claude-sonnet-5-5"]
    routing_policy = policy(chains={"reasoning": chain}, free_to_paid=list(Tier))
    assert models(routing_policy.plan(Tier.REASONING, NOON, private=False)) == ["claude-haiku-5-5", "claude-sonnet-5-5"]


def test_a_successor_without_a_free_tier_counts_as_such_a_hop() -> None:
    catalog = load_catalog()
    old = replace(catalog.get("gemini-2.0-flash"), successor="gemini-3.7-flash")
    changed = Catalog({**catalog.models, old.id: old})
    config = openclaw.parse(BARE)
    assert models(RoutingPolicy(config, changed).plan(Tier.ORCHESTRATION, NOON, private=False))[0] == "gemini-3.7-flash"
    closed = config.model_copy(update={"pointsman": Pointsman(free_to_paid=[])})
    assert RoutingPolicy(closed, changed).plan(Tier.ORCHESTRATION, NOON, private=False) == []


def test_stated_quotas_replace_those_of_the_free_tier() -> None:
    routing_policy = policy(quotas={"gemini-3.5-flash-lite": {"rpm": 5}, "claude-haiku-5-5": {"rpm": 50}})
    gemini, haiku = (
        routing_policy.quota(load_catalog().get(name)) for name in ("gemini-3.5-flash-lite", "claude-haiku-5-5")
    )
    assert gemini is not None
    assert haiku is not None
    assert (gemini.rpm, gemini.tpm, gemini.rpd) == (5, None, None)
    assert haiku.rpm == 50
    assert policy().quota(load_catalog().get("claude-haiku-5-5")) is None


@given(
    chain=st.lists(st.sampled_from(IDS), min_size=1, max_size=8),
    tier=st.sampled_from(Tier),
    allowed=st.lists(st.sampled_from(Tier)),
    paid=st.lists(st.sampled_from(IDS)),
    gone=st.sets(st.sampled_from(IDS)),
    private=st.booleans(),
    now=st.integers(-300, 800).map(lambda days: NOON + timedelta(days=days)),
)
def test_no_plan_breaks_the_rules(
    chain: list[str],
    tier: Tier,
    allowed: list[Tier],
    paid: list[str],
    gone: set[str],
    private: bool,
    now: datetime,
) -> None:
    routing_policy = RoutingPolicy(
        OpenClaw.model_validate(
            {
                "routing": dict.fromkeys(Tier, chain[0]),
                "pointsman": {"chains": {tier: chain}, "free_to_paid": allowed, "paid_models": paid},
            }
        ),
        load_catalog(),
    )
    hops = routing_policy.plan(tier, now, private=private, gone=gone)
    result = [load_catalog().get(hop.model) for hop in hops]
    billings = [routing_policy.billing(model) for model in result]

    assert len({model.id for model in result}) == len(result)
    assert not any(model.has_ended(now.date()) and model.successor for model in result)
    assert not any(model.id in gone and model.successor for model in result)
    if private:
        assert Billing.FREE not in billings
    for before, after in pairwise(billings):
        assert (before, after) != (Billing.PAID, Billing.FREE)
        assert (before, after) != (Billing.FREE, Billing.PAID) or tier in allowed
    for hop, model in zip(hops, result, strict=True):
        assert hop.tier is tier
        if model.provider == "gemini":
            assert hop.function is Tier.ORCHESTRATION
        else:
            assert hop.function is (Tier.REASONING if tier is Tier.REASONING else Tier.IMPLEMENTATION)


@pytest.mark.parametrize("tier", Tier)
def test_a_stated_chain_is_the_plan(tier: Tier) -> None:
    routing_policy = policy(chains={tier: ["claude-haiku-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"]})
    assert models(routing_policy.plan(tier, NOON, private=False)) == ["claude-haiku-5-5", "claude-sonnet-5-5"]


GEMINI, HAIKU, SONNET = "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"


def above(own: RoutingPolicy, tier: Tier, model: str, *, private: bool = False) -> Hop | None:
    return own.above(own.hop(own.catalog.get(model), tier), NOON, private=private)


@pytest.mark.parametrize(
    ("tier", "model", "found"),
    [
        (Tier.ORCHESTRATION, GEMINI, Hop(HAIKU, Tier.IMPLEMENTATION, Tier.IMPLEMENTATION)),
        (Tier.ORCHESTRATION, HAIKU, Hop(SONNET, Tier.REASONING, Tier.REASONING)),
        (Tier.IMPLEMENTATION, HAIKU, Hop(SONNET, Tier.REASONING, Tier.REASONING)),
        (Tier.IMPLEMENTATION, SONNET, None),
        (Tier.REASONING, SONNET, None),
    ],
)
def test_one_tier_up_another_model_answers_and_its_tier_pays(tier: Tier, model: str, found: Hop | None) -> None:
    assert above(policy(), tier, model) == found


def test_up_from_free_to_paid_only_where_that_is_allowed_and_never_back() -> None:
    assert above(policy(free_to_paid=[]), Tier.ORCHESTRATION, GEMINI) is None
    assert above(policy(chains={"reasoning": [GEMINI]}), Tier.IMPLEMENTATION, HAIKU) is None
    assert above(policy(chains={"reasoning": [GEMINI, SONNET]}), Tier.IMPLEMENTATION, HAIKU, private=True) == Hop(
        SONNET, Tier.REASONING, Tier.REASONING
    )


def test_a_judge_is_free_or_there_is_none() -> None:
    assert policy().free_hop(NOON) == Hop(GEMINI, Tier.ORCHESTRATION, Tier.ORCHESTRATION)
    assert policy(paid_models=[GEMINI]).free_hop(NOON) is None
    assert policy(chains={"orchestration": [HAIKU]}).free_hop(NOON) is None


def test_opus_can_stand_above_sonnet() -> None:
    chains = {"reasoning": ["claude-sonnet-5-5", "claude-opus-5-5"]}
    hops = policy(chains=chains).plan(Tier.REASONING, NOON, private=True)
    assert [(hop.model, hop.function) for hop in hops] == [(name, Tier.REASONING) for name in chains["reasoning"]]


def test_free_models_form_a_pool_before_the_first_paid_one() -> None:
    pool = ["gemini-3.5-flash-lite", "gemini-3.1-flash-lite", "gemma-4-31b-it", "claude-haiku-5-5"]
    routing_policy = policy(chains={"orchestration": pool})
    assert models(routing_policy.plan(Tier.ORCHESTRATION, NOON, private=False)) == pool
    assert models(routing_policy.plan(Tier.ORCHESTRATION, NOON, private=True)) == ["claude-haiku-5-5"]
    gemma = load_catalog().get("gemma-4-31b-it")
    assert (routing_policy.quota(gemma), gemma.free_only) == (gemma.free_tier, True)


def test_project_linked_to_billing_pays_for_every_model_that_has_a_price() -> None:
    linked, catalog = policy(gemini_billing="linked"), load_catalog()
    for name, billing in ((GEMINI, Billing.PAID), (HAIKU, Billing.PAID), ("gemma-4-31b-it", Billing.FREE)):
        assert linked.billing(catalog.get(name)) is billing
    assert linked.quota(catalog.get(GEMINI)) is None
    assert models(linked.plan(Tier.ORCHESTRATION, NOON, private=True))[0] == GEMINI
    for options in ({}, {"gemini_billing": "none"}):
        assert policy(**options).billing(catalog.get(GEMINI)) is Billing.FREE


def test_models_in_use_are_the_chains_with_all_their_successors() -> None:
    assert policy().in_use() == ["gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"]
    named = ["gemini-2.0-flash", "claude-haiku-4-5", "claude-sonnet-4-5"]
    assert policy(BARE).in_use() == [*named, "gemini-3.5-flash-lite", "claude-haiku-5-5", "claude-sonnet-5-5"]
