"""`router_batch`: ten messages through the router; its calls to AWS per task, without the queue's own."""

import json
import time
import uuid
from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.figure import Figure, median, p95
from benchmarks.places import ROOT
from benchmarks.rig import TimedApplication, application, idle_machine, shipped
from pointsman.services.intake import Message

BATCH, MOST_CALLS = 10, 3.0
TEXTS = ROOT / "tests/data/independent.jsonl"
LEASE = 50.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure a batch that the local classifier decides, and one that Gemini decides in one request."""
    machine = idle_machine(bench.stack)
    local = application(bench.stack, shipped(), STATE_MACHINE_ARN=machine)
    asking = application(bench.stack, shipped(classifier={"mode": "gemini"}), STATE_MACHINE_ARN=machine)
    yield from _figures(bench, "local", local, requests=0)
    yield from _figures(bench, "gemini", asking, requests=1)


def _figures(bench: Bench, name: str, app: TimedApplication, *, requests: int) -> Iterator[Figure]:
    own, calls = list[float](), list[float]()
    _batch(app)  # what the first batch builds
    for _ in range(bench.runs(10)):
        bench.stack.forget_limits()
        spent = _batch(app)
        if app.asked.calls != requests:
            raise RuntimeError(f"{app.asked.calls} requests to classify a batch, not {requests}")
        own.append((spent - app.store.seconds - app.asked.seconds) * 1000 / BATCH)
        calls.append(app.store.calls / BATCH)
    n = len(own)
    yield Figure(
        f"router_batch.{name}.calls",
        median(calls),
        "calls",
        "accepted per task",
        MOST_CALLS,
        n,
        p95(calls),
        MOST_CALLS,
        "value",
    )
    yield Figure(
        f"router_batch.{name}.own", median(own), "ms a task", "AWS calls", app.store.seconds * 100, n, p95(own)
    )


def _batch(app: TimedApplication) -> float:
    """Take ten new messages in and end each; return seconds."""
    ids = [f"m-{uuid.uuid4().hex}" for _ in range(BATCH)]
    # A text that was asked about before is not asked about again: then each gets a line of its own.
    own = app.policy.config.pointsman.classifier.mode == "gemini"
    messages = [
        Message(each, json.dumps({"prompt": f"{text}\n{each}" if own else text}))
        for each, text in zip(ids, sure_texts(app), strict=True)
    ]
    app.store.reset()
    app.asked.reset()
    began = time.perf_counter()
    batch = app.intake.take(messages, "benchmark", LEASE)
    for message in messages:
        app.intake.finish(message, batch)
    return time.perf_counter() - began


def sure_texts(app: TimedApplication) -> list[str]:
    """Return a batch of different texts that the local classifier is sure of."""
    texts = (json.loads(line)["text"] for line in TEXTS.read_text().splitlines())
    sure = (text for text in texts if app.classifier.classify(text).probability >= app.classifier.threshold)
    return [text for text, _ in zip(sure, range(BATCH), strict=False)]
