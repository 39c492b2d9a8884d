"""`warm_overhead.<tier>`: own processor time around one model call; the store's round trips are counted apart.

Own time is the attempt's, less the time inside AWS calls, less a bare SDK call. LiteLLM's is its completion's, less the
same bare call. Wall time stands beside it.
"""

from collections.abc import Iterator

from benchmarks.bare_sdk import call
from benchmarks.bench import Bench
from benchmarks.figure import Figure, compared, median
from benchmarks.peer import deployment, router
from benchmarks.places import LITELLM, TIER_MODELS, compiled
from benchmarks.rig import INVOCATION, Rig, Stopwatch, rig_on, shipped, started_task
from pointsman.execution.workflow_state import Next
from pointsman.values.taxonomy import Tier

WARMING = 5
MOST_ROUND_TRIPS = 6
"""Read, reserve, settle; read again, tell, mark."""
GROUP = "tier"


def measure(bench: Bench) -> Iterator[Figure]:
    """Measure each tier."""
    compiled(LITELLM)
    rig = rig_on(bench.stack, shipped())
    for tier in Tier:
        yield from _tier(bench, rig, tier)


def _tier(bench: Bench, rig: Rig, tier: Tier) -> Iterator[Figure]:
    model, url = TIER_MODELS[tier], str(bench.stack.info.fake_providers_url)
    bare, alone = call(model, url), Stopwatch()
    n = bench.runs(45)
    bare_ms, bare_wall, trips = list[float](), list[float](), 0
    around, around_wall, stored = list[float](), list[float](), list[float]()
    theirs, theirs_wall = list[float](), list[float]()
    with router([deployment(GROUP, model, url)]) as litellm:
        for number in range(n + WARMING):
            bench.stack.delete_model_health()
            _attempt(rig, tier)
            alone.reset()
            alone.around(bare)()
            peer = litellm.ask(GROUP)
            if number < WARMING:
                continue
            around.append((rig.whole.processor - rig.store.processor) * 1000)
            around_wall.append((rig.whole.seconds - rig.store.seconds) * 1000)
            stored.append(rig.store.seconds * 1000)
            bare_ms.append(alone.processor * 1000)
            bare_wall.append(alone.seconds * 1000)
            theirs.append(peer.processor_ms)
            theirs_wall.append(peer.wall_ms)
            trips = max(trips, rig.store.calls)
    limit, limit_wall = median(bare_ms), median(bare_wall)
    own_cpu, own_wall = _less(around, limit), _less(around_wall, limit_wall)
    name = f"warm_overhead.{tier}"
    other, other_wall = _less(theirs, limit), _less(theirs_wall, limit_wall)
    yield compared(name, own_cpu, "LiteLLM's Router", other, target=0.25, wall=own_wall, peer_wall=other_wall)
    yield compared(
        f"{name}.own",
        own_cpu,
        "the bare SDK call",
        bare_ms,
        target=1.0,
        judged="value",
        wall=own_wall,
        peer_wall=bare_wall,
    )
    yield compared(f"{name}.store", stored, "the bare SDK call, both by the wall", bare_wall)
    yield Figure(
        f"{name}.round_trips", trips, "calls", "accepted", MOST_ROUND_TRIPS, n, target=MOST_ROUND_TRIPS, judged="value"
    )


def _less(samples: list[float], limit: float) -> list[float]:
    return [max(sample - limit, 0.0) for sample in samples]


def _attempt(rig: Rig, tier: Tier) -> None:
    """Make one attempt; the rig's watches hold what it took."""
    state, attempt = started_task(rig, tier=tier), rig.attempt(tier)
    with rig.measured():
        after = attempt(state, INVOCATION)
    if after.next is not Next.DELIVER:
        raise RuntimeError(f"an attempt was not answered: {after.reason}")
