"""`failover`: from a per-day 429 of the first model to the fallback's answer, against LiteLLM's Router at its defaults.

Own time is processor time without the time inside AWS calls and inside the models' clients; LiteLLM's is without one
bare call. Wall time stands beside it.
"""

from collections.abc import Iterator

from benchmarks.bare_sdk import call
from benchmarks.bench import Bench
from benchmarks.figure import Figure, compared, median
from benchmarks.peer import deployment, router
from benchmarks.places import TIER_MODELS
from benchmarks.rig import INVOCATION, Rig, Stopwatch, rig_on, shipped, started_task
from pointsman.execution.workflow_state import Next
from pointsman.routing.catalog import Provider
from pointsman.values.taxonomy import Tier
from tests.support.local_stack import Stack

FIRST, SECOND = TIER_MODELS["orchestration"], TIER_MODELS["implementation"]
OWN_MS = 50.0


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure both on a stand-in whose Gemini has no requests left today."""
    stack, n = bench.stack, bench.runs(9)
    rig, url = rig_on(stack, shipped()), str(stack.info.fake_providers_url)
    bare = call(SECOND, url)
    models = [deployment("first", FIRST, url), deployment("second", SECOND, url)]
    recorded, own_wall, stored, totals = list[float](), list[float](), list[float](), list[float]()
    theirs, theirs_wall, alone, alone_wall = list[float](), list[float](), list[float](), list[float]()
    futile, theirs_futile = list[float](), list[float]()
    for provider in Provider:
        rig.runtime.context.model(provider)
    _run_plan(rig)  # what the first call builds
    stack.fault("gemini", "gemini_day_quota")
    try:
        with router(models, fallbacks=[{"first": ["second"]}], fresh=True) as litellm:
            for number in range(n):
                stack.delete_model_health()
                stack.control("DELETE", "journal")
                _run_plan(rig)
                totals.append(rig.whole.seconds * 1000)
                stored.append(rig.store.seconds * 1000)
                recorded.append(rig.own_ms)
                own_wall.append(rig.own_wall_ms)
                futile.append(_refused(stack))
                if number % 2 == 0:  # it waits for five seconds each time
                    peer = litellm.ask("first")
                    theirs.append(peer.processor_ms)
                    theirs_wall.append(peer.wall_ms)
                    theirs_futile.append(_refused(stack))
                watch = Stopwatch()
                watch.around(bare)()
                alone.append(watch.processor * 1000)
                alone_wall.append(watch.seconds * 1000)
    finally:
        stack.control("DELETE", "faults")
        stack.delete_model_health()
    other = [sample - median(alone) for sample in theirs]
    other_wall = [sample - median(alone_wall) for sample in theirs_wall]
    who = "LiteLLM's Router with a fallback"
    yield compared(
        "failover.own", recorded, who, other, target=OWN_MS, judged="value", wall=own_wall, peer_wall=other_wall
    )
    yield compared("failover.store", stored, "the bare SDK call, both by the wall", alone_wall)
    yield compared("failover.total", totals, f"{who}, both by the wall", theirs_wall)
    # The first call finds the quota used up; each further one is futile.
    yield compared("failover.futile_calls", futile, who, theirs_futile, unit="calls", target=0.0, judged="value")


def _run_plan(rig: Rig) -> None:
    """Take one task from the first model to the second's answer, or to the first's."""
    state = started_task(rig, FIRST, SECOND, tier=Tier.ORCHESTRATION)
    with rig.measured():
        while state.next is Next.RUN:
            state = rig.attempt(state.here.function)(state, INVOCATION)
    if state.next is not Next.DELIVER:
        raise RuntimeError(f"the task was not answered: {state.reason}")


def _refused(stack: Stack) -> float:
    """Return how many requests Gemini has refused beyond the first, and forget them."""
    requests = stack.control("GET", "journal")["requests"]
    stack.control("DELETE", "journal")
    return float(max(sum(entry["provider"] == "gemini" for entry in requests) - 1, 0))
