"""Decides the tier of each task: the sender's word, the local classifier when it is sure, else one request for all that
are left.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import uuid4

from pointsman.contracts.task import Task
from pointsman.execution.budget import owner_and_span
from pointsman.execution.calls import CallSpec, Purpose, Sharer
from pointsman.execution.outcome import GOOD, CallResult
from pointsman.execution.output_room import brief_room
from pointsman.execution.records import TaskRecord
from pointsman.execution.sender_limits import limit_owners
from pointsman.ports import DecisionCache, TaskStore
from pointsman.prompts import prompt_text
from pointsman.routing import decision
from pointsman.routing.catalog import Provider
from pointsman.routing.classifier.local import LocalClassifier
from pointsman.routing.classifier.verdict import Classification, reweighed
from pointsman.routing.decision import Decision, ModelVote, Source
from pointsman.routing.policy import Hop
from pointsman.routing.preference import WEIGHINGS
from pointsman.services.call import Interpretation, make_call
from pointsman.services.context import Context
from pointsman.services.free_quota import is_scarce
from pointsman.services.model_votes import earlier_questions, read_votes, shown, text_key, vote_schema
from pointsman.values import strict_json
from pointsman.values.errors import StoreError, safe_message
from pointsman.values.log_events import LogEvent
from pointsman.values.taxonomy import Tier

TOKENS_PER_VOTE = 60
_TOKENS_AROUND_VOTES = 200
_ATTEMPT_ID = "000001.000001"
VOTE_LASTS = timedelta(days=7)
"""How long a model's vote on a text stands."""
NEARLY = 0.05
"""How much less sure a local verdict may be while little is left of the free quota: of texts that people wrote 0.96 of
the sure ones are right then, instead of 0.98."""
_VERDICTS_KEPT = 32
"""Local verdicts that are remembered: a batch asks for each of its own again."""


@dataclass(frozen=True, slots=True)
class TaskClassifier:
    """The use case: decisions for the messages of one batch."""

    ctx: Context
    local: LocalClassifier
    cache: DecisionCache | None = None
    """None: texts that come again are asked about again."""
    tasks: TaskStore | None = None
    """Where the task is read that a text continues; None: it is decided like any other."""
    _verdicts: dict[tuple[str, ...], Classification] = field(default_factory=dict, repr=False, compare=False)

    def decide_without_model(self, task: Task) -> Decision | None:
        """Return the decision that costs nothing, or None when a model should be asked."""
        if explicit := decision.explicit(task, self.local):
            return explicit
        options = self.ctx.policy.config.pointsman.classifier
        if options.mode == "gemini":
            return None
        classification = self._classify(task)
        needed = options.needed(classification.tier)
        if local := decision.local(classification, needed):
            return self._ruled(local, sure=classification.probability >= needed)
        return self._from_parent(task, classification)

    def _classify(self, task: Task) -> Classification:
        """Return the local verdict on a task: in a conversation, on its last message that is more than a follow-up."""
        texts = (task.prompt, *earlier_questions(task))
        if texts not in self._verdicts:
            if len(self._verdicts) >= _VERDICTS_KEPT:
                self._verdicts.clear()
            weights = self.ctx.policy.config.pointsman.classifier.weights
            verdicts = (reweighed(self.local.classify(text), weights) for text in texts)
            first = next(verdicts)
            own_task = (verdict for verdict in (first, *verdicts) if verdict.follow_up <= decision.FOLLOWS)
            self._verdicts[texts] = next(own_task, first)
        return self._verdicts[texts]

    def _from_parent(self, task: Task, classification: Classification) -> Decision | None:
        """Return the decision on the task that a text without a task of its own continues; None: it has none."""
        if classification.follow_up <= decision.FOLLOWS:
            return None
        return self._parents_decision(task, classification.follow_up)

    def _parents_decision(self, task: Task, confidence: float) -> Decision | None:
        if self.tasks is None or task.parent_id is None:
            return None
        try:
            parent = self.tasks.read(task.parent_id)
        except StoreError as error:
            self.ctx.log(LogEvent.DECISIONS_NOT_READ, level="warning", detail=safe_message(error))
            return None
        if parent is None or parent.decision is None:
            return None
        return decision.continued(parent.decision, task.parent_id, confidence)

    def guess(self, task: Task, *, unread: bool = False) -> Decision:
        """Return the best guess; `unread` says that a model was asked, and that its word could not be read."""
        weighing = WEIGHINGS[self.ctx.policy.config.pointsman.classifier.prefer]
        return self._ruled(decision.guess(self._classify(task), weighing, unread=unread), sure=False)

    def _ruled(self, unruled: Decision, *, sure: bool) -> Decision:
        return decision.ruled(unruled, self.ctx.policy.config.pointsman.classifier.tiers, sure=sure)

    def _by_vote(self, task: Task, vote: ModelVote, *, cached: bool = False) -> Decision:
        """Return what a model's vote comes to; below one half it was not sure of the type."""
        classification = self._classify(task)
        needed = self.ctx.policy.config.pointsman.classifier.needed(classification.tier)
        sure = decision.local(classification, needed)
        if cached:
            unruled = decision.remembered(classification, vote)
        else:
            unruled = decision.asked(classification, vote)
            if vote.type is None and not sure and (parents := self._parents_decision(task, vote.confidence)):
                return parents
        return self._ruled(decision.not_below(unruled, sure), sure=vote.confidence >= decision.HALF)

    def decide(
        self, undecided: Mapping[str, Task], seconds: float, records: Mapping[str, TaskRecord] | None = None
    ) -> dict[str, Decision]:
        """Return a decision for every task: from the cache, by one request for each sender's other public ones and one
        for his private, else the best guess.

        `seconds` is the time that may be spent on asking; `records` say by task id whom the requests are booked on.
        Texts of different senders never meet in a request, where one could say how another is to be sorted.
        """
        decisions = self._from_cache(undecided)
        unread = set[str]()
        groups: dict[tuple[bool, str], dict[str, Task]] = {}
        for task_id, task in undecided.items():
            if task_id not in decisions:
                record = (records or {}).get(task_id)
                sender = (record.sender if record else None) or ""
                groups.setdefault((task.private, sender), {})[task_id] = task
        until = self.ctx.clock.now() + timedelta(seconds=seconds)
        for number, ((private, _), group) in enumerate(sorted(groups.items(), key=lambda item: item[0])):
            left = (until - self.ctx.clock.now()).total_seconds()
            decisions |= self._ask_models(
                group, unread, records or {}, private=private, seconds=left / (len(groups) - number)
            )
        return {
            task_id: decisions.get(task_id) or self.guess(task, unread=task_id in unread)
            for task_id, task in undecided.items()
        }

    def _from_cache(self, undecided: Mapping[str, Task]) -> dict[str, Decision]:
        """Return the decisions on public texts that a model was asked about before."""
        keys = self._cache_keys(undecided)
        if self.cache is None or not keys:
            return {}
        try:
            votes = self.cache.recall(keys.values(), self.ctx.clock.now())
        except StoreError as error:
            self.ctx.log(LogEvent.DECISIONS_NOT_READ, level="warning", detail=safe_message(error))
            return {}
        return {
            task_id: self._by_vote(undecided[task_id], votes[key], cached=True)
            for task_id, key in keys.items()
            if key in votes
        }

    def _cache_keys(self, tasks: Mapping[str, Task]) -> dict[str, str]:
        """Return by what public texts are remembered; nothing without a cache."""
        public = {task_id: task for task_id, task in tasks.items() if self.cache and not task.private}
        return {task_id: text_key(task.prompt, earlier_questions(task)) for task_id, task in public.items()}

    def _cache_votes(self, group: Mapping[str, Task], votes: Mapping[str, ModelVote]) -> None:
        """Keep what a model said of a public text that it read alone; a failure to keep it loses no decision.

        Beside others a text may be judged by what another one says.
        """
        keys = self._cache_keys(group)
        if self.cache is None or len(keys) < len(group) or len(set(keys.values())) > 1:
            return
        named = {keys[task_id]: vote for task_id, vote in votes.items() if vote.type}
        try:
            self.cache.keep(named, self.ctx.clock.now() + VOTE_LASTS)
        except StoreError as error:
            self.ctx.log(LogEvent.DECISIONS_NOT_CACHED, level="warning", detail=safe_message(error))

    def _ask_models(
        self,
        group: Mapping[str, Task],
        unread: set[str],
        records: Mapping[str, TaskRecord],
        *,
        private: bool,
        seconds: float,
    ) -> dict[str, Decision]:
        """Ask Gemini, then Haiku for what Gemini cannot or may not say; add to `unread` whose answers held no vote.

        A trouble of ours, such as a slot that went to another, is waited out on the same model: it buys no other one.
        """
        hops = self._hops(private=private)
        decisions = self._nearly_sure(group, hops[0].model) if hops else {}
        for hop in hops if len(decisions) < len(group) else ():
            left = {task_id: task for task_id, task in group.items() if task_id not in decisions}
            result = self._call_patiently(hop.model, left, records, seconds / len(hops))
            while spent := _over_limit(result, left, records):  # the others are asked about all the same
                left = {task_id: task for task_id, task in left.items() if task_id not in spent}
                result = self._call_patiently(hop.model, left, records, seconds / len(hops))
            votes = self._votes(hop, result, left)
            decisions |= {task_id: self._by_vote(left[task_id], vote) for task_id, vote in votes.items()}
            if len(votes) == len(left):
                break
            unread |= (left.keys() - votes.keys()) if result.outcome in GOOD else set()
            self.ctx.log(
                LogEvent.CLASSIFICATION_NOT_ANSWERED,
                model=hop.model,
                outcome=str(result.outcome),
                detail=result.detail or f"{len(votes)} of {len(left)} votes could be read",
            )
            if result.ours:
                break
        return decisions

    def _call_patiently(
        self, model_id: str, group: Mapping[str, Task], records: Mapping[str, TaskRecord], seconds: float
    ) -> CallResult:
        """Make the call, and again while only a trouble of ours is in its way and the time lasts."""
        until = self.ctx.clock.now() + timedelta(seconds=seconds)
        while True:
            result = self._call(model_id, group, records, (until - self.ctx.clock.now()).total_seconds())
            pause = (result.retry_after or 1.0) * random.uniform(0.5, 1.0)  # noqa: S311
            if not result.ours or self.ctx.clock.now() + timedelta(seconds=pause) >= until:
                return result
            self.ctx.clock.sleep(pause)

    def _nearly_sure(self, group: Mapping[str, Task], model_id: str) -> dict[str, Decision]:
        """Return the local decisions on texts that are nearly sure, where little is left of the free model's day."""
        options, verdicts = self.ctx.policy.config.pointsman.classifier, {}
        if options.mode != "gemini":
            verdicts = {task_id: self._classify(task) for task_id, task in group.items()}
        found = {
            task_id: unruled
            for task_id, verdict in verdicts.items()
            if (unruled := decision.local(verdict, options.needed(verdict.tier) - NEARLY))
        }
        if not found or not is_scarce(self.ctx, model_id):
            return {}
        why = "little is left of the day's free requests"
        return {
            task_id: self._ruled(replace(unruled, reason=f"{unruled.reason}: {why}"), sure=False)
            for task_id, unruled in found.items()
        }

    def _hops(self, *, private: bool) -> list[Hop]:
        """Return who is asked in turn: the first two of the orchestration tier, and its first paid model."""
        kept_from_free = private or not self.ctx.policy.config.pointsman.classifier.ask_free
        hops = self.ctx.policy.plan(Tier.ORCHESTRATION, self.ctx.clock.now(), private=kept_from_free)
        paid = [hop for hop in hops[2:] if not self.ctx.policy.is_free(hop.model)]
        return hops[:2] if any(not self.ctx.policy.is_free(hop.model) for hop in hops[:2]) else [*hops[:2], *paid[:1]]

    def _votes(self, hop: Hop, result: CallResult, group: Mapping[str, Task]) -> dict[str, ModelVote]:
        """Return what the answer says of the tasks, and keep it."""
        if result.outcome not in GOOD:
            return {}
        provider = self.ctx.policy.catalog.get(hop.model).provider
        source = Source.GEMINI if provider is Provider.GEMINI else Source.HAIKU
        votes = {
            task_id: ModelVote(vote.type, vote.confidence, source, vote.also)
            for task_id, vote in read_votes(result.text, list(group)).items()
        }
        self._cache_votes(group, votes)
        return votes

    def _call(
        self, model_id: str, group: Mapping[str, Task], records: Mapping[str, TaskRecord], seconds: float
    ) -> CallResult:
        """Make the call as one attempt; its cost is shared out to the tasks by the length of their messages."""
        texts = {task_id: shown(task) for task_id, task in group.items()}
        messages = [{"id": str(number), **text} for number, text in enumerate(texts.values(), 1)]
        model = self.ctx.policy.catalog.get(model_id)
        room = brief_room(model, _TOKENS_AROUND_VOTES + TOKENS_PER_VOTE * len(group))
        sharers = tuple(
            _sharer(task_id, sum(map(len, texts[task_id].values())), task, records.get(task_id))
            for task_id, task in group.items()
        )
        spec = CallSpec(
            purpose=Purpose.CLASSIFICATION,
            task_id=f"classify-{uuid4().hex}",
            attempt_id=_ATTEMPT_ID,
            model=model_id,
            tier=Tier.ORCHESTRATION,
            function="router",
            sender=sharers[0].sender,  # a group is of one sender
            sharers=sharers,
            prompt="Messages to sort, as JSON data:\n" + strict_json.dumps(messages),
            system=prompt_text("classification"),
            effort=room.effort,
            max_output_tokens=room.cap,
            schema=vote_schema(len(group)),
        )

        until = self.ctx.clock.now() + timedelta(seconds=max(seconds, 1.0))
        return make_call(self.ctx, spec, until, Interpretation)


def _sharer(task_id: str, weight: int, task: Task, record: TaskRecord | None) -> Sharer:
    """Return a task's part in a request; `record` says whom it is booked on."""
    if record is None:
        return Sharer(task_id, weight, task.metadata, task.parent_id)
    return Sharer(task_id, weight, task.metadata, task.parent_id, record.sender, record.limited, record.family)


def _over_limit(result: CallResult, asked: Mapping[str, Task], records: Mapping[str, TaskRecord]) -> set[str]:
    """Return the tasks whose own limit has refused a request, where others were to be asked about with them."""
    if result.made or result.shortfall is None:
        return set()
    owner, _ = owner_and_span(result.shortfall.cap)
    spent = {task_id for task_id in asked if task_id in records and owner in limit_owners(records[task_id])}
    return spent if len(spent) < len(asked) else set()
