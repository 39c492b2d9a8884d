"""What the benchmarks of one run share: how many runs, the built artifacts, one local stack."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from benchmarks.places import WORK, plain_build
from devstack import local_stack
from devstack.build import build_template
from devstack.toolchain import BUILDS, host_architecture
from tests.support.local_stack import Stack


@dataclass
class Bench:
    """One run of the benchmarks; what it starts ends with `ends`."""

    at_most: int | None = None
    """Most runs of each side; None: as many as each benchmark needs."""
    ends: ExitStack = field(default_factory=ExitStack)

    def runs(self, wanted: int) -> int:
        """Return how often to measure."""
        return wanted if self.at_most is None else min(wanted, self.at_most)

    @cached_property
    def built(self) -> Path:
        """The artifacts as they are deployed, for this machine's processor."""
        architecture = host_architecture()
        return build_template(architecture, BUILDS / f"local-{architecture}", environ=os.environ).parent

    @cached_property
    def plain(self) -> Path:
        """The artifacts as a plain `sam build` leaves them."""
        return plain_build(self.built, WORK / "plain")

    @cached_property
    def stack(self) -> Stack:
        """A local stack; the stand-in answers for both providers."""
        keys = ("GEMINI_API_KEY", "GOOGLE_API_KEY", "ANTHROPIC_API_KEY")
        inherited = {name: text for name, text in os.environ.items() if name not in keys and name[:4] != "AWS_"}
        folder = self.ends.enter_context(tempfile.TemporaryDirectory(prefix="pointsman-bench-"))
        return Stack(self.ends.enter_context(local_stack(Path(folder), environ=inherited)))


def swapped[T](sides: Sequence[T], rounds: int) -> Iterator[Sequence[T]]:
    """Yield the order of the sides for each round, turned round every time: going first costs time of its own."""
    for number in range(rounds):
        yield sides if number % 2 == 0 else sides[::-1]
