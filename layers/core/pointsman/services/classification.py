"""Whose task is it: the sender's word, the local classifier when it is sure, else one request for all that are left."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from pointsman.contracts.task import Task
from pointsman.execution import model_health
from pointsman.execution.outcome import GOOD, CallResult, Outcome
from pointsman.execution.records import Purpose
from pointsman.ports import DecisionCache, Share
from pointsman.prompts import text
from pointsman.routing import decision
from pointsman.routing.catalog import Provider
from pointsman.routing.classifier.local import LocalClassifier
from pointsman.routing.decision import Decision, ModelVote, Source
from pointsman.services.call import CallSpec, ask, open_intent, price, report
from pointsman.services.context import Context
from pointsman.values import strict_json
from pointsman.values.errors import MissingKeyError, StoreError, safe_message
from pointsman.values.money import shares
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import month_key
from pointsman.values.usage import Usage

EXCERPT = 2_000
"""Characters of a message that are shown to the model: its beginning and its end."""
TOKENS_PER_VERDICT = 60
TURN = "000001.000001"
REMEMBERED = timedelta(days=7)
"""How long a model's word on a text stands."""


@dataclass(frozen=True, slots=True)
class TaskClassifier:
    """The use case: decisions for the messages of one batch."""

    ctx: Context
    local: LocalClassifier
    cache: DecisionCache | None = None
    """None: texts that come again are asked about again."""

    def plainly(self, task: Task) -> Decision | None:
        """Return the decision that costs nothing, or None when a model should be asked."""
        if chosen := decision.explicit(task, self.local):
            return chosen
        own = self.ctx.policy.config.pointsman.classifier
        if own.mode == "gemini":
            return None
        threshold = own.threshold if own.threshold is not None else self.local.threshold
        verdict = self.local.classify(task.prompt)
        found = decision.local(verdict, threshold)
        return found and self._ruled(found, sure=verdict.probability >= threshold)

    def guess(self, task: Task) -> Decision:
        """Return the best guess."""
        return self._ruled(decision.guess(self.local.classify(task.prompt)), sure=False)

    def _ruled(self, found: Decision, *, sure: bool) -> Decision:
        return decision.ruled(found, self.ctx.policy.config.pointsman.classifier.tiers, sure=sure)

    def _told(self, found: Decision, told: ModelVote) -> Decision:
        """Return what a model's word comes to; below one half it was not sure of the type."""
        return self._ruled(found, sure=told.confidence >= decision.HALF)

    def ask_for(self, undecided: Mapping[str, Task], seconds: float) -> dict[str, Decision]:
        """Return a decision for every task: from the cache, by one request for the other public ones and one for the
        private, else the best guess.

        `seconds` is the time that may be spent on asking.
        """
        decisions = self._remembered(undecided)
        for private in (False, True):
            group = {
                task_id: task
                for task_id, task in undecided.items()
                if task.private is private and task_id not in decisions
            }
            if group:
                decisions |= self._group(group, private=private, seconds=seconds / 2)
        return {task_id: decisions.get(task_id) or self.guess(task) for task_id, task in undecided.items()}

    def _remembered(self, undecided: Mapping[str, Task]) -> dict[str, Decision]:
        """Return the decisions on public texts that a model was asked about before."""
        keys = {task_id: decision.text_key(task.prompt) for task_id, task in undecided.items() if not task.private}
        if self.cache is None or not keys:
            return {}
        try:
            known = self.cache.recall(keys.values(), self.ctx.clock.now())
        except StoreError as error:
            self.ctx.note("decisions not recalled", level="warning", detail=safe_message(error))
            return {}
        return {
            task_id: self._told(
                decision.remembered(self.local.classify(undecided[task_id].prompt), known[key]), known[key]
            )
            for task_id, key in keys.items()
            if key in known
        }

    def _remember(self, group: Mapping[str, Task], told: Mapping[str, ModelVote]) -> None:
        """Keep what a model said of the public texts; that it cannot be kept is no reason to lose it."""
        public = {decision.text_key(group[task_id].prompt): each for task_id, each in told.items()}
        if self.cache is None or any(task.private for task in group.values()):
            return
        try:
            self.cache.keep(public, self.ctx.clock.now() + REMEMBERED)
        except StoreError as error:
            self.ctx.note("decisions not kept", level="warning", detail=safe_message(error))

    def _group(self, group: Mapping[str, Task], *, private: bool, seconds: float) -> dict[str, Decision]:
        """Ask Gemini, or Haiku where Gemini cannot or may not see the messages."""
        now = self.ctx.clock.now()
        for hop in self.ctx.policy.plan(Tier.ORCHESTRATION, now, private=private)[:2]:
            model = self.ctx.policy.catalogue.get(hop.model)
            order = self._order(group, hop.model, seconds / 2)
            result, told = self._booked(order, group)
            if result.outcome in GOOD:
                source = Source.GEMINI if model.provider is Provider.GEMINI else Source.HAIKU
                said = {task_id: ModelVote(kind, sure, source) for task_id, (kind, sure) in told.items()}
                self._remember(group, said)
                return {
                    task_id: self._told(
                        decision.asked(self.local.classify(group[task_id].prompt), each.type, each.confidence, source),
                        each,
                    )
                    for task_id, each in said.items()
                }
            self.ctx.note(
                "classification not answered", model=model.id, outcome=str(result.outcome), detail=result.detail
            )
        return {}

    def _order(self, group: Mapping[str, Task], model_id: str, seconds: float) -> CallSpec:
        numbered = [
            {"id": str(number), "message": _excerpt(task.prompt)} for number, task in enumerate(group.values(), 1)
        ]
        return CallSpec(
            purpose=Purpose.CLASSIFICATION,
            task_id=f"classify-{uuid4().hex}",
            turn=TURN,
            model=self.ctx.policy.catalogue.get(model_id),
            tier=Tier.ORCHESTRATION,
            function="router",
            prompt="Messages to sort, as JSON data:\n" + strict_json.dumps(numbered),
            system=text("classification"),
            max_output_tokens=200 + TOKENS_PER_VERDICT * len(group),
            timeout=max(seconds, 1.0),
            schema=schema(len(group)),
        )

    def _booked(
        self, order: CallSpec, group: Mapping[str, Task]
    ) -> tuple[CallResult, dict[str, tuple[TaskType, float]]]:
        """Make the call as one attempt; its cost is shared out to the tasks by the length of their messages."""
        ctx = self.ctx
        try:
            client = ctx.model(order.model.provider)
        except MissingKeyError as error:
            return CallResult(Outcome.AUTH, detail=str(error)), {}
        view = ctx.books.look(None, order.model.id, month_key(ctx.clock.now(), ctx.zone))
        intent = open_intent(ctx, order, view, client)
        if isinstance(intent, CallResult):
            return intent, {}
        result, milliseconds = ask(ctx, order, intent, client)
        now = ctx.clock.now()
        settled = price(ctx, intent, result, now, milliseconds)
        parts = _parts(group, settled.cost_nano, settled.usage)
        ctx.books.settle(settled, model_health.learn(view.model, result, now), None, parts)
        report(ctx, settled)
        return result, read_verdicts(result.text, list(group)) if result.outcome in GOOD else {}


def schema(count: int) -> dict[str, Any]:
    """Return the JSON Schema of an answer for so many messages."""
    verdict = {
        "type": "object",
        "properties": {
            "id": {"type": "string", "enum": [str(number) for number in range(1, count + 1)]},
            "type": {"type": "string", "enum": [str(kind) for kind in TaskType]},
            "confidence": {"type": "number"},
        },
        "required": ["id", "type", "confidence"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"verdicts": {"type": "array", "items": verdict}},
        "required": ["verdicts"],
        "additionalProperties": False,
    }


def read_verdicts(answer: str, task_ids: list[str]) -> dict[str, tuple[TaskType, float]]:
    """Return what the answer says, by task id; a verdict that is broken, repeated or of no message is left out."""
    try:
        stated = strict_json.loads(answer)
    except strict_json.NotStrictJson:
        return {}
    verdicts = stated.get("verdicts") if isinstance(stated, dict) else None
    found: dict[str, tuple[TaskType, float]] = {}
    repeated: set[str] = set()
    for verdict in verdicts if isinstance(verdicts, list) else []:
        if not isinstance(verdict, dict):
            continue
        try:
            number, kind = int(str(verdict["id"])), TaskType(str(verdict["type"]))
            sure = float(str(verdict["confidence"]))
        except (KeyError, ValueError):
            continue
        if not 1 <= number <= len(task_ids) or not math.isfinite(sure):
            continue
        task_id = task_ids[number - 1]
        if task_id in found:
            repeated.add(task_id)
        found[task_id] = (kind, min(max(sure, 0.0), 1.0))
    return {task_id: verdict for task_id, verdict in found.items() if task_id not in repeated}


def _excerpt(prompt: str) -> str:
    return prompt if len(prompt) <= EXCERPT else f"{prompt[: EXCERPT * 3 // 4]} […] {prompt[-EXCERPT // 4 :]}"


def _parts(group: Mapping[str, Task], cost: int, usage: Usage) -> tuple[Share, ...]:
    weights = [len(_excerpt(task.prompt)) for task in group.values()]
    split = {kind: shares(count, weights) for kind, count in usage.as_dict().items()}
    return tuple(
        Share(task_id, part, Usage(**{kind: split[kind][n] for kind in split}), task.metadata, task.parent_id)
        for n, ((task_id, task), part) in enumerate(zip(group.items(), shares(cost, weights), strict=True))
    )
