"""A task's way without sending it: who decides, which model would serve, what that would cost."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pointsman.contracts.task import Task
from pointsman.entrypoints.classifying import build_classifier
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.model_health import ModelState
from pointsman.prompts import system_for
from pointsman.routing.catalog import Billing, Model
from pointsman.routing.decision import Decision
from pointsman.values.money import usd
from pointsman.values.times import to_ms
from pointsman.values.usage import Usage

BATCH = 10
"""Tasks that one request classifies, as many as the router gets at once."""
ASKING_SECONDS = 60.0
BYTES_PER_TOKEN = 4
TYPICAL_OUTPUT = 1_000
"""Tokens of an answer, for the estimate: a task may cap it lower."""


@dataclass(frozen=True)
class DryRun:
    """The rules of one application, and what its stack knows of the models."""

    runtime: Runtime
    states: Mapping[str, ModelState] | None
    """None: there is no stack to ask, and an undecided task gets the local best guess."""
    ask: bool = True
    """Whether a model may be asked for what is undecided."""

    def decide(self, tasks: list[Task]) -> list[Decision]:
        """Return a decision for each task, in order; what a model is asked is booked on the stack."""
        classifier = self.runtime.part(build_classifier)
        decided = {str(number): classifier.decide_without_model(task) for number, task in enumerate(tasks)}
        undecided = {key: tasks[int(key)] for key, decision in decided.items() if decision is None}
        if not self._may_ask:
            decisions = {key: classifier.guess(task) for key, task in undecided.items()}
        else:
            decisions = classifier.decide(undecided, ASKING_SECONDS) if undecided else {}
        return [decision or decisions[key] for key, decision in decided.items()]

    def certain(self, task: Task) -> bool:
        """Return whether the task needs no model to be decided."""
        return not self._may_ask or self.runtime.part(build_classifier).decide_without_model(task) is not None

    def answer(self, task: Task, decision: Decision) -> dict[str, Any]:
        """Return what `route` prints of a task."""
        model = self._serving(task, decision)
        reason = decision.reason if model else f"{decision.reason}; no paid model in the chain may see a private task"
        return {
            "type": str(decision.type),
            "tier": str(decision.tier),
            "model": model.id if model else None,
            "source": str(decision.source),
            "confidence": round(decision.confidence, 4),
            "reason": reason,
            "estimated_cost_usd": float(usd(self._estimate(task, decision, model))) if model else None,
        }

    @property
    def _may_ask(self) -> bool:
        return self.ask and self.states is not None

    def _serving(self, task: Task, decision: Decision) -> Model | None:
        """Return the first model of the plan that is not benched, as the router does."""
        policy, now, states = self.runtime.context.policy, datetime.now(UTC), self.states or {}
        retired = {model for model, state in states.items() if state.retired}
        hops = policy.plan(decision.tier, now, private=task.private, gone=retired)
        ready = [
            hop for hop in hops if not (hop.model in states and states[hop.model].quota_exhausted_until > to_ms(now))
        ]
        return policy.catalog.get((ready or hops)[0].model) if hops else None

    def _estimate(self, task: Task, decision: Decision, model: Model) -> int:
        """Return nano-dollars: input by its bytes, output as answers usually are; nothing on a free tier."""
        if self.runtime.context.policy.billing(model) is Billing.FREE:
            return 0
        sent = f"{system_for(decision.tier, task.system)}{task.prompt}"
        usage = Usage(
            input=math.ceil(len(sent.encode()) / BYTES_PER_TOKEN),
            output=min(task.max_output_tokens, model.max_output, TYPICAL_OUTPUT),
        )
        return model.cost_nano(usage, datetime.now(UTC))
