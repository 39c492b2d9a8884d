"""What a call sends and reserves."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.execution.calls import INPUT_MARGIN, CallSpec, Purpose
from pointsman.routing.catalog import load_catalog
from pointsman.values.taxonomy import Tier
from tests.support.fakes import NOON

HAIKU = load_catalog().get("claude-haiku-5-5")
SCHEMA = {"type": "object", "properties": {"größe": {"type": "string"}}}


def spec(**fields: Any) -> CallSpec:
    return replace(CallSpec(Purpose.TASK, "t-1", "1.1", HAIKU.id, Tier.IMPLEMENTATION, "implementation"), **fields)


def test_input_is_counted_in_bytes_of_prompt_system_and_schema() -> None:
    """No tokenizer makes more tokens than UTF-8 bytes; the provider adds the schema to the input, twice with Claude."""
    stated = spec(prompt="größer", system="kürzer", schema=SCHEMA)
    assert stated.input_bytes == 8 + 7 + 2 * len(json.dumps(SCHEMA, separators=(",", ":"), ensure_ascii=False).encode())
    assert stated.input_reserved(HAIKU) == stated.input_bytes + 1_000


@given(st.text(max_size=50), st.text(max_size=50))
def test_reservation_grows_by_every_byte_and_ends_at_the_context_window(prompt: str, system: str) -> None:
    small = replace(HAIKU, context_window=INPUT_MARGIN + 60)
    sent = len(prompt.encode()) + len(system.encode())
    assert spec(prompt=prompt, system=system).input_reserved(small) == min(sent, 60) + INPUT_MARGIN


def test_short_input_is_reserved_at_the_plain_price_since_nobody_can_cache_it() -> None:
    """Haiku 5.5 caches from 512 tokens on: a text of fewer bytes, and what marks its turns, has no more tokens."""
    fewest = HAIKU.cache_minimum
    assert fewest == 512
    short, long = spec(prompt="x" * (fewest - 33), max_output_tokens=200), spec(prompt="x" * (fewest - 32))
    assert (short.may_be_cached(HAIKU), long.may_be_cached(HAIKU)) == (False, True)
    regional = 1.1
    plain = regional * (short.input_reserved(HAIKU) * 100 + 200 * 500)
    assert short.worst_cost_nano(HAIKU, NOON) == pytest.approx(plain, abs=1)
    cached = regional * long.input_reserved(HAIKU) * 200
    assert long.worst_cost_nano(HAIKU, NOON) == pytest.approx(cached, abs=1)
    assert spec(prompt="x", schema=SCHEMA).may_be_cached(HAIKU), "the provider says how the answer must look"
    assert spec(prompt="x").may_be_cached(replace(HAIKU, cache_minimum=None)), "nobody says from where on"


@pytest.mark.parametrize(("asked", "sent"), [(1, 1), (4_096, 4_096), (4_097, 4_096), (128_000, 4_096)])
def test_output_cap_is_clamped_to_the_models_own(asked: int, sent: int) -> None:
    small, stated = replace(HAIKU, max_output=4_096), spec(max_output_tokens=asked)
    assert stated.output_cap(small) == stated.request(small, 5.0).max_output_tokens == sent
