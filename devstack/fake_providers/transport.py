"""The TCP connection of a request, which ASGI hides: to drop it on purpose, and to see that it was closed."""

import asyncio
import socket
import struct

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_EXTENSION = "pointsman.transport"
_NO_LINGER = struct.pack("ii", 1, 0)


class ExposingProtocol(HttpToolsProtocol):
    """uvicorn's protocol, with the connection's transport in the scope."""

    def on_message_begin(self) -> None:
        """Start a request's scope."""
        super().on_message_begin()
        self.scope["extensions"] = {_EXTENSION: {"transport": self.transport}}


class Connection:
    """The connection of a request."""

    def __init__(self, scope: Scope) -> None:
        self._transport: asyncio.Transport = scope["extensions"][_EXTENSION]["transport"]

    @property
    def closed(self) -> bool:
        """Whether the client or `drop` has closed the connection."""
        return self._transport.is_closing()

    def drop(self, *, reset: bool) -> None:
        """Close the connection after what was sent, or abort it with a TCP reset."""
        if not reset:
            self._transport.close()
            return
        connection: socket.socket = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()
