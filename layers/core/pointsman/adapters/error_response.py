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
_GZIP_OR_ZLIB, _RAW_DEFLATE = 47, -15
"""`wbits` of zlib: one that tells gzip and zlib apart by their header, and one for neither."""
_GZIP_MAGIC = b"\x1f\x8b"


class ErrorResponse(Exception):  # noqa: N818  (it carries a response, and is caught by the adapter that sent the request)
    """An HTTP status of 300 and above: the providers send nobody elsewhere, so a redirect is something in between."""

    def __init__(self, status: int, headers: httpx2.Headers, body: bytes) -> None:
        super().__init__(str(status))
        self.status, self.headers = status, headers
        self.document: Any = _parsed(body)
        """The body as JSON; None when it is none."""


def raise_error_response(response: httpx2.Response) -> None:
    """Serve as an event hook of an HTTP client.

    Raises:
        ErrorResponse: The status is 300 or above, whatever can be read of the body.
    """
    if response.status_code < 300:
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
    """Return the body without gzip, of which it shows itself whatever its label says, and without deflate."""
    layers = headers.get("content-encoding", "").count(",") + 1
    while body.startswith(_GZIP_MAGIC) and layers:
        body, layers = _inflated(body, _GZIP_OR_ZLIB), layers - 1
    if "deflate" in headers.get("content-encoding", "").lower():
        return _inflated(body, _GZIP_OR_ZLIB, _RAW_DEFLATE)
    return body


def _inflated(body: bytes, *forms: int) -> bytes:
    """Return the body by the first form that it has; as it came when it has none."""
    for wbits in forms:
        try:
            return zlib.decompressobj(wbits).decompress(body, _LARGEST_BODY)
        except zlib.error:
            continue
    return body


def _parsed(body: bytes) -> Any:
    """Return the document; the one in it of a list of one, as some of Google's endpoints have it."""
    for encoding in (json.detect_encoding(body), "latin-1"):
        try:
            document = json.loads(body.decode(encoding))
        except (ValueError, RecursionError):
            continue
        return document[0] if isinstance(document, list) and len(document) == 1 else document
    return None
