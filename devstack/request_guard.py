"""Keeps web pages and other users of this machine out of a local server: an ASGI app in front of it.

A page can send requests to any port of the machine, without reading the responses, or with a name of its own that
resolves to the machine (DNS rebinding). Browsers mark both. The emulator also runs under MiniStack's own Python, so
this module imports nothing else of this project.
"""

import hmac
import re
from collections.abc import Awaitable, Callable, Collection, Iterator
from typing import Any
from urllib.parse import parse_qs

type Scope = dict[str, Any]
type App = Callable[[Scope, Any, Any], Awaitable[None]]
type HeaderLines = list[tuple[str, str]]
"""Names in lower case."""
type OriginsOf = Callable[[str], Collection[str]]
"""Returns the origins of web pages that may call the function URL with this id."""

_OWN_HOST = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?", re.ASCII | re.IGNORECASE)
_ROOT_KEY = re.compile(r"test|\d{12}|", re.ASCII)
"""Keys that MiniStack takes for an account's root."""
OPEN_PATHS = ("/_ministack/ready",)
"""Say nothing of what the stack holds."""
PATH_KEY = "FAKE_PROVIDERS_KEY"
"""The environment variable with the random key that every path of the fake providers must begin with."""
FUNCTION_URLS = "/_aws/lambda-url/"
"""Function URLs have keys of their own; a request that is signed is held to its signature here too."""


def no_origins(url_id: str) -> Collection[str]:
    """Let no web page call a function URL."""
    del url_id
    return ()


def why_refused(
    scope: Scope, access_key: str = "", path_key: str = "", origins_of: OriginsOf = no_origins
) -> str | None:
    """Return why a request is refused; None: it is not.

    Args:
        scope: ASGI's.
        access_key: What it must be signed by, or by a key that the stack has given out; empty: by none.
        path_key: What its path must begin with; empty: with nothing.
        origins_of: Which web pages may call a function URL.
    """
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope.get("headers", [])]
    path = scope["path"]
    if _of_a_page(headers, path, origins_of):
        return "requests of web pages are refused"
    hosts = [value for name, value in headers if name == "host"]
    if len(hosts) != 1 or not _OWN_HOST.fullmatch(hosts[0]):
        return "the host is not this stack's"
    if path_key and not hmac.compare_digest(path.split("/")[1].encode(), path_key.encode()):
        return "the key in the path is not this stack's"
    if not access_key or path in OPEN_PATHS:
        return None
    keys = list(_keys(headers, scope.get("query_string", b"").decode("latin-1")))
    if not keys and path.startswith(FUNCTION_URLS):
        return None
    if not keys or any(key != access_key and _ROOT_KEY.fullmatch(key) for key in keys):
        return "the access key is not this stack's"
    return None


def _of_a_page(headers: HeaderLines, path: str, origins_of: OriginsOf) -> bool:
    """Whether a request is of a web page, and not of one that may call this function URL.

    Every browser that sends `Sec-Fetch-*` sends `Sec-Fetch-Site`; Node's `fetch` sends `Sec-Fetch-Mode` alone.
    """
    if not any(name in ("origin", "sec-fetch-site") for name, _ in headers):
        return False
    origins = [value for name, value in headers if name == "origin"]
    if len(origins) != 1 or not path.startswith(FUNCTION_URLS):
        return True
    return origins[0] not in origins_of(path.removeprefix(FUNCTION_URLS).partition("/")[0])


def _keys(headers: HeaderLines, query: str) -> Iterator[str]:
    """Yield every access key that a request names, wherever MiniStack may look for one."""
    for name, value in headers:
        if name == "authorization":
            yield from re.findall(r"Credential=([^/,\s]*)", value) or re.findall(r"^AWS ([^:]*)", value)
    for name, values in parse_qs(query, keep_blank_values=True).items():
        if name.lower() in ("x-amz-credential", "awsaccesskeyid"):
            yield from (value.split("/")[0] for value in values)


class RequestGuard:
    """The app in front of another one."""

    def __init__(
        self, app: App, *, access_key: str = "", path_key: str = "", origins_of: OriginsOf = no_origins
    ) -> None:
        """Take the app, and what requests must have, as for `why_refused`. The app sees no key in its paths."""
        self._app, self._access_key, self._path_key, self._origins_of = app, access_key, path_key, origins_of

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass the request on, or refuse it with 403."""
        requested = scope["type"] in ("http", "websocket")
        why = why_refused(scope, self._access_key, self._path_key, self._origins_of) if requested else None
        if why is None:
            await self._app(self._without_key(scope) if requested else scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            body = f"{why}\n".encode()
            headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def _without_key(self, scope: Scope) -> Scope:
        if not self._path_key:
            return scope
        length = len(self._path_key) + 1
        raw = scope.get("raw_path") or scope["path"].encode()
        return {**scope, "path": scope["path"][length:] or "/", "raw_path": raw[length:] or b"/"}
