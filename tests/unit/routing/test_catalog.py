"""The catalogue against genai-prices: what we compute is what it computes, to the last digit."""

import importlib.util
import json
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import ModuleType

import genai_prices
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.routing.catalog import Model, Provider, UnknownPriceError, load_catalog
from pointsman.values.effort import Effort, nearest
from pointsman.values.limits import LARGEST_OUTPUT
from pointsman.values.money import nano
from pointsman.values.usage import Usage
from tests.support.paths import ROOT

MODELS = list(load_catalog().models.values())
AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
NAMES = {Provider.GEMINI: "google", Provider.ANTHROPIC: "anthropic"}
TIMES = [AT, datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)]
COUNTS = st.integers(0, 300_000)


def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prices_tool", ROOT / "tools/prices.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def elsewhere(model: Model, usage: Usage, at: datetime, *, batch: bool = False) -> int:
    """Return what genai-prices asks for the usage; its input tokens include those of the caches."""
    calculated = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=usage.prompt,
            cache_read_tokens=usage.cache_read,
            cache_write_tokens=usage.cache_write_5m + usage.cache_write_1h,
            cache_write_1h_tokens=usage.cache_write_1h,
            output_tokens=usage.output,
        ),
        model_ref=model.id,
        provider_id=NAMES[model.provider],
        genai_request_timestamp=at,
        price_context={"processing": "batch"} if batch else None,
    )
    return nano(calculated.total_price)


def usages(model: Model) -> st.SearchStrategy[Usage]:
    writes = COUNTS if model.provider is Provider.ANTHROPIC else st.just(0)
    return st.builds(
        Usage,
        input=COUNTS,
        cache_read=COUNTS,
        cache_write_5m=writes,
        cache_write_1h=writes,
        output=COUNTS,
    )


def by_id(model: Model) -> str:
    return model.id


def test_the_contract_of_a_task_knows_the_largest_output() -> None:
    assert max(model.max_output for model in MODELS) == LARGEST_OUTPUT


def test_the_price_list_is_what_genai_prices_says() -> None:
    result = tool()
    text = (result.DATA / "prices.json").read_text()
    assert json.loads(text) == result.price_list()
    assert text == json.dumps(result.price_list(), indent=1, sort_keys=True) + "\n"


def test_successors_exist_and_end_somewhere() -> None:
    models = load_catalog().models
    for model in MODELS:
        seen = [model.id]
        while successor := models[seen[-1]].successor:
            assert successor not in seen
            seen.append(successor)
        assert models[seen[-1]].ends is None


@pytest.mark.parametrize("model", MODELS, ids=by_id)
def test_bands_begin_at_zero_and_rise(model: Model) -> None:
    for _, bands in model.prices:
        assert [band.above for band in bands] == sorted({band.above for band in bands})
        assert bands[0].above == 0
    starts = [start or date.min for start, _ in model.prices]
    assert starts == sorted(starts)
    assert starts[0] == date.min


@pytest.mark.parametrize("model", MODELS, ids=by_id)
@given(data=st.data())
@settings(max_examples=60)
def test_costs_agree_to_the_last_digit(model: Model, data: st.DataObject) -> None:
    usage, at = data.draw(usages(model)), data.draw(st.sampled_from(TIMES))
    assert model.cost_nano(usage, at) == elsewhere(model, usage, at)


@pytest.mark.parametrize("model", MODELS, ids=by_id)
@given(data=st.data())
@settings(max_examples=60)
def test_batch_costs_agree_to_the_last_digit(model: Model, data: st.DataObject) -> None:
    usage, at = data.draw(usages(model)), data.draw(st.sampled_from(TIMES))
    assert model.cost_nano(usage, at, batch=True) == elsewhere(model, usage, at, batch=True)


@pytest.mark.parametrize("model", MODELS, ids=by_id)
@pytest.mark.parametrize("edge", [0, 1, 99_999, 100_000, 100_001, 199_999, 200_000, 200_001])
@pytest.mark.parametrize("kind", ["input", "cache_read", "mixed"])
def test_both_sides_of_each_band(model: Model, edge: int, kind: str) -> None:
    usage = {
        "input": Usage(input=edge, output=10),
        "cache_read": Usage(cache_read=edge, output=10),
        "mixed": Usage(input=edge - edge // 2, cache_read=edge // 2, output=10),
    }[kind]
    assert model.cost_nano(usage, AT) == elsewhere(model, usage, AT)


def test_a_band_holds_for_all_tokens_of_its_call() -> None:
    haiku = load_catalog().get("claude-haiku-5-5")
    assert haiku.cost_nano(Usage(input=100_000, output=1000), AT) == 10_500_000
    assert haiku.cost_nano(Usage(input=100_001, output=1000), AT) == 50_000_500 + 2_500_000
    assert haiku.cost_nano(Usage(input=60_000, cache_write_5m=40_001), AT) == 30_000_000 + 40_001 * 625


def test_thinking_is_billed_once() -> None:
    gemini = load_catalog().get("gemini-3.5-flash-lite")
    assert gemini.cost_nano(Usage(output=10, thinking=4), AT) == gemini.cost_nano(Usage(output=10), AT) == 25_000


@pytest.mark.parametrize("model", MODELS, ids=by_id)
@given(data=st.data())
@settings(max_examples=60)
def test_no_uncached_call_costs_more_than_was_reserved(model: Model, data: st.DataObject) -> None:
    reserved = Usage(input=data.draw(COUNTS), output=data.draw(COUNTS))
    at = data.draw(st.sampled_from(TIMES))
    prompt, read = data.draw(st.integers(0, reserved.input)), 0
    read = data.draw(st.integers(0, prompt))
    used = Usage(input=prompt - read, cache_read=read, output=data.draw(st.integers(0, reserved.output)))

    assert model.cost_nano(used, at) <= model.worst_cost_nano(reserved.input, reserved.output, at, cacheable=False)


@pytest.mark.parametrize(
    "wrong", ["", "claude", "claude-haiku-5", "claude-haiku-5-5-foo", "Claude-Haiku-5-5", "gpt-4o"]
)
def test_only_an_exact_id_has_a_price(wrong: str) -> None:
    with pytest.raises(UnknownPriceError, match=r"known models: gemini-2\.0-flash, "):
        load_catalog().get(wrong)


@pytest.mark.parametrize(
    ("answered_by", "billed"),
    [
        ("claude-haiku-4-5", "claude-haiku-4-5"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("models/gemini-3.5-flash-lite", "gemini-3.5-flash-lite"),
    ],
)
def test_dated_builds_are_billed_as_their_model(answered_by: str, billed: str) -> None:
    assert load_catalog().billed_as(answered_by).id == billed


@pytest.mark.parametrize("answered_by", ["claude-haiku-4-5-2025100", "claude-haiku-6-20261001", "-20251001", "x"])
def test_other_names_have_no_price(answered_by: str) -> None:
    with pytest.raises(UnknownPriceError):
        load_catalog().billed_as(answered_by)


def test_a_model_has_ended_from_its_last_day_on() -> None:
    sonnet = load_catalog().get("claude-sonnet-4-5")
    assert sonnet.ends is not None
    assert not sonnet.has_ended(sonnet.ends - timedelta(days=1))
    assert sonnet.has_ended(sonnet.ends)
    assert not load_catalog().get("claude-haiku-4-5").has_ended(date.max)


@pytest.mark.parametrize("model", MODELS, ids=by_id)
def test_efforts_are_the_provider_s_own(model: Model) -> None:
    if model.thinking is None:
        assert (model.effort(Effort.HIGH), model.least_effort(), model.may_think_anyway) == (None, None, False)
        return
    levels = model.thinking.levels
    assert model.thinking.default in levels
    assert not model.thinking.can_be_off or Effort.NONE in levels
    assert {model.effort(level) for level in levels} == set(levels)
    assert model.effort(Effort.NONE) == model.least_effort() == next(iter(levels))
    off = {"disabled", "between_tools"} if model.provider is Provider.ANTHROPIC else {"minimal", 0}
    assert levels.get(Effort.NONE) in {None, *off}


@pytest.mark.parametrize(
    ("wanted", "known", "sent"),
    [
        ("max", ["low", "medium", "high"], "high"),
        ("none", ["low", "medium", "high"], "low"),
        ("medium", ["low", "high"], "low"),
        ("xhigh", ["none", "max"], "max"),
    ],
)
def test_unknown_effort_becomes_the_nearest(wanted: str, known: list[str], sent: str) -> None:
    assert nearest(Effort(wanted), [Effort(level) for level in known]) == sent


def test_each_model_names_its_sources_with_a_date() -> None:
    listed = json.loads((ROOT / "layers/core/pointsman/data/models.json").read_text())["models"]
    assert [name for name, fields in listed.items() if not re.search(r"20\d\d-\d\d", fields["source"])] == []


def test_cache_minimums_are_those_of_the_providers() -> None:
    minimums = {model.id: model.cache_minimum for model in MODELS if model.cache_minimum}
    assert minimums == {
        "gemini-2.5-flash": 2048,
        "gemini-2.5-flash-lite": 2048,
        "gemini-3.6-flash": 4096,
        "gemini-3.7-flash": 4096,
        "gemini-3.8-flash": 4096,
        "claude-haiku-4-5": 4096,
        "claude-haiku-5-5": 512,
        "claude-sonnet-4-5": 1024,
        "claude-sonnet-5-5": 512,
        "claude-opus-5-5": 512,
    }


def test_prices_of_opus_and_of_free_models() -> None:
    opus = load_catalog().get("claude-opus-5-5").band(1, AT)
    assert [opus.input, opus.output, opus.cache_read, opus.cache_write_5m, opus.cache_write_1h] == [
        *map(Decimal, ("4", "20", "0.2", "5", "8"))
    ]
    lite = load_catalog().get("gemini-3.5-flash-lite").band(1, AT)
    assert (lite.batch_input, lite.batch_output, lite.batch_cache_read) == tuple(map(Decimal, ("0.15", "1.25", "0.02")))
    gemma = load_catalog().get("gemma-4-31b-it")
    assert (gemma.free_only, gemma.cost_nano(Usage(input=9, cache_read=9, output=9), AT, batch=True)) == (True, 0)
    assert [model.id for model in MODELS if model.free_only] == ["gemma-4-31b-it"]
