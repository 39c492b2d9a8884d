"""Texts that come again are not asked about again: the cache of decisions, and how classification uses it."""

import json
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pointsman.adapters.decision_cache import LimitTableCache
from pointsman.contracts.task import Task
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.routing import config
from pointsman.routing.catalog import Provider, load_catalog
from pointsman.routing.classifier.local import LocalClassifier
from pointsman.routing.decision import ModelVote, Source
from pointsman.routing.policy import RoutingPolicy
from pointsman.services.classification import VOTE_LASTS, TaskClassifier
from pointsman.services.context import Context
from pointsman.services.model_votes import text_key
from pointsman.values.errors import StoreError
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.usage import Usage
from tests.support.aws import Aws, MotoLedger
from tests.support.fakes import FakeClock, ScriptedModel
from tests.support.router import SHIPPED

UNCLEAR = "qzx vrrp"


def said(*kinds: TaskType, sure: float = 0.9) -> CallResult:
    verdicts = [{"id": str(n), "type": kind, "confidence": sure} for n, kind in enumerate(kinds, 1)]
    return CallResult(Outcome.ANSWERED, text=json.dumps({"verdicts": verdicts}), usage=Usage(input=300, output=20))


class Broken:
    """A cache out of reach."""

    def recall(self, *_: Any) -> dict[str, ModelVote]:
        raise StoreError("BatchGetItem: ThrottlingException")

    def keep(self, *_: Any) -> None:
        raise StoreError("PutItem: ThrottlingException")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def model(clock: FakeClock) -> ScriptedModel:
    return ScriptedModel(clock=clock)


@pytest.fixture
def cache(aws: Aws) -> LimitTableCache:
    return LimitTableCache(aws.client("dynamodb"), aws.tables)


@pytest.fixture
def notes() -> list[str]:
    return []


@pytest.fixture
def own(
    ledger: MotoLedger, clock: FakeClock, model: ScriptedModel, cache: LimitTableCache, notes: list[str]
) -> TaskClassifier:
    def client(_: Provider) -> ScriptedModel:
        return model

    def note(event: str, **_: object) -> None:
        notes.append(event)

    def count(name: str, value: float = 1) -> None:
        assert name

    policy = RoutingPolicy(config.parse(SHIPPED), load_catalog())
    ctx = Context(policy, ledger, client, clock, ZoneInfo("UTC"), note, count)
    return TaskClassifier(ctx, LocalClassifier.load(), cache)


def decide(own: TaskClassifier, *tasks: Task) -> list[Any]:
    return list(own.decide({f"t-{n}": task for n, task in enumerate(tasks)}, 10.0).values())


def limit_items(aws: Aws) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = aws.client("dynamodb").scan(TableName=aws.tables.limits)["Items"]
    return [item for item in items if item["limit"]["S"].startswith("decision#")]


def test_a_text_that_comes_again_is_not_asked_about_again(own: TaskClassifier, model: ScriptedModel) -> None:
    model.then(said(TaskType.PLANNING))
    (first,) = decide(own, Task(prompt=UNCLEAR))
    (again,) = decide(own, Task(prompt=f"  {UNCLEAR.upper()}\n"))
    assert len(model.questions) == 1
    assert (first.source, again.source) == (Source.GEMINI, Source.CACHE)
    assert (again.type, again.tier, again.confidence) == (first.type, first.tier, first.confidence)
    assert again.reason.startswith("same text as before, of which: gemini was asked")


def test_only_what_is_not_known_is_asked(own: TaskClassifier, model: ScriptedModel) -> None:
    model.then(said(TaskType.PLANNING), said(TaskType.STATUS))
    decide(own, Task(prompt=UNCLEAR))
    decisions = decide(own, Task(prompt="vrrp qzx wolk"), Task(prompt=UNCLEAR))
    assert [decision.source for decision in decisions] == [Source.GEMINI, Source.CACHE]
    assert UNCLEAR not in model.questions[1].prompt


def test_cached_vote_stands_for_a_week(own: TaskClassifier, model: ScriptedModel, clock: FakeClock) -> None:
    model.then(said(TaskType.PLANNING), said(TaskType.STATUS))
    decide(own, Task(prompt=UNCLEAR))
    clock.advance((timedelta(days=7) - timedelta(seconds=2)).total_seconds())
    (again,) = decide(own, Task(prompt=UNCLEAR))
    assert (again.source, again.type) == (Source.CACHE, TaskType.PLANNING)
    clock.advance(4)
    (again,) = decide(own, Task(prompt=UNCLEAR))
    assert (again.source, again.type) == (Source.GEMINI, TaskType.STATUS)


def test_an_unsure_word_stays_unsure(own: TaskClassifier, model: ScriptedModel) -> None:
    model.then(said(TaskType.STATUS, sure=0.2))
    decisions = decide(own, Task(prompt=UNCLEAR)) + decide(own, Task(prompt=UNCLEAR))
    assert {decision.tier for decision in decisions} == {Tier.IMPLEMENTATION}


def test_private_texts_are_neither_kept_nor_looked_up(own: TaskClassifier, model: ScriptedModel, aws: Aws) -> None:
    model.then(said(TaskType.PLANNING), said(TaskType.PLANNING), said(TaskType.STATUS))
    decide(own, Task(prompt=UNCLEAR, private=True))
    assert limit_items(aws) == []
    decide(own, Task(prompt=UNCLEAR))
    (private,) = decide(own, Task(prompt=UNCLEAR, private=True))
    assert (private.source, private.type) == (Source.HAIKU, TaskType.STATUS)


def test_a_guess_is_not_kept(own: TaskClassifier, model: ScriptedModel, aws: Aws) -> None:
    model.then(CallResult(Outcome.UNAVAILABLE), CallResult(Outcome.UNAVAILABLE))
    (guess,) = decide(own, Task(prompt=UNCLEAR))
    assert guess.source is Source.GUESS
    assert limit_items(aws) == []


def test_cached_vote_holds_no_text_and_has_a_ttl(own: TaskClassifier, model: ScriptedModel, aws: Aws) -> None:
    model.then(said(TaskType.PLANNING))
    decide(own, Task(prompt=UNCLEAR))
    (item,) = limit_items(aws)
    assert item["limit"]["S"] == f"decision#{text_key(UNCLEAR)}"
    assert set(item) == {"limit", "type", "confidence", "source", "expires_at"}


def test_a_cache_out_of_reach_costs_a_request_and_nothing_else(
    own: TaskClassifier, model: ScriptedModel, notes: list[str]
) -> None:
    model.then(said(TaskType.PLANNING))
    (result,) = decide(TaskClassifier(own.ctx, own.local, Broken()), Task(prompt=UNCLEAR))
    assert result.source is Source.GEMINI
    assert [note for note in notes if "decisions" in note] == ["decisions_not_read", "decisions_not_cached"]


def test_many_texts_are_read_page_by_page(cache: LimitTableCache, clock: FakeClock) -> None:
    keys = [text_key(f"text {number}") for number in range(120)]
    cache.keep({key: ModelVote(TaskType.STATUS, 1.0, Source.HAIKU) for key in keys}, clock.now() + VOTE_LASTS)
    assert cache.recall([*keys, keys[0]], clock.now()).keys() == set(keys)


@pytest.mark.parametrize(("one", "other"), [("Is it UP?", " is it\n up? "), ("\uff46ull", "full"), ("e\u0301", "é")])
def test_texts_that_differ_in_looks_only_have_one_key(one: str, other: str) -> None:
    assert text_key(one) == text_key(other)
    assert text_key(one) != text_key(f"{one} not")
