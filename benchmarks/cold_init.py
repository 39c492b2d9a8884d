"""`cold_init.<function>`: INIT of each built function under the Runtime Interface Emulator.

Against what a plain `sam build` gives, a handler that imports nothing, and one that imports LiteLLM with its .pyc. The
runtime's own boto3 is compiled for all.
"""

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.figure import Figure, compared
from benchmarks.places import LAYERS, LITELLM, Artifact, bare, built_function, handler_of, packages_of
from benchmarks.rie import started

PLAIN = {"router": 0.40, "orchestration": 0.45, "implementation": 0.55, "reasoning": 0.55}
"""Greatest ratio to the plain artifact."""
BY_LITELLM = {"router": 0.18, "orchestration": 0.25, "implementation": 0.5, "reasoning": 0.5}
LITELLM_HANDLER = "from litellm import Router\n\ndef handler(event, context):\n    return Router.__name__\n"


def measure(bench: Bench) -> Iterator[Figure]:
    """Start everything in turns, so that what else the machine does meets all alike."""
    sides: dict[str, Artifact] = {
        "bare": bare(),
        "litellm": handler_of("litellm", LITELLM_HANDLER, packages_of(LITELLM)),
        **{f"built {name}": built_function(bench.built, name) for name in LAYERS},
        **{f"plain {name}": built_function(bench.plain, name) for name in LAYERS},
    }
    samples: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(bench.runs(5)):
        for side, artifact in sides.items():
            samples[side].append(init(artifact))
    for name in LAYERS:
        own = samples[f"built {name}"]
        yield compared(
            f"cold_init.{name}", own, "the plain `sam build` artifact", samples[f"plain {name}"], target=PLAIN.get(name)
        )
        yield compared(f"cold_init.{name}.bare", own, "a handler that imports nothing", samples["bare"])
        yield compared(
            f"cold_init.{name}.litellm",
            own,
            "a handler that imports LiteLLM, with .pyc",
            samples["litellm"],
            target=BY_LITELLM.get(name),
        )


def init(artifact: Artifact) -> float:
    """Return the milliseconds of one INIT; the event is none that a handler takes, so that nothing runs after it."""
    with started(artifact) as function:
        function.invoke(None)
        return function.init_ms()
