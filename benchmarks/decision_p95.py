"""`decision_p95`: how long the decision on one task takes: by the local classifier, and by one request to a model.

The model is the fake provider, which takes 500 ms on purpose; the ledger's own code books each request, on tables in
memory. So what is left beside the stated 500 ms is the request's own time: reading the text, booking, the provider's
SDK, the loopback, and reading the vote. `.asked` is its processor time, with the clock beside it; `.asked.whole` by
the clock.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from benchmarks.bench import Bench
from benchmarks.cold_to_done import MODEL_SECONDS
from benchmarks.figure import Figure, median, p95
from benchmarks.rig import shipped
from benchmarks.router_batch import TEXTS
from pointsman.adapters.dynamo import Tables
from pointsman.adapters.usage_ledger import DynamoUsageLedger
from pointsman.contracts.task import Task
from pointsman.entrypoints.model_clients import adapter_of
from pointsman.entrypoints.runtime import SystemClock
from pointsman.routing.catalog import Provider, load_catalog
from pointsman.routing.classifier.local import LocalClassifier
from pointsman.routing.config import parse
from pointsman.routing.decision import Source
from pointsman.routing.policy import RoutingPolicy
from pointsman.services.classification import TaskClassifier
from pointsman.services.context import Context
from tests.support import fake_providers
from tests.support.memory_dynamo import MemoryDynamo

ASKED = 30
"""Texts that the model is asked about, each alone: a quarter of a minute."""
SECONDS = 30.0
LOCAL_TARGET = 3.0
"""Milliseconds at p95."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure both ways on the same texts, each decided for the first time."""
    texts = [json.loads(line)["text"] for line in TEXTS.read_text().splitlines()]
    yield local_figure(texts)
    with tempfile.TemporaryDirectory() as folder:
        models = fake_providers.start(Path(folder))
        bench.ends.callback(fake_providers.stop, models)
        models.fault("gemini", {"delay": MODEL_SECONDS})
        yield from asked_figures(classifier_asking(models.url), texts[:: len(texts) // bench.runs(ASKED)])


def local_figure(texts: list[str]) -> Figure:
    """Return the processor time of local verdicts."""
    local, spent = LocalClassifier.load(), list[float]()
    local.classify(texts[0])  # what the first one builds
    for text in texts[1:]:
        began = time.process_time()
        local.classify(text)
        spent.append((time.process_time() - began) * 1000)
    half = median(spent)
    return Figure(
        "decision_p95.local", p95(spent), "ms at p95", "its median", half, len(spent), None, LOCAL_TARGET, "value"
    )


def asked_figures(classifier: TaskClassifier, texts: list[str]) -> Iterator[Figure]:
    """Yield how long a decision by one request takes by the clock, and what of it is not the model's 500 ms."""
    walls, spent, stated = list[float](), list[float](), MODEL_SECONDS * 1000
    for number, text in enumerate(texts):
        began, worked = time.perf_counter(), time.process_time()
        decision = classifier.decide({f"b-{number}": Task(prompt=text)}, SECONDS)[f"b-{number}"]
        walls.append((time.perf_counter() - began) * 1000)
        spent.append((time.process_time() - worked) * 1000)
        if decision.source is not Source.GEMINI:
            raise RuntimeError(f"the model was not asked: {decision.reason}")
    del walls[0], spent[0]  # the first request makes the SDK's connection
    own, n, unit = [wall - stated for wall in walls], len(walls), "ms at p95"
    yield Figure("decision_p95.asked.whole", p95(walls), unit, "the model's 500 ms", stated, n)
    yield Figure(
        "decision_p95.asked", p95(spent), unit, "its median", median(spent), n, wall=p95(own), peer_wall=median(own)
    )


def classifier_asking(url: str) -> TaskClassifier:
    """Return the router's classifier which asks the fake provider about every text."""
    tables = Tables("tasks", "usage", "limits")
    gemini = adapter_of(Provider.GEMINI)("a-key", f"{url}/gemini")
    policy = RoutingPolicy(parse(shipped(classifier={"mode": "gemini"})), load_catalog())
    ledger, ignored = DynamoUsageLedger(MemoryDynamo(tables), tables), lambda *_, **__: None
    ctx = Context(policy, ledger, lambda _: gemini, SystemClock(), ZoneInfo("UTC"), ignored, ignored)
    return TaskClassifier(ctx, LocalClassifier.load())
