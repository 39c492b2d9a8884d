"""Calls the control API of the fake providers."""

import json
import urllib.request
from typing import Any

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def add_faults(url: str, rules: list[dict[str, Any]]) -> None:
    """Add fault rules."""
    _call(f"{url}/_control/faults", json.dumps(rules).encode())


def fetch_journal(url: str) -> list[dict[str, Any]]:
    """Return every request that arrived, oldest first."""
    entries: list[dict[str, Any]] = _call(f"{url}/_control/journal")["requests"]
    return entries


def fetch_batches(url: str) -> list[dict[str, Any]]:
    """Return every message batch with its entries, oldest first."""
    batches: list[dict[str, Any]] = _call(f"{url}/_control/batches")["batches"]
    return batches


def _call(url: str, body: bytes | None = None) -> Any:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310  (http, loopback)
    with _direct.open(request, timeout=10) as answer:
        return json.load(answer)
