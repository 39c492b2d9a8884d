"""Web pages that call the front door: the headers by which a browser lets them (CORS), for named origins only."""

_EXPOSED = "x-pointsman-task-id, x-pointsman-warning, location, retry-after, x-should-retry"
_PREFLIGHT_SECONDS = 3600


def allowed(headers: dict[str, str], origins: frozenset[str]) -> dict[str, str]:
    """Return the headers of every response to a page of one of the origins; none for others."""
    origin = headers.get("origin", "")
    if origin not in origins:
        return {}
    return {
        "access-control-allow-origin": origin,
        "access-control-expose-headers": _EXPOSED,
        "vary": "origin",
    }


def preflight(headers: dict[str, str]) -> dict[str, str]:
    """Return what a page may send: whatever headers it asks for, as SDKs send a dozen of their own."""
    return {
        "access-control-allow-methods": "GET, POST",
        "access-control-allow-headers": headers.get("access-control-request-headers", "authorization, content-type"),
        "access-control-max-age": str(_PREFLIGHT_SECONDS),
    }
