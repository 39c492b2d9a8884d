"""`size.<function>`: unzipped bytes of a function and its layers, against LiteLLM's packages."""

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.figure import Figure
from benchmarks.places import LAYERS, LITELLM, Artifact, built_function, packages_of

MOST = 60.0
"""MB."""


def measure(bench: Bench) -> Iterator[Figure]:
    """Weigh each built function, .pyc included."""
    peer = Artifact(packages_of(LITELLM)).bytes / 1e6
    for name in LAYERS:
        weight = built_function(bench.built, name).bytes / 1e6
        yield Figure(f"size.{name}", weight, "MB", "LiteLLM with .pyc", peer, 1, target=MOST, judged="value")
