"""Kills function workers with SIGKILL, as a crash would: at random, and aimed at the narrow places."""

import itertools
import os
import random
import re
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.support.local_stack import Stack, worker_commands

FUNCTIONS = ("Router", "Orchestration", "Implementation", "Reasoning", "Delivery")
_NAMED = re.compile(rf"({'|'.join(FUNCTIONS)})Function")


def workers(stack: Stack) -> list[tuple[int, str]]:
    """Return process id and function of each worker that this stack has started."""
    running = worker_commands(stack)
    return [(pid, named[1]) for pid, command in running if (named := _NAMED.search(command))]


@dataclass
class Killer:
    """A thread that kills until it is stopped.

    Half of the kills hit a worker of each function in turn, at any time. The others wait until a model call is under
    way and hit its function during the call, or in the moments after the answer, when the outcome is being written.
    """

    stack: Stack
    delays: dict[str, float]
    """Seconds that the stand-in takes over a task's calls, by task id."""
    pause: tuple[float, float]
    """Least and most seconds between two kills."""
    share: float
    """Kills for each task sent, at most: so a busy machine, where each start takes longer, is not only killed."""
    dice: random.Random
    spared: set[str] = field(default_factory=set)
    """Functions that are not killed (any more)."""
    kills: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._turn = itertools.cycle(FUNCTIONS)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Killer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=15)

    def _run(self) -> None:
        while not self._stop.wait(self.dice.uniform(*self.pause)):
            if self.kills.total() >= self.share * len(self.delays):
                continue
            if self.dice.random() < 0.5:
                self._any()
            else:
                self._aimed()

    def _any(self) -> None:
        function = next(self._turn)
        there = [worker for worker in workers(self.stack) if worker[1] == function]
        if there and function not in self.spared:
            self._kill(self.dice.choice(there))

    def _aimed(self) -> None:
        under_way = [entry for entry in self.stack.control("GET", "journal")["requests"] if entry["outcome"] == "open"]
        if not under_way:
            return
        entry = self.dice.choice(under_way)
        function = self._function_of(entry)
        if function in self.spared:
            return
        targets = [worker for worker in workers(self.stack) if worker[1] == function]
        if self.dice.random() < 0.7:  # the answer arrives, the outcome is not written yet
            answered = entry["started"] + self.delays.get(entry["attempt"].split(".")[0], 0.0)
            time.sleep(max(0.0, min(answered - time.time() + self.dice.uniform(0.0, 0.04), 5.0)))
        for worker in targets:
            self._kill(worker)

    @staticmethod
    def _function_of(entry: dict[str, Any]) -> str:
        if entry["attempt"].startswith("classify-"):
            return "Router"
        if entry["provider"] == "gemini":
            return "Orchestration"
        return "Reasoning" if "-reasoning" in entry["attempt"] else "Implementation"

    def _kill(self, worker: tuple[int, str]) -> None:
        pid, function = worker
        if worker in workers(self.stack):  # still the same process
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return
            self.kills[function] += 1
