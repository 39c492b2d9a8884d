"""Anthropic's Message Batches API behind `BatchClient`: nothing is sent twice, and what happened comes back as data."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import anthropic
import httpx2

from pointsman.adapters.claude import claude_client, message_params, message_result, refused_by, unanswered
from pointsman.adapters.error_response import ErrorResponse, anthropic_error
from pointsman.execution.batch import ProviderBatch
from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.values.errors import BatchError

_READ_SECONDS = 60.0
"""For an answer that is no result; results come as a stream, which may pause so long."""
_PAGE = 100
_OVERLOADED = 529
_STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": _OVERLOADED,
}
"""The status that a message of its own would have had, by the kind of an entry's error: an entry has none."""
_NOT_PROCESSED = frozenset({"expired", "canceled"})


class ClaudeBatches:
    """`BatchClient` for Anthropic. The SDK's own retries are off: they would create a batch three times."""

    def __init__(self, key: str, base_url: str | None) -> None:
        self._client = claude_client(key, base_url)

    def create(self, requests: Iterable[tuple[str, ModelRequest]], seconds: float) -> ProviderBatch | CallResult:
        """Send one creation. Only an error in the provider's own form, below 500, says that nothing was taken."""
        entries: list[Any] = [{"custom_id": name, "params": message_params(request)} for name, request in requests]
        try:
            made = self._client.messages.batches.create(requests=entries, timeout=seconds)
        except anthropic.APIConnectionError as error:
            cause = error.__cause__
            if isinstance(cause, ErrorResponse) and not _refuses(cause):
                return CallResult(Outcome.UNKNOWN, detail=f"{cause.status}, perhaps taken")
            return unanswered(error)
        except (anthropic.APIError, AttributeError, ValueError, TypeError) as error:  # an answer that is none
            return CallResult(Outcome.UNKNOWN, detail=type(error).__name__)
        try:
            return _read(made)
        except (AttributeError, TypeError):
            return CallResult(Outcome.UNKNOWN, detail="200 without a batch in it")

    def listed(self, since: datetime) -> list[ProviderBatch]:
        """Read page after page, down to the first batch that is older."""
        found: list[ProviderBatch] = []
        try:
            for batch in self._client.messages.batches.list(limit=_PAGE, timeout=_READ_SECONDS):
                if (read := _read(batch)).created_at < since:
                    break
                found.append(read)
        except (anthropic.APIError, AttributeError, ValueError, TypeError) as error:
            raise _unreadable("list", error) from None
        return found

    def retrieve(self, provider_id: str) -> ProviderBatch | None:
        """Read what is said of a batch."""
        try:
            return _read(self._client.messages.batches.retrieve(provider_id, timeout=_READ_SECONDS))
        except anthropic.APIConnectionError as error:
            if _is_missing(error):
                return None
            raise _unreadable("retrieve", error) from None
        except (anthropic.APIError, AttributeError, ValueError, TypeError) as error:
            raise _unreadable("retrieve", error) from None

    def results(self, provider_id: str) -> Iterator[tuple[str, CallResult]]:
        """Read the results at this client's own address, whatever `results_url` names."""
        path = f"/v1/messages/batches/{provider_id}/results"
        try:
            response = self._client.get(path, cast_to=httpx2.Response, options={"timeout": _READ_SECONDS})
            lines = [json.loads(line) for line in response.text.split("\n") if line.strip()]
            entries = [(str(line["custom_id"]), line["result"]) for line in lines]
        except (anthropic.APIError, AttributeError, ValueError, TypeError, KeyError) as error:
            raise _unreadable("results", error) from None
        for custom_id, result in entries:
            yield custom_id, _read_result(result)

    def cancel(self, provider_id: str) -> None:
        """Have a batch end."""
        try:
            self._client.messages.batches.cancel(provider_id, timeout=_READ_SECONDS)
        except (anthropic.APIError, AttributeError, ValueError, TypeError) as error:
            raise _unreadable("cancel", error) from None


def _read(batch: Any) -> ProviderBatch:
    counts = batch.request_counts
    total = counts.processing + counts.succeeded + counts.errored + counts.canceled + counts.expired
    if not isinstance(batch.id, str) or not batch.id.isascii() or not isinstance(batch.created_at, datetime):
        raise TypeError
    ended = batch.processing_status == "ended"
    return ProviderBatch(
        batch.id,
        batch.created_at.astimezone(UTC),
        total,
        ended=ended,
        readable=ended and bool(batch.results_url),
        archived=batch.archived_at is not None,
    )


def _read_result(result: Any) -> CallResult:
    """Return how an entry ended. What was not processed costs nothing; what cannot be read may have cost something."""
    kind = result.get("type") if isinstance(result, dict) else None
    try:
        if kind == "succeeded":
            return _of_batch(result["message"])
        if kind == "errored":
            return _errored(result["error"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return CallResult(Outcome.UNKNOWN, detail=f"batch entry {kind}: {type(error).__name__}")
    if kind in _NOT_PROCESSED:
        return CallResult(Outcome.NOT_SENT, detail=f"batch entry {kind}", ours=True, unbilled=True)
    return CallResult(Outcome.UNKNOWN, detail="batch entry of another kind")


def _of_batch(message: Any) -> CallResult:
    result = message_result(anthropic.types.Message.construct(**message))
    tier = message.get("usage", {}).get("service_tier") if isinstance(message.get("usage"), dict) else None
    return replace(result, batch=tier in (None, "batch"), request_id=message.get("id"))


def _errored(document: Any) -> CallResult:
    """Return the meaning that the error would have as the answer to a message of its own."""
    status = _STATUSES.get(document["error"]["type"], 400)
    result = refused_by(ErrorResponse(status, httpx2.Headers(), json.dumps(document).encode()))
    return replace(result, detail=f"batch entry errored: {result.detail}", request_id=_request(document))


def _request(document: Any) -> str | None:
    request_id = document.get("request_id")
    return request_id if isinstance(request_id, str) else None


def _refuses(response: ErrorResponse) -> bool:
    """Return whether the provider itself says that it took nothing."""
    return anthropic_error(response) is not None and (response.status < 500 or response.status == _OVERLOADED)


def _is_missing(error: anthropic.APIConnectionError) -> bool:
    cause = error.__cause__
    return isinstance(cause, ErrorResponse) and cause.status == 404 and anthropic_error(cause) is not None


def _unreadable(what: str, error: Exception) -> BatchError:
    cause = error.__cause__
    why = str(cause.status) if isinstance(cause, ErrorResponse) else type(cause or error).__name__
    return BatchError(f"message batches, {what}: {why}")
