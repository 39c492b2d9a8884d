"""What a provider's refusal means, by kind and for both providers: the request, its length, its content, the account or
place, or trouble that passes. Every refusal of a known status costs nothing.

Evidence comes before the verdict: 400 to 404 are the provider's own word only in its own form. What stands in between,
a proxy or a CDN, teaches nothing about the model or the key.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pointsman.execution.outcome import AccountTrouble, Outcome
from pointsman.routing.catalog import Provider
from pointsman.values.times import next_month

type Verdict = Outcome | AccountTrouble


@dataclass(frozen=True, slots=True)
class ProviderError:
    """An error in the provider's own form: its envelope, by Anthropic's or Google's documentation."""

    kind: str
    """`error.type` of Anthropic, `error.status` of Gemini."""
    message: str
    codes: frozenset[str] = frozenset()
    """Machine-readable reasons beside it: `error.details.error_code`, or `reason` of a `google.rpc.ErrorInfo`."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a refusal means."""

    outcome: Outcome
    account: AccountTrouble | None = None
    """Of outcome `account`."""
    until: datetime | None = None
    """When the account is served again, where the provider says so."""
    recognized: bool = True
    """Whether anything but the status told; if not, another model is asked before it is final."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A sentence that alone tells what a refusal means."""

    provider: Provider
    text: str
    """Regular expression, searched in the message without regard to case."""
    verdict: Verdict
    source: str
    """Where the sentence was seen."""


PATTERNS = (
    Pattern(
        Provider.ANTHROPIC,
        "^(your )?credit balance is too low",
        AccountTrouble.CREDIT,
        "anthropics/claude-code issues 4684 and 91322",
    ),
    Pattern(
        Provider.ANTHROPIC, "^you.re out of extra usage", AccountTrouble.CREDIT, "anthropics/claude-code issue 45035"
    ),
    Pattern(
        Provider.ANTHROPIC,
        "(usage credits|extra usage) (are|is) required for long context",
        Outcome.TOO_LONG,
        "anthropics/claude-code issues 53607 and 64982",
    ),
    Pattern(
        Provider.ANTHROPIC,
        r"^(you have|you.ve|your \w+ has) (reached|exceeded|hit) (your|its|the) [\w ]{0,40}(usage|spend(ing)?) limit",
        AccountTrouble.LIMIT,
        "platform.claude.com docs, rate limits, 2026-08-22; anthropics/claude-code issues 1047 and 67939",
    ),
    Pattern(
        Provider.ANTHROPIC,
        "^(this|your) (organization|account|workspace) (has been|is) (disabled|suspended|on hold)",
        AccountTrouble.HOLD,
        "anthropics/claude-code issues 9384, 54311 and 78218",
    ),
    Pattern(
        Provider.ANTHROPIC,
        "^request not allowed",
        AccountTrouble.PLACE,
        "screenpipe's proxy, Cloudflare workers in regions that are not served",
    ),
    Pattern(
        Provider.ANTHROPIC,
        "not (allowed|available|supported) (from|in) (unsupported countries|your (country|region|location))",
        AccountTrouble.PLACE,
        "anthropics/claude-code issue 2656; zed-industries/zed issue 30496",
    ),
    Pattern(
        Provider.ANTHROPIC,
        "^output blocked by content filtering policy",
        Outcome.BLOCKED,
        "anthropics/claude-code issues 58367 and 37547",
    ),
    Pattern(
        Provider.ANTHROPIC,
        "(prompt|input) is too long",
        Outcome.TOO_LONG,
        "anthropics/claude-code issue 12186; AWS's ValidationException of the same models",
    ),
    Pattern(
        Provider.ANTHROPIC,
        "^input length and `?max_tokens`? exceed context limit",
        Outcome.TOO_LONG,
        "strands-agents/sdk-python issue 152",
    ),
    Pattern(
        Provider.ANTHROPIC,
        r"^`?(messages|system|max_tokens|output_config|thinking|model|metadata|stop_sequences|temperature|top_[pk]|tools"
        r"|tool_choice|stream|service_tier|inference_geo|cache_control)\b",
        Outcome.INVALID,
        "the API's validation names the parameter first: platform.claude.com docs, errors",
    ),
    Pattern(
        Provider.GEMINI, "user location is not supported", AccountTrouble.PLACE, "google-gemini/gemini-cli issue 1993"
    ),
    Pattern(
        Provider.GEMINI,
        "^api key (not valid|not found|expired|is invalid)",
        AccountTrouble.KEY,
        "the sentences of API_KEY_INVALID, where a proxy leaves its details out: ai.google.dev troubleshooting",
    ),
    Pattern(Provider.GEMINI, "prepayment credits are depleted", AccountTrouble.CREDIT, "JeffOtano/roni issue 125"),
    Pattern(
        Provider.GEMINI,
        r"(exceeded|reached|above|over) (its|your|the) (\w+ )?spend(ing)? (cap|limit)",
        AccountTrouble.LIMIT,
        "ai.google.dev docs, rate limits, 2026-08-18; users' public logs of 2026-09 and 2026-10",
    ),
    Pattern(
        Provider.GEMINI,
        r"(has been|is|was) suspended|project has been denied access|violation of terms of\s+service",
        AccountTrouble.HOLD,
        "google.api.ErrorReason CONSUMER_SUSPENDED; google-gemini/gemini-cli 19501; ultimatejimmy/xray.koplugin 30",
    ),
    Pattern(
        Provider.GEMINI,
        "input token count.*exceeds the maximum number of tokens|request payload size exceeds the limit",
        Outcome.TOO_LONG,
        "users' public logs of gemini-3.1-flash-lite; ai.google.dev docs, 20 MB a request",
    ),
    Pattern(
        Provider.GEMINI,
        r"^(\* )?(invalid (json payload|value)|generatecontentrequest\.|request contains an invalid argument)",
        Outcome.INVALID,
        "ai.google.dev troubleshooting, google.rpc.BadRequest",
    ),
)
"""The first that matches counts. Only what has no structural mark stands here."""

_BY_CODE: dict[str, Verdict] = {
    # anthropic 2.14.0, error_code
    "enforced_spend_limit_reached": AccountTrouble.LIMIT,
    "contract_spend_limit_reached": AccountTrouble.LIMIT,
    "linked_organization_spend_limit_reached": AccountTrouble.LIMIT,
    "linked_organization_billing_unavailable": AccountTrouble.CREDIT,
    "organization_on_hold": AccountTrouble.HOLD,
    "ramp_limit_exceeded": Outcome.RATE_LIMITED,
    # google.api.ErrorReason
    "API_KEY_INVALID": AccountTrouble.KEY,
    "API_KEY_EXPIRED": AccountTrouble.KEY,
    "API_KEY_SERVICE_BLOCKED": AccountTrouble.KEY,
    "API_KEY_IP_ADDRESS_BLOCKED": AccountTrouble.KEY,
    "API_KEY_HTTP_REFERRER_BLOCKED": AccountTrouble.KEY,
    "API_KEY_ANDROID_APP_BLOCKED": AccountTrouble.KEY,
    "API_KEY_IOS_APP_BLOCKED": AccountTrouble.KEY,
    "ACCESS_TOKEN_EXPIRED": AccountTrouble.KEY,
    "IAM_PERMISSION_DENIED": AccountTrouble.KEY,
    "USER_PROJECT_DENIED": AccountTrouble.KEY,
    "CONSUMER_INVALID": AccountTrouble.KEY,
    "SERVICE_DISABLED": AccountTrouble.KEY,
    "BILLING_DISABLED": AccountTrouble.CREDIT,
    "CONSUMER_SUSPENDED": AccountTrouble.HOLD,
    "LOCATION_POLICY_VIOLATED": AccountTrouble.PLACE,
    "LOCATION_ORG_POLICY_VIOLATED": AccountTrouble.PLACE,
    "RATE_LIMIT_EXCEEDED": Outcome.RATE_LIMITED,
    "RESOURCE_QUOTA_EXCEEDED": Outcome.RATE_LIMITED,
}
_BY_KIND: dict[str, Verdict] = {
    # Anthropic
    "authentication_error": AccountTrouble.KEY,
    "permission_error": AccountTrouble.KEY,
    "billing_error": AccountTrouble.CREDIT,
    "not_found_error": Outcome.RETIRED,
    "request_too_large": Outcome.TOO_LONG,
    "rate_limit_error": Outcome.RATE_LIMITED,
    "overloaded_error": Outcome.UNAVAILABLE,
    "timeout_error": Outcome.UNAVAILABLE,
    "api_error": Outcome.UNAVAILABLE,
    "conflict_error": Outcome.UNAVAILABLE,
    # google.rpc.Code
    "UNAUTHENTICATED": AccountTrouble.KEY,
    "PERMISSION_DENIED": AccountTrouble.KEY,
    "FAILED_PRECONDITION": AccountTrouble.PLACE,  # the free tier is not there: ai.google.dev troubleshooting
    "NOT_FOUND": Outcome.RETIRED,
    "RESOURCE_EXHAUSTED": Outcome.RATE_LIMITED,
    "UNAVAILABLE": Outcome.UNAVAILABLE,
    "INTERNAL": Outcome.UNAVAILABLE,
    "ABORTED": Outcome.UNAVAILABLE,
    "CANCELLED": Outcome.UNAVAILABLE,
    "DEADLINE_EXCEEDED": Outcome.UNAVAILABLE,
}
_BY_STATUS = {408: Outcome.UNAVAILABLE, 409: Outcome.UNAVAILABLE, 413: Outcome.TOO_LONG, 499: Outcome.UNAVAILABLE}
"""What these say holds whatever the body is."""
_NAMES_A_MODEL = re.compile(r"\bmodels?\b", re.IGNORECASE)
"""What a not-found says that is of the model: `model: ID`, `models/ID is not found`."""
_REGAIN = re.compile(r"regain access on (\d{4}-\d{2}-\d{2}) at (\d{2}:\d{2}) UTC")
_LATEST_REGAIN = timedelta(days=62)


def interpret_refusal(provider: Provider, status: int, error: ProviderError | None, now: datetime) -> Refusal:
    """Return what an HTTP status of 300 and above means; `error` is None where the provider did not write it."""
    if status >= 500:
        return Refusal(Outcome.UNAVAILABLE)
    if status in _BY_STATUS:
        return Refusal(_BY_STATUS[status])
    if error and (verdict := _of_sentence_or_code(provider, error)):
        return _refusal(verdict, error, now)
    if status == 429:
        return Refusal(Outcome.RATE_LIMITED)
    if error is None:
        return Refusal(Outcome.UNAVAILABLE)
    if status == 402:
        return _refusal(AccountTrouble.CREDIT, error, now)
    if verdict := _BY_KIND.get(error.kind):
        unnamed = verdict is Outcome.RETIRED and not _NAMES_A_MODEL.search(error.message)
        return _refusal(Outcome.UNAVAILABLE if unnamed else verdict, error, now)  # another path's, not the model's
    if status == 451:
        return _refusal(AccountTrouble.PLACE, error, now)
    if status in (401, 403):
        return _refusal(AccountTrouble.KEY, error, now)
    return Refusal(Outcome.INVALID, recognized=False)


def _of_sentence_or_code(provider: Provider, error: ProviderError) -> Verdict | None:
    for code in sorted(error.codes):
        if verdict := _BY_CODE.get(code):
            return verdict
    if _BY_KIND.get(error.kind) is Outcome.RETIRED:  # its sentence names the model, as a validation's names a parameter
        return None
    for pattern in PATTERNS:
        if pattern.provider is provider and re.search(pattern.text, error.message, re.IGNORECASE | re.DOTALL):
            return pattern.verdict
    return None


def _refusal(verdict: Verdict, error: ProviderError, now: datetime) -> Refusal:
    if isinstance(verdict, Outcome):
        return Refusal(verdict)
    return Refusal(Outcome.ACCOUNT, verdict, _served_again(error, now) if verdict is AccountTrouble.LIMIT else None)


def _served_again(error: ProviderError, now: datetime) -> datetime | None:
    """Return when a spend limit ends: by the sentence, or with the month for the tier's own cap."""
    if match := _REGAIN.search(error.message):
        try:
            until = datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00")
        except ValueError:
            return None
        return until if now < until < now + _LATEST_REGAIN else None
    if "enforced_spend_limit_reached" in error.codes:
        return next_month(now, ZoneInfo("UTC"))
    return None
