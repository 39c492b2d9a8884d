"""Processes that run the tier functions' use case side by side: `python -m tests.support.worker SPEC.json`.

Each process builds the application from the environment, as a function does, and takes tasks of its own from the real
task table through real attempts. The parent only imports, so that the imports are paid once; the processes share
nothing but the tables and the stand-in.
"""

import json
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from pointsman.adapters import claude, gemini
from pointsman.entrypoints.settings import Settings
from pointsman.entrypoints.stores import BotocoreSession
from pointsman.execution.records import Payload, TaskRecord
from pointsman.execution.workflow_state import Next, WorkflowState
from pointsman.routing.catalog import Provider
from pointsman.values import strict_json
from pointsman.values.status import Status
from pointsman.values.taxonomy import Tier
from pointsman.values.times import to_text
from tests.support.in_process import InProcess, in_process

IMPORTED = (claude, gemini)
"""Both SDKs, before the processes part."""
INVOCATION = 60.0
"""Seconds that each attempt is told it has."""


@dataclass
class Worker:
    """One process."""

    app: InProcess
    spec: dict[str, Any]
    number: int
    ends: Counter[str] = field(default_factory=Counter)
    """How many attempts ended with which reason; `answered` counts tasks."""
    tasks: int = 0

    def task(self, *models: str) -> WorkflowState:
        """Put a task into the table, started, and return its first position."""
        self.tasks += 1
        now = datetime.now(UTC)
        task_id = f"{self.spec['prefix']}-{self.number}-{self.tasks:03d}"
        body = {"prompt": self.spec["prompt"], "max_output_tokens": self.spec["max_output_tokens"]}
        record = TaskRecord(
            task_id=task_id,
            status=Status.STARTED,
            fingerprint="fault-test",
            body=Payload(inline=strict_json.dumps(body)),
            received_at=to_text(now),
        )
        assert self.app.tasks.claim(record) is None
        hops = tuple(
            self.app.policy.hop(self.app.policy.catalog.get(model), Tier(self.spec["tier"])) for model in models
        )
        return WorkflowState(task_id, 1, now + timedelta(hours=1), hops)

    def attempt(self, run: WorkflowState) -> WorkflowState:
        """Make the attempt that the run stands at and count how it ended; any wait is left to the caller."""
        after = self.app.attempt(run.here.function)(replace(run, not_before=0.0), INVOCATION)
        self.ends["answered" if after.next is Next.DELIVER else str(after.reason)] += 1
        return after

    def budget(self) -> None:
        """Make calls until there are enough or the budget is used up; who is told `busy` asks again."""
        for _ in range(self.spec["calls"]):
            run = self.task(*self.spec["models"])
            while (after := self.attempt(run)).next is not Next.DELIVER:
                if after.reason != "busy":
                    return
                time.sleep(random.uniform(0.02, 0.15))

    def quota(self) -> None:
        """Ask every model again and again, whatever it said before, until the time is up: all the time at both ends of
        each minute, when a quota is used up or comes back, and now and then between.
        """
        began = time.time()
        until = began + self.spec["seconds"]
        runs = {model: self.task(model) for model in self.spec["models"]}
        while time.time() < until:
            for model, run in runs.items():
                reason = (after := self.attempt(run)).reason
                if after.next is Next.DELIVER or reason not in ("busy", "quota_exhausted"):
                    runs[model] = self.task(model)
            crowded = not 10 < (time.time() - began) % 60 < 56
            time.sleep(random.uniform(0.4, 1.0) if crowded else random.uniform(3, 6))

    def failover(self) -> None:
        """Take each task through its plan without a pause."""
        for _ in range(self.spec["calls"]):
            run = self.task(*self.spec["models"])
            for _ in range(6):
                run = self.attempt(run)
                if run.next is Next.DELIVER:
                    break

    def warm_up(self) -> None:
        """Build what is built at the first use, so that all begin at the same time."""
        for provider in Provider:
            self.app.runtime.context.model(provider)
        self.app.ledger.look(None, self.spec["models"][0], date(1970, 1, 1))


def main() -> None:
    """Start the processes, wait for them, and write what they say beside the specification."""
    path = Path(sys.argv[1])
    spec = json.loads(path.read_text())
    fork = multiprocessing.get_context("fork")
    start, results = fork.Barrier(spec["processes"]), fork.SimpleQueue()
    children = [
        fork.Process(target=_child, args=(spec, number, start, results.put)) for number in range(spec["processes"])
    ]
    for child in children:
        child.start()
    answers = [results.get() for _ in children]
    for child in children:
        child.join()
    path.with_suffix(".results.json").write_text(json.dumps(answers))


def _child(spec: dict[str, Any], number: int, start: Barrier, tell: Callable[[dict[str, Any]], None]) -> None:
    random.seed(f"{spec['prefix']}-{number}")
    worker = Worker(
        in_process(Settings.from_environment(), json.dumps(spec["config"]), BotocoreSession()), spec, number
    )
    error = None
    try:
        worker.warm_up()
        start.wait(timeout=60)
        getattr(worker, spec["race"])()
    except Exception as trouble:  # noqa: BLE001  (the parent waits for a result from each)
        error = repr(trouble)
    tell({"number": number, "tasks": worker.tasks, "ends": dict(worker.ends), "error": error})


if __name__ == "__main__":
    main()
