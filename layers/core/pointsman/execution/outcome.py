"""The outcome of one call to a model, as data: the workflow follows it, the ledger keeps it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pointsman.execution.comparison import BetterAnswer
from pointsman.values.usage import Usage


class Outcome(StrEnum):
    """The fixed names of what a tier function reports; `workflow_state.next_state` says what follows each."""

    ANSWERED = "answered"
    TRUNCATED = "truncated"
    RATE_LIMITED = "rate_limited"
    BUSY = "busy"
    UNAVAILABLE = "unavailable"
    QUOTA_EXHAUSTED = "quota_exhausted"
    RETIRED = "retired"
    AUTH = "auth"
    """In rows until 2026-11 only: a key that was refused, which is `account` since."""
    ACCOUNT = "account"
    """The provider will not serve this account or place now; see `AccountTrouble`."""
    TOO_LONG = "too_long"
    OVER_BUDGET = "over_budget"
    REFUSED = "refused"
    BLOCKED = "blocked"
    INVALID = "invalid"
    DEADLINE = "deadline"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"
    EMPTY = "empty"
    """Answered without a word of text, or with more than could be stored: paid, but followed like `unknown`."""
    MALFORMED = "malformed"
    """An answer that was asked for by a schema and does not follow it: paid, and followed like `empty`."""


class AccountTrouble(StrEnum):
    """Why a provider will not serve an account or place."""

    KEY = "key"
    """The API key is refused, lacks a permission, or is not stored."""
    CREDIT = "credit"
    """No credit is left, or billing is off."""
    LIMIT = "limit"
    """A spend or usage limit is reached."""
    HOLD = "hold"
    """The organization is disabled or on hold."""
    PLACE = "place"
    """The provider does not serve where the calls come from."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why a call does not fit under a cap; amounts in nano-dollars, None where none are counted."""

    cap: str
    """Its counter, such as `month`, `day_27_reasoning`, `sender key:ci@month` or `sender key:ci@rpm`."""
    needs_nano_usd: int | None = None
    """What the call may cost."""
    left_nano_usd: int | None = None
    """What is not spent."""
    reserved_nano_usd: int | None = None
    """What of it other calls reserve."""


GOOD = frozenset({Outcome.ANSWERED, Outcome.TRUNCATED})
PASSING = frozenset(
    {
        Outcome.RATE_LIMITED,
        Outcome.BUSY,
        Outcome.UNAVAILABLE,
        Outcome.NOT_SENT,
        Outcome.QUOTA_EXHAUSTED,
        Outcome.ACCOUNT,
    }
)
"""Troubles that time heals: while one of them stands in the way a task waits until its deadline."""
FINAL = frozenset({Outcome.REFUSED, Outcome.BLOCKED, Outcome.INVALID, Outcome.DEADLINE})
"""No other model and no other time would change it."""
_WORDS_ARE_BILLED = frozenset({Outcome.EMPTY, Outcome.MALFORMED, Outcome.REFUSED, Outcome.BLOCKED})
BREAKING = frozenset({Outcome.UNAVAILABLE, Outcome.UNKNOWN, Outcome.NOT_SENT})
"""What counts against a model's circuit breaker."""


UNCHECKED = "unchecked"
"""In place of a failed check's name: the answer is stored, and has yet to be checked."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What checking an answer came to (`pointsman.verify`)."""

    failed: str | None = None
    """The first check that the answer did not pass; None: it passed them all."""
    escalated_after: str | None = None
    """The check that the task's first answer failed, when this is its second."""
    pending: bool = False
    """Whether the task goes on although it has an answer: to a judge, or one tier up."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """The outcome of a call that was made, or of the decision not to make it."""

    outcome: Outcome
    text: str = ""
    usage: Usage | None = None
    """None: the provider stated none. An error answer bills nothing; see `cost_known`."""
    answered_by: str | None = None
    """The model id in the response: what is billed."""
    request_id: str | None = None
    retry_after: float | None = None
    """Seconds until the provider wants to be asked again; None: it did not say."""
    until: datetime | None = None
    """When the quota or budget renews."""
    detail: str = ""
    """For people: error class, status, quota id. Never text of the task, the answer or a key."""

    made: bool = False
    """Whether the provider was asked; not kept in the ledger, whose every row is such a call."""
    task_cancelled: bool = False
    """Whether the task was to be cancelled and has ended with this call; not kept in the ledger."""
    ours: bool = False
    """Whether the trouble was ours, so that it says nothing of the provider."""
    account: AccountTrouble | None = None
    """Of outcome `account`."""
    shortfall: Shortfall | None = None
    """Of `over_budget`, and of `busy` when it is the budget that others hold."""
    recognized: bool = True
    """Whether a refusal's meaning is known; an unrecognized `invalid` is put to another model before it is final."""
    paid_project: bool | None = None
    """Whether the quota that refused the call is one of a project linked to billing; None: it does not say."""
    unbilled: bool = False
    """Whether the provider bills nothing for it, whatever tokens it counts."""
    cost_doubt: str = ""
    """Why the usage that the answer states cannot be what is billed; then the cost is not known."""
    regional: bool = False
    """Whether it was served under a geography's surcharge, by the answer's own word."""
    batch: bool = False
    """Whether it is billed at the batch price, by the answer's own word."""
    check: CheckResult | None = None
    """Of an answer that was checked; a judge's own result has it when the judge found the answer wanting."""
    better: BetterAnswer | None = None
    """Of a comparison: what the judge says; None: nothing that can be read."""

    @property
    def cost_known(self) -> bool:
        """Whether what the provider bills is known: not after a call of unknown end, nor for text without usage
        or with a usage that cannot be.
        """
        if self.outcome is Outcome.UNKNOWN or self.cost_doubt:
            return False
        if self.unbilled:
            return True
        return self.usage is not None or self.outcome not in (GOOD | _WORDS_ARE_BILLED)
