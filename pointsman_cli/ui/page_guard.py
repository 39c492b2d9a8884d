"""The app in front of the pages: it lets in the browser that opened the printed address, and nobody else.

Web pages of other origins can send requests to any port of this machine, also under a name of their own that resolves
to it (DNS rebinding). Browsers say both, in `Host`, `Origin` and `Sec-Fetch-Site`; a process of another user lacks the
cookie.
"""

from collections.abc import Sequence
from http.cookies import CookieError, SimpleCookie
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import Message

from devstack.request_guard import App, HeaderLines, Scope
from pointsman_cli.ui.browser_session import BrowserSession

OPENING_PATH = "/open"
"""Where the printed address leads: the only path without a cookie."""
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": PAGE_POLICY,
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_READING = ("GET", "HEAD")


class PageGuard:
    """Checks each request, and puts the headers that keep a page to itself on each response."""

    def __init__(self, app: App, session: BrowserSession, port: int) -> None:
        self._app, self._session = app, session
        self._host = f"127.0.0.1:{port}"
        self.cookie_name = f"pointsman-ui-{port}"
        """Cookies are sent to every port of a host, so that two windows need two names."""

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass the request on, or refuse it with 403."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        why = self.why_refused(scope)
        app = self._app if why is None else PlainTextResponse(f"{why}\n", 403)
        await app(scope, receive, send_guarded)

    def why_refused(self, scope: Scope) -> str | None:
        """Return why a request gets nothing; None: it gets what it asks for."""
        headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        if _values(headers, "host") != [self._host]:
            return "The host is not this page's."
        opening = scope["path"] == OPENING_PATH and scope["method"] in _READING
        if not self._comes_from_here(headers, reading=scope["method"] in _READING, opening=opening):
            return "Requests of other pages are refused."
        if not opening and not self._session.is_open(_cookie(headers, self.cookie_name)):
            return "Open the address that `pointsman ui` has printed; it works once. Run it again for another one."
        return None

    def _comes_from_here(self, headers: HeaderLines, *, reading: bool, opening: bool) -> bool:
        """Whether a request is one of these pages, or of the address bar.

        Under `no-referrer` a browser says `Origin: null` for a form of its own origin; `Sec-Fetch-Site` says so then.
        """
        origins, sites = _values(headers, "origin"), _values(headers, "sec-fetch-site")
        if len(origins) > 1 or len(sites) > 1:
            return False
        origin, site = next(iter(origins), None), next(iter(sites), None)
        if origin not in (None, f"http://{self._host}") and not (origin == "null" and site == "same-origin"):
            return False
        if site not in (None, "same-origin", "none") and not opening:
            return False
        return reading or origin == f"http://{self._host}" or site == "same-origin"


def _values(headers: HeaderLines, wanted: str) -> Sequence[str]:
    return [value for name, value in headers if name == wanted]


def _cookie(headers: HeaderLines, name: str) -> str:
    """Return the cookie's value; empty for none."""
    for line in _values(headers, "cookie"):
        try:
            morsel = SimpleCookie(line).get(name)
        except CookieError:
            continue
        if morsel:
            return morsel.value
    return ""
