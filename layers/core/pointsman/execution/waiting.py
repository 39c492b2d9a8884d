"""What a task waits for between two attempts, until when, and what may be done: written into the workflow's state by
the attempt, which costs nothing, and read there by whoever asks.
"""

import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from pointsman.execution.budget import owner_and_span
from pointsman.execution.executions import Pause
from pointsman.execution.outcome import AccountTrouble, CallResult, Outcome, Shortfall
from pointsman.execution.records import IN_BATCH, POOLED, TaskRecord
from pointsman.execution.refused_account import STEPS
from pointsman.values.status import Status
from pointsman.values.times import parse_time, to_text


class WaitingFor(StrEnum):
    """The fixed names of what a task can wait for."""

    ACCOUNT = "account"
    """The provider does not serve the account or place."""
    QUOTA = "quota"
    """The free tier's quota of the day is used up."""
    RATE_LIMIT = "rate_limit"
    """The provider asked for a pause."""
    BUSY = "busy"
    """The quota of the minute, or what is left of a cap, is taken by other calls that are under way."""
    PROVIDER = "provider"
    """The provider fails or is overloaded."""
    BUDGET = "budget"
    """A cap is reached, and the tier holds its tasks."""
    LIMIT = "limit"
    """So many tasks of its sender, agent or ticket have begun or are under way that no other may begin."""
    STORE = "store"
    """A store of ours is out of reach or throttles."""
    CAPACITY = "capacity"
    """Lambda has no room: the account's concurrency, or the function's, is used up."""
    ATTEMPT = "attempt"
    """An earlier attempt may still be under way."""
    BATCH = "batch"
    """In the economy lane: for a batch, or for the answer of its own."""
    SUBTASKS = "subtasks"
    """Its subtasks, which have not all ended."""
    NEXT_ROUND = "next_round"
    """Every model of the plan was tried; it begins again."""


_OVER_CAP = ("over_budget", "over_limit", "over_split_cost", "over_max_cost")
"""Reasons of a task whose call fits under no budget (`budget.over_budget_reason`)."""
_IN_VAIN = ("deadline", "no_model_left")
"""Reasons of a task whose time or models were over while it waited."""
_BY_OUTCOME = {
    Outcome.ACCOUNT: WaitingFor.ACCOUNT,
    Outcome.QUOTA_EXHAUSTED: WaitingFor.QUOTA,
    Outcome.RATE_LIMITED: WaitingFor.RATE_LIMIT,
    Outcome.BUSY: WaitingFor.BUSY,
    Outcome.UNAVAILABLE: WaitingFor.PROVIDER,
    Outcome.NOT_SENT: WaitingFor.PROVIDER,
}
_STEPS = {
    WaitingFor.QUOTA: "nothing, it renews by itself; a larger real quota belongs into pointsman.quotas",
    WaitingFor.RATE_LIMIT: "nothing, the provider is asked again then; another model in the chain would take over",
    WaitingFor.BUSY: "nothing, it goes on when other calls have ended",
    WaitingFor.LIMIT: "nothing, it begins when others have ended",
    WaitingFor.PROVIDER: "nothing, it is asked again then; see the provider's status page if this lasts",
    WaitingFor.STORE: "nothing, it tries again then; see AWS's health dashboard if this lasts",
    WaitingFor.CAPACITY: "nothing, it runs when other calls have ended; `pointsman doctor` shows the account's limit",
    WaitingFor.ATTEMPT: "nothing, it goes on when that attempt must have ended",
    WaitingFor.BATCH: "nothing, it is answered by its deadline at half the price; lane standard answers at once",
    WaitingFor.SUBTASKS: "nothing, it ends with the last of them; `pointsman status` lists them",
    WaitingFor.NEXT_ROUND: "nothing, its models are tried again then",
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task's wait."""

    what: WaitingFor
    until: datetime
    """When it is over, as far as is known: the reset of a quota or budget, the end of a provider's pause."""
    looks_again_at: datetime
    """When the task tries again, which may be earlier: someone may have seen to it."""
    model: str | None = None
    """The model that was to be called."""
    reason: AccountTrouble | None = None
    """Of an account."""
    shortfall: Shortfall | None = None
    """Of a budget."""

    @property
    def view(self) -> str:
        """The task's status as it is shown instead of `started`."""
        if self.what is WaitingFor.SUBTASKS:
            return str(Status.WAITING)
        return "held" if self.what is WaitingFor.BUDGET else "resting"

    @property
    def do(self) -> str:
        """The next step for whoever does not want to wait."""
        if self.reason:
            return STEPS[self.reason]
        if self.what is WaitingFor.BUDGET:
            return f"{self._raise_cap}, or wait until the budget renews"
        if self.what is WaitingFor.LIMIT and self.shortfall:
            return f"nothing, it begins when others have ended, or {_cap_setting(self.shortfall.cap)}"
        return _STEPS.get(self.what, _STEPS[WaitingFor.NEXT_ROUND])

    @property
    def _raise_cap(self) -> str:
        return _cap_setting(self.shortfall.cap) if self.shortfall else "raise the cap in pointsman.budget and deploy"

    def as_state(self) -> dict[str, Any]:
        """Return the entry of the workflow's state."""
        return {
            "what": str(self.what),
            "until": to_text(self.until),
            "looks_again_at": to_text(self.looks_again_at),
            "model": self.model,
            "reason": str(self.reason) if self.reason else None,
            **(asdict(self.shortfall) if self.shortfall else {}),
        }

    def as_document(self) -> dict[str, Any]:
        """Return what commands show: the state's entry without what does not apply, and what to do."""
        return {**{name: value for name, value in self.as_state().items() if value is not None}, "do": self.do}

    def as_ended_document(self) -> dict[str, Any]:
        """Return what is shown of a task that has failed for it: it looks no more, and is to be run anew."""
        document = {name: value for name, value in self.as_document().items() if name != "looks_again_at"}
        anew = "run the task anew: `pointsman rerun`"
        return {**document, "do": f"{self._raise_cap}, then {anew}" if self.what is WaitingFor.BUDGET else anew}

    def words(self) -> str:
        """Return the same as a clause."""
        of = f" ({self.reason})" if self.reason else f" ({self.shortfall.cap})" if self.shortfall else ""
        model = f" of {self.model}" if self.model else ""
        again = "" if self.until <= self.looks_again_at else f", looks again {to_text(self.looks_again_at)}"
        return f"{self.what}{of}{model} until {to_text(self.until)}{again}: {self.do}"

    @classmethod
    def of_pause(cls, pause: Pause) -> Self:
        """Return what the task waits for by its workflow's state.

        A wait after crashes is the workflow's own: its state says how long, and `next` is no wait.
        """
        state, entry = pause.state, pause.state.get("waiting_for")
        if state.get("next") != "wait" or not entry:
            again = pause.since + timedelta(seconds=state.get("wait_seconds", 0))
            return cls(WaitingFor.NEXT_ROUND, again, again)
        return cls.of_entry(entry)

    @classmethod
    def of_entry(cls, entry: Mapping[str, Any]) -> Self:
        """Return what `as_state` wrote."""
        return cls(
            WaitingFor(entry["what"]),
            parse_time(entry["until"]),
            parse_time(entry["looks_again_at"]),
            entry.get("model"),
            AccountTrouble(entry["reason"]) if entry.get("reason") else None,
            _shortfall(entry) if entry.get("cap") else None,
        )


def waiting_after(result: CallResult, model: str, again: datetime, *, held: bool) -> Waiting:
    """Return what a task waits for after `result` of a call to `model`; `again` is when it tries again, and `held`
    whether its tier holds it.
    """
    if held:
        what = WaitingFor.BUDGET
    elif result.ours and result.shortfall:
        what = WaitingFor.LIMIT
    elif result.ours:
        what = WaitingFor.STORE if result.outcome is Outcome.UNAVAILABLE else WaitingFor.BUSY
    else:
        what = _BY_OUTCOME.get(result.outcome, WaitingFor.NEXT_ROUND)
    until = result.until if result.until and what is not WaitingFor.NEXT_ROUND else again
    shortfall = result.shortfall if what in (WaitingFor.BUDGET, WaitingFor.BUSY, WaitingFor.LIMIT) else None
    return Waiting(what, until, again, model, result.account, shortfall)


def waiting_in_lane(record: TaskRecord) -> Waiting | None:
    """Return what a task in the economy lane's care waits for; None of another one."""
    if record.attention not in (POOLED, IN_BATCH) or record.lane is None or record.lane.until is None:
        return None
    ends = record.lane.ends()
    return Waiting(WaitingFor.BATCH, ends, ends)


def refused_by_budget(result: CallResult, model: str, now: datetime) -> Waiting:
    """Return what a task would have to wait for whose call fits under no budget, and which does not wait."""
    until = result.until or now
    return Waiting(WaitingFor.BUDGET, until, until, model, shortfall=result.shortfall)


def failed_for(reason: str, entry: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what a task that fails for `reason` waited for in vain, by the entry of its workflow's state: the cap that
    refused it, or what stood in its way until its time was over.
    """
    if not entry or reason not in (*_OVER_CAP, *_IN_VAIN):
        return None
    if reason in _OVER_CAP and entry["what"] != WaitingFor.BUDGET:
        return None
    return {name: value for name, value in entry.items() if value is not None}


def waited_for(record: TaskRecord) -> dict[str, Any] | None:
    """Return what to show of what a failed task waited for in vain."""
    return Waiting.of_entry(record.waited_for).as_ended_document() if record.waited_for else None


def _shortfall(entry: Mapping[str, Any]) -> Shortfall:
    amounts = (entry.get(f"{name}_nano_usd") for name in ("needs", "left", "reserved"))
    return Shortfall(entry["cap"], *amounts)


def _cap_setting(cap: str) -> str:
    """Return how a cap such as `month`, `day_27_reasoning` or `sender key:ci@month` is raised."""
    owner, name = owner_and_span(cap)
    span, _, rest = name.partition("_")
    if owner:
        kind, _, value = owner.partition(" ")
        option = name.replace("_", "-") if name in ("rpm", "in_flight") else f"{span}-usd"
        command = f"pointsman budget raise --{kind} {shlex.quote(value)} --{option} N --days N --reason TEXT"
        return f"raise it: `{command}`"
    tier = rest.partition("_")[2] if span == "day" else rest
    return f"raise pointsman.budget.{f'tiers.{tier}.' if tier else ''}{span}_usd in openclaw.json and deploy"
