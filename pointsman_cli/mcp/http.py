"""MCP over HTTP for clients on this machine: streamable HTTP on loopback, with a key of the front door."""

from collections.abc import Callable
from typing import Any

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings
from starlette.responses import PlainTextResponse

from devstack.request_guard import App, RequestGuard, Scope
from pointsman.chat_api.authenticator import ApiKeyAuthenticator
from pointsman_cli.mcp.server import PointsmanServer

MCP_PATH = "/mcp"
_HOST = "127.0.0.1"


class KeyGuard:
    """The app in front of another one: it demands a key, as the front door does."""

    def __init__(self, app: App, keeper: Callable[[], ApiKeyAuthenticator]) -> None:
        """Take the app, and the function that returns who knows the keys."""
        self._app, self._keeper = app, keeper

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass the request on, or refuse it with 401."""
        headers = {name.lower(): value for name, value in scope.get("headers", [])}
        if scope["type"] == "http" and not self._keeper().admit(headers.get(b"authorization", b"").decode("latin-1")):
            words = "Authorization: must be Bearer and a key of pointsman key create\n"
            await PlainTextResponse(words, 401, {"www-authenticate": "Bearer"})(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def mcp_app(server: PointsmanServer, port: int, keeper: Callable[[], ApiKeyAuthenticator]) -> RequestGuard:
    """Return the ASGI app: no web page and no other host gets in, and nobody without a key."""
    security = TransportSecuritySettings(allowed_hosts=[f"{_HOST}:{port}", f"localhost:{port}"])
    app = server.streamable_http_app(streamable_http_path=MCP_PATH, transport_security=security)
    return RequestGuard(KeyGuard(app, keeper))


def serve_http(server: PointsmanServer, port: int, keeper: Callable[[], ApiKeyAuthenticator]) -> None:
    """Serve until the process is interrupted."""
    uvicorn.run(mcp_app(server, port, keeper), host=_HOST, port=port, log_level="warning")
