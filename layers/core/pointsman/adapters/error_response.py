"""A provider's error response, read before its SDK sees it: the status counts even where the body cannot be read."""

import json
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import httpx2

from pointsman.execution.refusals import ProviderError, Refusal, interpret_refusal
from pointsman.routing.catalog import Provider

_LARGEST_BODY = 65_536
"""Bytes that are read of an error's body."""
_GZIP_OR_ZLIB = 47
"""`wbits` of zlib that tells the two apart by their header."""


class ErrorResponse(Exception):  # noqa: N818  (it carries a response, and is caught by the adapter that sent the request)
    """An HTTP status of 400 and above."""

    def __init__(self, status: int, headers: httpx2.Headers, body: bytes) -> None:
        super().__init__(str(status))
        self.status, self.headers = status, headers
        self.document: Any = _parsed(body)
        """The body as JSON; None when it is none."""


def raise_error_response(response: httpx2.Response) -> None:
    """Serve as an event hook of an HTTP client.

    Raises:
        ErrorResponse: The status is 400 or above, whatever can be read of the body.
    """
    if response.status_code < 400:
        return
    body = b""
    try:
        for chunk in response.iter_raw():
            body += chunk
            if len(body) >= _LARGEST_BODY:
                break
    except httpx2.HTTPError:  # cut short: the status is known all the same
        pass
    raise ErrorResponse(response.status_code, response.headers, _decoded(body, response.headers))


def interpret_response(provider: Provider, response: ErrorResponse) -> tuple[ProviderError | None, Refusal]:
    """Return the error in the provider's own form, None when something else wrote the response, and what it means."""
    error = gemini_error(response) if provider is Provider.GEMINI else anthropic_error(response)
    return error, interpret_refusal(provider, response.status, error, datetime.now(UTC))


def anthropic_error(response: ErrorResponse) -> ProviderError | None:
    """Return the error in Anthropic's own form; None when something else wrote the response.

    Form: `{"type": "error", "error": {"type", "message", "details"?}, "request_id"}` (platform.claude.com, 2026-08-21).
    The outer `type` may be missing where the header `request-id` shows that the API answered: its edge leaves out both.
    """
    document = response.document
    enveloped = isinstance(document, dict) and document.get("type", "error" if _from_api(response) else None) == "error"
    error = document.get("error") if enveloped else None
    if not isinstance(error, dict) or not isinstance(error.get("type"), str):
        return None
    details = error.get("details")
    code = details.get("error_code") if isinstance(details, dict) else None
    codes = frozenset({code}) if isinstance(code, str) else frozenset[str]()
    return ProviderError(error["type"], str(error.get("message", "")), codes)


def _from_api(response: ErrorResponse) -> bool:
    return str(response.headers.get("request-id", "")).startswith("req_")


def gemini_error(response: ErrorResponse) -> ProviderError | None:
    """Return the error in Google's own form; None when something else wrote the response.

    Form: `{"error": {"code", "message", "status", "details"?}}` (ai.google.dev, 2026-09).
    """
    document = response.document
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("status"), str) or not error["status"].isupper():
        return None
    reasons = [entry.get("reason") for entry in gemini_details(response)]
    codes = frozenset(reason for reason in reasons if isinstance(reason, str))
    return ProviderError(error["status"], str(error.get("message", "")), codes)


def gemini_details(response: ErrorResponse) -> list[Mapping[str, Any]]:
    """Return the entries of `error.details` of Google's form."""
    error = response.document.get("error") if isinstance(response.document, dict) else None
    details = error.get("details") if isinstance(error, dict) else None
    return [entry for entry in details if isinstance(entry, dict)] if isinstance(details, list) else []


def _decoded(body: bytes, headers: httpx2.Headers) -> bytes:
    """Return the body without its content encoding; as it came when the label lies."""
    if headers.get("content-encoding", "identity").strip().lower() not in ("gzip", "deflate"):
        return body
    try:
        return zlib.decompressobj(_GZIP_OR_ZLIB).decompress(body, _LARGEST_BODY)
    except zlib.error:
        return body


def _parsed(body: bytes) -> Any:
    for encoding in ("utf-8-sig", "utf-16", "latin-1"):
        try:
            return json.loads(body.decode(encoding))
        except (ValueError, RecursionError):
            continue
    return None
