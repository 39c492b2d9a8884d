"""`router_batch`: ten messages through the router; its calls to AWS per task, without the queue's own."""

import json
import uuid
from collections.abc import Iterator
from itertools import islice

from benchmarks.bench import Bench
from benchmarks.figure import Figure, compared
from benchmarks.places import ROOT
from benchmarks.rig import Rig, idle_machine, rig_on, shipped
from pointsman.contracts.task import Task
from pointsman.services.intake import QueueMessage

BATCH = 10
MOST_CALLS = {"local": 2.2, "gemini": 3.7}
TEXTS = ROOT / "tests/data/independent.jsonl"
LEASE = 50.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure a batch that the local classifier decides, and one that Gemini decides in one request."""
    machine = idle_machine(bench.stack)
    local = rig_on(bench.stack, shipped(), STATE_MACHINE_ARN=machine)
    asking = rig_on(bench.stack, shipped(classifier={"mode": "gemini"}), STATE_MACHINE_ARN=machine)
    yield from _figures(bench, "local", local, requests=0)
    yield from _figures(bench, "gemini", asking, requests=1)


def _figures(bench: Bench, name: str, rig: Rig, *, requests: int) -> Iterator[Figure]:
    recorded, walls, calls, stored = list[float](), list[float](), list[float](), list[float]()
    _batch(rig)  # what the first batch builds
    for _ in range(bench.runs(10)):
        bench.stack.delete_model_health()
        _batch(rig)
        if rig.asked.calls != requests:
            raise RuntimeError(f"{rig.asked.calls} requests to classify a batch, not {requests}")
        recorded.append(rig.own_ms / BATCH)
        walls.append(rig.own_wall_ms / BATCH)
        calls.append(rig.store.calls / BATCH)
        stored.append(rig.store.processor * 1000 / BATCH)
    most = MOST_CALLS[name]
    limit = [most] * len(calls)
    name = f"router_batch.{name}"
    yield compared(f"{name}.calls", calls, "accepted per task", limit, unit="calls", target=most, judged="value")
    yield compared(f"{name}.own", recorded, "the AWS SDK's part", stored, unit="ms a task", wall=walls)


def _batch(rig: Rig) -> None:
    """Take ten new messages in and end each."""
    ids = [f"m-{uuid.uuid4().hex}" for _ in range(BATCH)]
    # A text that was asked about before is not asked about again: then each gets a line of its own.
    asking = rig.runtime.context.policy.config.pointsman.classifier.mode == "gemini"
    texts = (
        [f"{text}\n{message_id}" for text, message_id in zip(islice(all_texts(), BATCH), ids, strict=True)]
        if asking
        else sure_texts(rig)
    )
    messages = [
        QueueMessage(message_id, json.dumps({"prompt": text})) for message_id, text in zip(ids, texts, strict=True)
    ]
    with rig.measured():
        batch = rig.intake.claim_batch(messages, "benchmark", LEASE)
        for message in messages:
            rig.intake.start_or_reject(message, batch)


def all_texts() -> Iterator[str]:
    """Yield different texts."""
    return (str(json.loads(line)["text"]) for line in TEXTS.read_text().splitlines())


def sure_texts(rig: Rig) -> list[str]:
    """Return a batch of different texts that the local classifier is sure of."""
    classifier = rig.intake.classifier
    sure = (text for text in all_texts() if classifier.decide_without_model(Task(prompt=text)))
    return list(islice(sure, BATCH))
