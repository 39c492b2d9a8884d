"""`warm_overhead.<tier>`: own time around one model call; the store's round trips are counted and timed apart.

Own time is the attempt's, less the time inside AWS calls, less a bare SDK call. LiteLLM's is its completion's, less the
same bare call.
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
from pointsman.values.taxonomy import Tier

WARMING = 5
MOST_ROUND_TRIPS = 4
GROUP = "tier"


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure each tier."""
    app = application(bench.stack, shipped())
    for tier in Tier:
        yield from _tier(bench, app, tier)


def _tier(bench: Bench, app: TimedApplication, tier: Tier) -> Iterator[Figure]:
    model, url = TIER_MODELS[tier], str(bench.stack.info.fake_providers_url)
    bare = call(model, url)
    n = bench.runs(60)
    around, asking, alone, theirs, stored, trips = [], [], [], list[float](), [], 0
    with router([deployment(GROUP, model, url)]) as litellm:
        for number in range(n + WARMING):
            bench.stack.forget_limits()
            sample = _attempt(app, tier)
            began = time.perf_counter()
            bare()
            spent = (time.perf_counter() - began) * 1000
            peer = litellm.ask(GROUP)
            if number >= WARMING:
                around.append(sample[0])
                asking.append(sample[1])
                stored.append(sample[2])
                alone.append(spent)
                theirs.append(peer)
                trips = max(trips, app.store.calls)
    limit = median(alone)
    parsing = max(median(asking) - limit, 0.0)
    own, other = [each + parsing for each in around], [max(each - limit, 0.0) for each in theirs]
    name = f"warm_overhead.{tier}"
    yield compared(name, own, "LiteLLM's Router", other, target=0.2)
    yield Figure(f"{name}.own", median(own), "ms", "the bare SDK call", limit, n, p95(own), 1.0, "value")
    yield compared(f"{name}.store", stored, "the bare SDK call", alone)
    yield Figure(
        f"{name}.round_trips", trips, "calls", "accepted", MOST_ROUND_TRIPS, n, target=MOST_ROUND_TRIPS, judged="value"
    )


def _attempt(app: TimedApplication, tier: Tier) -> tuple[float, float, float]:
    """Return the milliseconds of one attempt: own, inside the model's client, inside AWS calls."""
    run, attempt = started_task(app, tier=tier), app.attempt(tier)
    app.store.reset()
    app.asked.reset()
    began = time.perf_counter()
    after = attempt(run, INVOCATION)
    total = time.perf_counter() - began
    if after.next is not Next.DELIVER:
        raise RuntimeError(f"an attempt was not answered: {after.reason}")
    own = total - app.store.seconds - app.asked.seconds
    return own * 1000, app.asked.seconds * 1000, app.store.seconds * 1000
