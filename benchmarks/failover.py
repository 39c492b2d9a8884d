"""`failover`: from a per-day 429 of the first model to the fallback's answer, against LiteLLM's Router at its defaults.

Own time is without the time inside AWS calls and inside the models' clients; LiteLLM's is without one bare call.
"""

import time
from collections.abc import Iterator

from benchmarks.bare_sdk import call
from benchmarks.bench import Bench
from benchmarks.figure import Figure, compared, median, p95
from benchmarks.peer import deployment, router
from benchmarks.places import TIER_MODELS
from benchmarks.rig import INVOCATION, TimedApplication, application, shipped, started_task
from pointsman.execution.workflow_state import Next
from pointsman.routing.catalog import Provider
from pointsman.values.taxonomy import Tier
from tests.support.local_stack import Stack

FIRST, SECOND = TIER_MODELS["orchestration"], TIER_MODELS["implementation"]
OWN_MS = 50.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure both on a stand-in whose Gemini has no requests left today."""
    stack, n = bench.stack, bench.runs(8)
    app, url = application(stack, shipped()), str(stack.info.fake_providers_url)
    bare = call(SECOND, url)
    models = [deployment("first", FIRST, url), deployment("second", SECOND, url)]
    own, stored, totals, theirs, futile, theirs_futile, alone = [], [], [], [], [], [], []
    for provider in Provider:
        app.model(provider)
    _turn(app)  # what the first call builds
    stack.fault("gemini", "gemini_day_quota")
    try:
        with router(models, fallbacks=[{"first": ["second"]}], fresh=True) as litellm:
            for _ in range(n):
                stack.forget_limits()
                stack.control("DELETE", "journal")
                total = _turn(app)
                totals.append(total)
                stored.append(app.store.seconds * 1000)
                own.append(total - app.store.seconds * 1000 - app.asked.seconds * 1000)
                futile.append(_refused(stack))
                theirs.append(litellm.ask("first"))
                theirs_futile.append(_refused(stack))
                began = time.perf_counter()
                bare()
                alone.append((time.perf_counter() - began) * 1000)
    finally:
        stack.control("DELETE", "faults")
        stack.forget_limits()
    other = [each - median(alone) for each in theirs]
    who = "LiteLLM's Router with a fallback"
    yield Figure("failover.own", median(own), "ms", who, median(other), n, p95(own), OWN_MS, "value")
    yield compared("failover.store", stored, "the bare SDK call", alone)
    yield compared("failover.total", totals, who, theirs)
    # The first call finds the quota used up; each further one is futile.
    yield compared("failover.futile_calls", futile, who, theirs_futile, unit="calls", target=0.0, judged="value")


def _turn(app: TimedApplication) -> float:
    """Take one task from the first model to the second's answer, or to the first's; return milliseconds."""
    run = started_task(app, FIRST, SECOND, tier=Tier.ORCHESTRATION)
    app.store.reset()
    app.asked.reset()
    began = time.perf_counter()
    while run.next is Next.RUN:
        run = app.attempt(run.here.function)(run, INVOCATION)
    spent = (time.perf_counter() - began) * 1000
    if run.next is not Next.DELIVER:
        raise RuntimeError(f"the task was not answered: {run.reason}")
    return spent


def _refused(stack: Stack) -> float:
    """Return how many requests Gemini has refused beyond the first, and forget them."""
    requests = stack.control("GET", "journal")["requests"]
    stack.control("DELETE", "journal")
    return float(max(sum(entry["provider"] == "gemini" for entry in requests) - 1, 0))
