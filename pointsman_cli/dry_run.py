"""Routes a task without sending it: the decision, the model that would serve it and the estimated cost."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pointsman.contracts.task import Task
from pointsman.entrypoints.classifying import build_classifier
from pointsman.entrypoints.runtime import Runtime
from pointsman.execution.model_health import ModelState
from pointsman.execution.output_room import task_room
from pointsman.prompts import system_for
from pointsman.routing.catalog import Billing, Model
from pointsman.routing.decision import Decision
from pointsman.routing.lanes import ECONOMY_LIFETIME, StandardReason, choose_lane, rule_of
from pointsman.values.lane import Lane
from pointsman.values.money import usd
from pointsman.values.times import to_ms
from pointsman.values.usage import Usage
from pointsman_cli import output

BATCH = 10
"""Tasks per classification request, as many as the router receives at once."""
ASKING_SECONDS = 60.0
"""How long classification requests may take."""
BYTES_PER_TOKEN = 4
TYPICAL_OUTPUT_TOKENS = 1_000
"""Output tokens that the estimate assumes, unless the task caps them lower."""


@dataclass(frozen=True)
class DryRun:
    """The routing rules, and the health of the stack's models."""

    runtime: Runtime
    states: Mapping[str, ModelState] | None
    """None without a stack. The local classifier's best guess then decides."""
    ask: bool = True
    """Whether to ask the classification model if the local classifier is unsure."""

    def decide(self, tasks: list[Task]) -> list[Decision]:
        """Return a decision for each task, in order. The stack's ledger records requests to a model."""
        classifier = self.runtime.part(build_classifier)
        decided = {str(number): classifier.decide_without_model(task) for number, task in enumerate(tasks)}
        undecided = {key: tasks[int(key)] for key, decision in decided.items() if decision is None}
        if not self._may_ask:
            decisions = {key: classifier.guess(task) for key, task in undecided.items()}
        else:
            decisions = classifier.decide(undecided, ASKING_SECONDS) if undecided else {}
        return [decision or decisions[key] for key, decision in decided.items()]

    def decides_locally(self, task: Task) -> bool:
        """Return whether the decision needs no model."""
        return not self._may_ask or self.runtime.part(build_classifier).decide_without_model(task) is not None

    def document(self, task: Task, decision: Decision) -> dict[str, Any]:
        """Return what `route` prints for a task."""
        model = self._serving(task, decision)
        cost = self._estimate(task, decision, model) if model else None
        reason = decision.reason if model else f"{decision.reason}; no paid model in the chain may see a private task"
        return {
            "type": str(decision.type),
            "tier": str(decision.tier),
            "model": model.id if model else None,
            "source": str(decision.source),
            "confidence": round(decision.confidence, 4),
            "reason": reason,
            "estimated_cost_usd": None if cost is None else float(usd(cost)),
            "estimated_cost_nano_usd": cost,
            "lanes": self._lanes(task, decision, model, cost),
        }

    def _lanes(self, task: Task, decision: Decision, model: Model | None, cost: int | None) -> dict[str, Any]:
        """Return price and longest time of both lanes, and which one the task goes."""
        policy, now = self.runtime.context.policy, datetime.now(UTC)
        rule = rule_of(policy.config.pointsman.lanes, decision.type, None, task.lane)
        deadline = task.deadline or now + ECONOMY_LIFETIME
        batches = model is not None and policy.has_batches(model)
        deployed = self.states is None or self.runtime.settings.economy_lane
        obstacle = None if batches else StandardReason.NO_BATCHES
        obstacle = obstacle if deployed else StandardReason.NOT_DEPLOYED
        asked = rule.model_copy(update={"lane": Lane.ECONOMY})
        possible = choose_lane(asked, deadline, now, obstacle)
        chosen = choose_lane(rule, deadline, now, obstacle)
        economy = self._estimate(task, decision, model, batch=True) if model and batches else None
        return {
            "lane": str(chosen.lane if chosen else Lane.STANDARD),
            "standard": {"estimated_cost_nano_usd": cost, "within_hours": 0},
            "economy": {
                "estimated_cost_nano_usd": economy,
                "within_hours": asked.longest_wait_hours,
                "not_because": possible.reason if possible else None,
            },
        }

    @property
    def _may_ask(self) -> bool:
        return self.ask and self.states is not None

    def _serving(self, task: Task, decision: Decision) -> Model | None:
        """Return the first model that does not rest, in the router's order. None if no model may serve the task."""
        policy, now, states = self.runtime.context.policy, datetime.now(UTC), self.states or {}
        retired = {model for model, state in states.items() if state.is_retired(now)}
        hops = policy.plan(decision.tier, now, private=task.private, gone=retired)
        resting = {
            model
            for model, state in states.items()
            if state.quota_exhausted_until > to_ms(now) or state.account_trouble(now)
        }
        ready = [hop for hop in hops if hop.model not in resting]
        return policy.catalog.get((ready or hops)[0].model) if hops else None

    def _estimate(self, task: Task, decision: Decision, model: Model, *, batch: bool = False) -> int:
        """Return the cost in nano-dollars, from the prompt's size and a typical answer. 0 on a free tier."""
        if self.runtime.context.policy.billing(model) is Billing.FREE:
            return 0
        request = system_for(decision.tier, task.system) + "".join(turn.text for turn in task.turns)
        options = self.runtime.context.policy.config.pointsman
        room = task_room(options, task, decision.tier, decision.type, model)
        usage = Usage(
            input=math.ceil(len(request.encode()) / BYTES_PER_TOKEN),
            output=min(room.cap, TYPICAL_OUTPUT_TOKENS),
        )
        return model.cost_nano(usage, datetime.now(UTC), batch=batch)


def lane_words(lanes: Mapping[str, Any]) -> str:
    """Return which lane a task goes, and what it costs and takes in both, from the document of `DryRun`."""
    standard, economy = lanes["standard"], lanes["economy"]
    at_once = f"standard: {_about(standard)} at once"
    if economy["not_because"]:
        return f"{at_once}; not economy: {economy['not_because'].replace('_', ' ')}"
    half = f"economy: {_about(economy)} within {economy['within_hours']:g} hours"
    return f"{half}; {at_once}" if lanes["lane"] == Lane.ECONOMY else f"{at_once}; {half}"


def _about(lane: Mapping[str, Any]) -> str:
    cost = lane["estimated_cost_nano_usd"]
    return "cost not known" if cost is None else output.exact_dollars(cost)
