"""What both providers' answers have in common: text that may hold half a character, usage that cannot be, refusals."""

from pointsman.adapters.error_response import ErrorResponse
from pointsman.execution.outcome import CallResult
from pointsman.execution.refusals import ProviderError, Refusal
from pointsman.values.usage import Usage

_MOST_TOKENS = 1_000_000_000
"""A thousand of the largest context windows."""


def storable(text: str) -> str:
    """Return the text with lone surrogates replaced: an answer cut within a character has one, no store takes it."""
    return text.encode(errors="replace").decode()


def counted(usage: Usage) -> Usage | None:
    """Return the usage; None when one of its counts is no count, such as a text, a fraction or a number beyond any."""
    return usage if all(type(count) is int and count < _MOST_TOKENS for count in usage.as_dict().values()) else None


def usage_doubt(usage: Usage | None, text: str, total: int | None = None) -> str:
    """Return why the stated usage cannot be what is billed; empty when it can, or when there is none.

    `total` is the tokens in all by the answer's own word, where it says so.
    """
    if usage is None:
        return ""
    if min(usage.as_dict().values()) < 0:
        return "negative usage"
    if usage.prompt == 0 or (text and usage.output == 0):
        return "text without tokens"
    if usage.thinking > usage.output:
        return "more thinking than output"
    if total is not None and total != usage.total:
        return f"total {'above' if total > usage.total else 'below'} the sum"
    return ""


def refused(
    response: ErrorResponse, error: ProviderError | None, meaning: Refusal, hint: float | None, request_id: str | None
) -> CallResult:
    """Return the result of an error response, which bills nothing; the detail holds no text of the provider."""
    kind = error.kind[:40] if error else "not in the provider's own form"
    reason = f" ({meaning.account})" if meaning.account else "" if meaning.recognized else ", not recognized"
    return CallResult(
        meaning.outcome,
        retry_after=None if meaning.until else hint,
        until=meaning.until,
        request_id=request_id,
        detail=f"{response.status} {kind}{reason}",
        account=meaning.account,
        recognized=meaning.recognized,
        unbilled=True,
    )
