"""`cold_init.<function>`: INIT of each built function under the Runtime Interface Emulator, by processor time.

Against what a plain `sam build` gives, a handler that imports nothing, and one that imports LiteLLM. LiteLLM and the
runtime's own boto3 are compiled first, so that no side pays for missing .pyc but the plain artifact, which has none on
AWS either. The wall time of INIT stands beside it.

`.least` is a function with the same packages and clients and no code of ours (`benchmarks.packages_alone`), against the
plain artifact: a target below its ratio cannot be met while they are used.
"""

from collections.abc import Iterator, Mapping

from benchmarks.bench import Bench, swapped
from benchmarks.figure import Figure, compared
from benchmarks.packages_alone import packages_alone
from benchmarks.places import LAMBDA, LAYERS, LITELLM, Artifact, bare, built_function, compiled, handler_of, packages_of
from benchmarks.rie import started
from pointsman.entrypoints.lambda_context import KEEP_WARM

PLAIN = {"router": 0.32, "orchestration": 0.34, "implementation": 0.40, "reasoning": 0.40}
"""Greatest ratio to the plain artifact; of every other function `PLAIN_REST`."""
PLAIN_REST = 0.28
BY_LITELLM = {"router": 0.13, "orchestration": 0.18, "implementation": 0.37, "reasoning": 0.37}
SAME_AS = {"reasoning": "implementation"}
"""Functions whose plain artifact is not started: it has the layers and the imports of another's."""
LITELLM_HANDLER = "from litellm import Router\n\ndef handler(event, context):\n    return Router.__name__\n"
RUNS, LEAST_RUNS = 9, 5

type Samples = dict[str, list[tuple[float, float]]]
"""Processor and wall milliseconds by side."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Start everything in turns, so that what else the machine does meets all alike."""
    compiled(LITELLM, LAMBDA)
    sides: dict[str, Artifact] = {
        "bare": bare(),
        "litellm": handler_of("litellm", LITELLM_HANDLER, packages_of(LITELLM)),
        **{f"built {name}": built_function(bench.built, name) for name in LAYERS},
        **{f"plain {name}": built_function(bench.plain, name) for name in LAYERS if name not in SAME_AS},
    }
    samples = in_turns(sides, bench.runs(RUNS))
    alone = {f"alone {name}": packages_alone(sides[f"built {name}"]) for name in LAYERS if name not in SAME_AS}
    samples |= in_turns(alone, bench.runs(LEAST_RUNS))
    peers = {
        "": ("plain", "the plain `sam build` artifact", dict.fromkeys(LAYERS, PLAIN_REST) | PLAIN),
        ".bare": ("bare", "a handler that imports nothing", {}),
        ".litellm": ("litellm", "a handler that imports LiteLLM, with .pyc", BY_LITELLM),
    }
    for name in LAYERS:
        for suffix, (side, words, targets) in peers.items():
            peer = f"plain {SAME_AS.get(name, name)}" if side == "plain" else side
            yield _figure(f"cold_init.{name}{suffix}", samples, f"built {name}", peer, words, targets.get(name))
        if name not in SAME_AS:
            yield _figure(f"cold_init.{name}.least", samples, f"alone {name}", f"plain {name}", peers[""][1], None)


def in_turns(sides: Mapping[str, Artifact], runs: int) -> Samples:
    """Return what each side's INIT took, run by run; the order turns round with every run."""
    samples: Samples = {side: [] for side in sides}
    for order in swapped(list(sides), runs):
        for side in order:
            samples[side].append(init(sides[side]))
    return samples


def _figure(name: str, samples: Samples, side: str, peer: str, words: str, target: float | None) -> Figure:
    (processor, wall), (peer_processor, peer_wall) = (zip(*samples[one], strict=True) for one in (side, peer))
    return compared(name, processor, words, peer_processor, target=target, wall=wall, peer_wall=peer_wall)


def init(artifact: Artifact) -> tuple[float, float]:
    """Return processor and wall milliseconds of one INIT; the event is the schedules' that keep a function warm, for
    which no handler runs.
    """
    with started(artifact) as function:
        function.invoke(KEEP_WARM)
        return function.processor_ms(), function.init_ms()
