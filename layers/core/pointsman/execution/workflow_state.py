"""A task's state in the workflow, and where each outcome leads.

It travels as the workflow's state object, into and out of every tier function, and never carries the task's text.
"""

import random
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from pointsman.execution.calls import Purpose
from pointsman.execution.outcome import FINAL, GOOD, PASSING, CallResult, Outcome
from pointsman.routing.policy import Hop
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time, to_text

MOST_TRIES = 3
"""Waits for one model before the next of the chain; a model that failed a task more often gets one call a round."""
MOST_ASKS = 10
"""Calls of one model that may fail one task before the pauses between its rounds grow to `LONGEST_REST`."""
MOST_ROUNDS_OF_UNKNOWN = 3
"""Times that the plan starts again after attempts that may all have been billed; the workflow does so after crashes."""
LONGEST_PAUSE = timedelta(minutes=15)
"""Between two rounds; with a far deadline a hundredth of what is left."""
MOST_ATTEMPTS = 1_000
"""Of one generation: an attempt and its wait make at most 20 events, and an execution ends at 25,000."""
_UNPACED = 500
"""Attempts after which the time to the deadline is shared out among those that are left."""
LONGEST_HOLD = timedelta(hours=6)
"""A held task looks again at least this often: the budget may have been raised."""
LONGEST_REST = timedelta(hours=1)
"""A task that waits for an account, or whose models failed it over and over, looks again at least this often."""
_LONGEST_EXECUTION = timedelta(days=365)
"""Step Functions ends an execution then: a deadline beyond it spaces no pause."""
PATIENCE = timedelta(minutes=1)
"""How long a hint is waited for while another model may be asked, by default of `pointsman.patience_seconds`."""
_SPREAD = timedelta(minutes=1)
"""Over which tasks wake that wait for the same instant."""
_HOLD_SPREAD = timedelta(minutes=10)
"""The same for held tasks, of which there may be a month's."""
_MOST_DOUBLINGS = 5
"""Of the pause on a trouble of ours, which is waited out on the same hop: no conflict buys a dearer model."""
_WAITED_FOR = PASSING - {Outcome.QUOTA_EXHAUSTED, Outcome.ACCOUNT}
_IN_VAIN = PASSING | {Outcome.UNKNOWN}
"""Outcomes of a call that the same model may be asked for again, by the same request."""
_LATEST = datetime.max.replace(tzinfo=UTC)
"""Where a deadline that a hold moves stops."""

_KEYS = {"has_answer": "kept", "saw_transient": "healing"}
"""Fields that stand under another key in the state object, which executions that are under way carry."""
_MODEL_LISTS = ("unusable_answers", "refused_by", "too_long_for")


class Next(StrEnum):
    """Where the workflow goes."""

    RUN = "run"
    WAIT = "wait"
    DELIVER = "deliver"
    DELIVER_SAMPLED = "deliver_sampled"
    """Deliver, then go on with the audit."""
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class WorkflowState:
    """A task's position in the workflow."""

    task_id: str
    generation: int
    deadline: datetime
    plan: tuple[Hop, ...]
    private: bool = False
    """Whether no free model may be asked."""
    purpose: Purpose = Purpose.TASK
    """What is asked of the model here."""
    has_answer: bool = False
    """Whether the task has its answer stored: what is sought beyond it is sought briefly, and may be missed."""
    hop: int = 0
    attempt: int = 1
    """Ordinal of the tier function's next attempt within the generation."""
    tries: int = 0
    """Waits on this hop."""
    crashes: int = 0
    """Attempts of unknown outcome, or without an answer that can be used, on this hop."""
    throttles: int = 0
    """Times that Lambda had no room for this attempt, counted by the workflow."""
    rounds: int = 0
    """Times that the whole plan was gone through."""
    unusable_answers: tuple[str, ...] = ()
    """The models that answered without anything to use, one entry per answer: their next request is another one."""
    asks: dict[str, int] = field(default_factory=dict)
    """The calls of each model that failed the task for a trouble that may pass."""
    saw_transient: bool = False
    """Whether a trouble that time heals was met in this round."""
    refused_by: tuple[str, ...] = ()
    """The models that refused for an unrecognized reason: not asked again, and a second one's refusal is final."""
    too_long_for: tuple[str, ...] = ()
    """The models whose window is too small for the request, which no wait changes: they are not asked again."""
    next: Next = Next.RUN
    wait_seconds: int = 0
    waiting_for: dict[str, Any] | None = None
    """Of `next` wait: `Waiting.as_state`; left over from an earlier wait otherwise."""
    not_before: float = 0.0
    """Unix time before which no call may be made: the part of a wait that whole seconds cannot express."""
    reason: str | None = None
    held_by: str | None = None
    """The cap that holds the task since its last call or other wait; None: none does."""
    announce_hold: bool = False
    """Of `next` wait: whether this hold is to be announced first. The workflow turns it off."""
    comparison: int = 0
    """The number of the comparison that is next, of those about an audited task; 0: none."""
    delivered: bool = False
    """Of `next` deliver: whether the tier function has delivered the answer itself, so that nothing is left to do."""

    @property
    def here(self) -> Hop:
        """The hop to try."""
        return self.plan[self.hop]

    @property
    def open_hops(self) -> tuple[int, ...]:
        """The places in the plan whose model may be asked: it has not refused the task, nor is it too small for it."""
        closed = {*self.refused_by, *self.too_long_for}
        return tuple(place for place, hop in enumerate(self.plan) if hop.model not in closed)

    @property
    def attempt_id(self) -> str:
        """The attempt's name; within a task, later attempts compare greater."""
        return f"{self.generation:06d}.{self.attempt:06d}"

    def as_state(self) -> dict[str, Any]:
        """Return the workflow's state object."""
        fields = {_KEYS.get(name, name): value for name, value in asdict(self).items()}
        lists = {name: list(fields[name]) for name in _MODEL_LISTS}  # as JSON has them
        return {**fields, **lists, "deadline": to_text(self.deadline), "plan": [asdict(hop) for hop in self.plan]}

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> "WorkflowState":
        """Return the position that a state object says."""
        plan = tuple(Hop(hop["model"], Tier(hop["function"]), Tier(hop["tier"])) for hop in state["plan"])
        keys = {name: _KEYS.get(name, name) for name in cls.__dataclass_fields__}
        return cls(
            **{
                **{name: state[key] for name, key in keys.items() if key in state},
                "deadline": parse_time(state["deadline"]),
                "plan": plan,
                **{name: tuple(state.get(name, ())) for name in _MODEL_LISTS},
                "purpose": Purpose(state.get("purpose", "task")),
                "next": Next(state.get("next", "run")),
            }
        )

    def beyond(self, hop: Hop, purpose: Purpose, reason: str | None) -> "WorkflowState":
        """Return the state that has its answer and goes on to `hop` alone: to a judge, one tier up, to the audit."""
        return replace(
            self,
            plan=(*self.plan[: self.hop + 1], hop),
            hop=self.hop + 1,
            attempt=self.attempt + 1,
            tries=0,
            crashes=0,
            throttles=0,
            purpose=purpose,
            has_answer=True,
            next=Next.RUN,
            wait_seconds=0,
            not_before=0.0,
            reason=reason,
        )

    def given_up(self) -> "WorkflowState":
        """Return the state's end without anything more: the failure, or the delivery of the answer that is kept."""
        return replace(self, next=Next.DELIVER if self.has_answer else Next.FAIL)


@dataclass(frozen=True, slots=True)
class Course:
    """What is known beyond the state of where a task may go on."""

    hold: bool = False
    """Whether the tier keeps a task whose budget is used up. Time on hold moves the deadline."""
    patience: timedelta = PATIENCE
    """A provider's hint above it is not waited for while the plan has another model."""
    onward: int | None = None
    """The hop that follows, or the plan's length when none does; None: the one after this."""
    alone: bool = False
    """Whether no other hop of the plan can go on for this one."""


def next_state(
    state: WorkflowState,
    result: CallResult,
    now: datetime,
    course: Course = Course(),
    *,
    dice: random.Random | None = None,
) -> WorkflowState:
    """Return where `result` leads."""
    outcome = result.outcome
    onward = state.hop + 1 if course.onward is None else course.onward
    alone = course.alone or len(state.plan) == 1
    following = replace(
        state,
        attempt=state.attempt + 1,
        throttles=0,
        next=Next.RUN,
        wait_seconds=0,
        not_before=0.0,
        reason=str(outcome),
    )
    if outcome in GOOD:
        return replace(following, next=Next.DELIVER, reason=None)
    asks = state.asks.get(state.here.model, 0)
    if result.made and outcome in _IN_VAIN:
        asks += 1
        following = replace(following, asks={**state.asks, state.here.model: asks})
    if outcome is Outcome.INVALID and not result.recognized and not set(state.refused_by) - {state.here.model}:
        return _next_hop(replace(following, refused_by=(state.here.model,)), now, dice, onward)
    if outcome in FINAL:
        return following.given_up()
    if outcome is Outcome.TOO_LONG and state.here.model not in state.too_long_for:
        following = replace(following, too_long_for=(*state.too_long_for, state.here.model))
    if is_held(state, result, course):
        assert result.until is not None
        pause = _spread(min(result.until - now, LONGEST_HOLD), _HOLD_SPREAD, dice)
        deadline = min(state.deadline, _LATEST - pause) + pause
        return _wait(replace(following, deadline=deadline), now + pause, now)
    if following.attempt > MOST_ATTEMPTS:
        return following.given_up()
    heals = outcome in PASSING or (outcome is Outcome.UNKNOWN and state.rounds < MOST_ROUNDS_OF_UNKNOWN)
    following = replace(following, saw_transient=following.saw_transient or heals)
    if outcome in (Outcome.EMPTY, Outcome.MALFORMED) and not result.ours:
        unusable = (*state.unusable_answers, state.here.model)
        following = replace(following, unusable_answers=unusable, crashes=max(state.crashes, 1))
        asked_again = unusable.count(state.here.model) % 2 == 0
        return _next_hop(following, now, dice, onward) if asked_again else following
    if outcome in (Outcome.UNKNOWN, Outcome.EMPTY, Outcome.MALFORMED):
        return (
            replace(following, crashes=state.crashes + 1)
            if state.crashes == 0 and asks <= MOST_TRIES
            else _next_hop(following, now, dice, onward)
        )
    again_here = asks <= MOST_TRIES or not result.made
    here_at_most = state.tries < MOST_TRIES and again_here and (alone or not _long(result, course))
    if outcome in _WAITED_FOR and (result.ours or here_at_most):
        pause = timedelta(seconds=_pause(min(state.tries, _MOST_DOUBLINGS), result.retry_after, dice))
        again = _paced(following, now + pause, now)
        if again < (min(state.deadline, now + LONGEST_PAUSE) if state.has_answer else state.deadline):
            return _wait(replace(following, tries=state.tries + 1), again, now)
    return _next_hop(following, now, dice, onward, _renews(result, now, dice) if alone else None)


def is_held(state: WorkflowState, result: CallResult, course: Course) -> bool:
    """Return whether the result holds the task until the budget renews."""
    used_up = result.outcome is Outcome.OVER_BUDGET and result.until is not None
    return used_up and course.hold and not state.has_answer


def _long(result: CallResult, course: Course) -> bool:
    """Return whether the provider asks for more patience than a task has; the minute of a quota is not its word."""
    hint = result.retry_after
    return hint is not None and hint > course.patience.total_seconds() and result.outcome is not Outcome.BUSY


def _renews(result: CallResult, now: datetime, dice: random.Random | None) -> datetime | None:
    """Return when to ask the only provider again, a little later for each task than for the others."""
    if result.until is None:
        return None
    until = min(result.until, now + LONGEST_REST) if result.outcome is Outcome.ACCOUNT else result.until
    return now + _spread(until - now, _SPREAD, dice)


def _spread(pause: timedelta, most: timedelta, dice: random.Random | None) -> timedelta:
    """Return the pause and up to a twentieth more, at most `most`, so that tasks do not all wake at once."""
    return pause + min(most, max(pause, timedelta(0)) * 0.05) * (dice or random).random()


def _pause(tries: int, hint: float | None, dice: random.Random | None) -> float:
    """Return seconds: the provider's hint and up to a twentieth more, else exponential with jitter."""
    luck = (dice or random).random()
    return hint * (1 + 0.05 * luck) if hint is not None else (2.0 ** (tries + 1)) * (0.5 + 0.5 * luck)


def _next_hop(
    state: WorkflowState,
    now: datetime,
    dice: random.Random | None,
    onward: int,
    renews: datetime | None = None,
) -> WorkflowState:
    """Return the next hop; behind the last one the first again after a pause, while time may heal what was met. Models
    that refused the task, or are too small for it, are passed over.
    """
    fresh = replace(state, tries=0, crashes=0)
    if following := [place for place in state.open_hops if place >= onward]:
        return replace(fresh, hop=following[0])
    growth = 2 ** min(state.rounds, 20)  # a year: longer than any pause
    pause = min(timedelta(seconds=30 * growth * (0.75 + 0.5 * (dice or random).random())), _longest_pause(state, now))
    again = now + pause
    again = _paced(state, max(again, renews or again), now)
    if state.has_answer or not state.saw_transient or not state.open_hops or again >= state.deadline:
        refused = state.refused_by and not state.has_answer
        return replace(fresh, reason=str(Outcome.INVALID) if refused else state.reason).given_up()
    return _wait(replace(fresh, hop=state.open_hops[0], rounds=state.rounds + 1, saw_transient=False), again, now)


def _paced(state: WorkflowState, until: datetime, now: datetime) -> datetime:
    """Return `until`, or later: after many attempts each waits for its share of the time that is left."""
    if state.attempt <= _UNPACED:
        return until
    return max(until, now + _left(state, now) / max(MOST_ATTEMPTS + 2 - state.attempt, 2))


def _left(state: WorkflowState, now: datetime) -> timedelta:
    """Return the time that the task has yet."""
    return min(state.deadline - now, _LONGEST_EXECUTION)


def _longest_pause(state: WorkflowState, now: datetime) -> timedelta:
    left = _left(state, now)
    often = max(state.asks.values(), default=0) >= MOST_ASKS
    return max(LONGEST_PAUSE, left / 100, min(LONGEST_REST, left / 2) if often else timedelta(0))


def _wait(state: WorkflowState, until: datetime, now: datetime) -> WorkflowState:
    """Return the state that waits in whole seconds of the workflow; the function sleeps the fraction that is left."""
    seconds = int((until - now).total_seconds())
    return replace(state, next=Next.WAIT if seconds else Next.RUN, wait_seconds=seconds, not_before=until.timestamp())
