"""The decisions on a set of texts: the local classifier's verdicts, and what the router makes of them."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import batched, pairwise
from uuid import uuid4

from pointsman.contracts.task import Task
from pointsman.entrypoints.classifying import build_classifier, build_local_classifier
from pointsman.entrypoints.runtime import Runtime
from pointsman.prompts import prompt_text as prompt
from pointsman.routing import decision
from pointsman.routing.catalog import Billing, Model
from pointsman.routing.classifier.verdict import Classification, reweighed
from pointsman.routing.decision import Decision
from pointsman.routing.preference import WEIGHINGS
from pointsman.services.classification import TOKENS_PER_VOTE
from pointsman.services.model_votes import LONGEST_SHOWN
from pointsman.values.taxonomy import Tier
from pointsman.values.usage import Usage
from pointsman_cli.dry_run import ASKING_SECONDS, BATCH, BYTES_PER_TOKEN
from pointsman_cli.evaluation.examples import Example


@dataclass(frozen=True, slots=True)
class Routed:
    """A labelled text, the local verdict on it, and the decision that it gets."""

    example: Example
    verdict: Classification
    decision: Decision
    sure: bool
    """Whether no model needs to be asked."""


@dataclass(frozen=True, slots=True)
class ClassificationCalls:
    """What it costs to have models decide what the local classifier does not."""

    requests: float
    """Booked ones; offline those expected when tasks come one by one: the undecided."""
    requests_in_batches: float | None
    """Expected when tasks come in full batches; None when the requests are booked ones."""
    costs_nano: dict[str, int]
    """Nano-dollars of all texts together, by model; what is booked, or an estimate by its billing."""
    list_price_nano: dict[str, int]
    """The same if no tier were free; empty when the costs are booked ones."""
    local_ms: tuple[float, ...]
    """Processor time of each local verdict."""
    asked_ms: tuple[int, ...] = ()
    """How long each booked request took."""


def route_offline(runtime: Runtime, examples: Sequence[Example]) -> tuple[list[Routed], ClassificationCalls]:
    """Return the decisions that are made without a model, and what the models would have been asked."""
    routed = [_offline(runtime, example) for example in examples]
    undecided = [text.example.text for text in routed if not text.sure]
    return routed, _expected(runtime, undecided, examples)


def route_live(runtime: Runtime, examples: Sequence[Example]) -> tuple[list[Routed], ClassificationCalls]:
    """Return the decisions that the router would make; what models are asked is booked on the stack.

    The stack's cache of decisions is neither read nor written.
    """
    classifier = replace(runtime.part(build_classifier), cache=None)
    since, run = datetime.now(UTC), f"evaluate-{uuid4().hex}"
    tasks = {f"{run}-{number}": Task(prompt=example.text) for number, example in enumerate(examples)}
    plain = {task_id: classifier.decide_without_model(task) for task_id, task in tasks.items()}
    decisions: dict[str, Decision] = {}
    for some in batched((task_id for task_id in tasks if plain[task_id] is None), BATCH, strict=False):
        decisions |= classifier.decide({task_id: tasks[task_id] for task_id in some}, ASKING_SECONDS)
    routed = [
        Routed(
            example,
            local_verdict(runtime, example.text),
            plain[task_id] or decisions[task_id],
            plain[task_id] is not None,
        )
        for task_id, example in zip(tasks, examples, strict=True)
    ]
    return routed, _booked(runtime, run, since, examples)


def local_verdict(runtime: Runtime, text: str) -> Classification:
    """Return the local verdict on a text, by the weights of `openclaw.json`."""
    weights = runtime.context.policy.config.pointsman.classifier.weights
    return reweighed(runtime.part(build_local_classifier).classify(text), weights)


def _offline(runtime: Runtime, example: Example) -> Routed:
    options = runtime.context.policy.config.pointsman.classifier
    verdict = local_verdict(runtime, example.text)
    sure = decision.local(verdict, options.needed(verdict.tier))
    return Routed(example, verdict, sure or decision.guess(verdict, WEIGHINGS[options.prefer]), sure is not None)


def _milliseconds(runtime: Runtime, examples: Sequence[Example]) -> tuple[float, ...]:
    """Return the processor time of the local verdict on each text."""
    began = [time.process_time(), *((local_verdict(runtime, each.text), time.process_time())[1] for each in examples)]
    return tuple(1000 * (after - before) for before, after in pairwise(began))


def _expected(runtime: Runtime, undecided: list[str], examples: Sequence[Example]) -> ClassificationCalls:
    part = len(undecided) / len(examples)
    in_batches = len(examples) / BATCH * (1 - (1 - part) ** BATCH)
    policy, now = runtime.context.policy, datetime.now(UTC)
    models = [policy.catalog.get(hop.model) for hop in policy.plan(Tier.ORCHESTRATION, now, private=False)[:2]]
    prices = {model.id: sum(_price(model, prompt, now) for prompt in undecided) for model in models}
    free = {model.id for model in models if policy.billing(model) is Billing.FREE}
    costs = {model: 0 if model in free else price for model, price in prices.items()}
    return ClassificationCalls(len(undecided), in_batches, costs, prices, _milliseconds(runtime, examples))


def _price(model: Model, text: str, now: datetime) -> int:
    """Return nano-dollars of a request for this text alone."""
    sent = len(prompt("classification").encode()) + len(text[:LONGEST_SHOWN].encode())
    return model.cost_nano(Usage(input=sent // BYTES_PER_TOKEN, output=TOKENS_PER_VOTE), now)


def _booked(runtime: Runtime, run: str, since: datetime, examples: Sequence[Example]) -> ClassificationCalls:
    minute = timedelta(minutes=1)
    rows = list(runtime.stores.ledger_reader.rows(since - minute, datetime.now(UTC) + minute))
    share_rows = [row for row in rows if row["kind"] == "share" and row["task_id"].startswith(f"{run}-")]
    costs = Counter[str]()
    for row in share_rows:
        costs[row["model"]] += row["cost_nano"]
    requests = {str(row["row"]).rpartition("#share")[0] for row in share_rows}
    asked_ms = tuple(row["milliseconds"] for row in rows if row["row"] in requests and row.get("milliseconds"))
    return ClassificationCalls(len(requests), None, costs, {}, _milliseconds(runtime, examples), asked_ms)
