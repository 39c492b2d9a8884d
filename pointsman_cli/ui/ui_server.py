"""Serves the pages on this machine until the process is interrupted."""

import socket
from contextlib import suppress

import uvicorn

from pointsman_cli.ui.routes import ui_app
from pointsman_cli.ui.ui_context import UiContext

LOOPBACK = "127.0.0.1"


def listening_socket(port: int) -> socket.socket:
    """Return a socket that listens on loopback; port 0 takes a free one.

    Raises:
        OSError: The port is taken.
    """
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError:
        listener.close()
        raise
    listener.listen()
    return listener


def opening_address(ui: UiContext, listener: socket.socket) -> str:
    """Return the address to open, with the secret that is good for one exchange."""
    return f"http://{LOOPBACK}:{listener.getsockname()[1]}/open?secret={ui.session.secret}"


def serve_pages(ui: UiContext, listener: socket.socket) -> None:
    """Serve until the process is interrupted."""
    with suppress(KeyboardInterrupt):  # which uvicorn raises again once it has ended
        page_server(ui, listener).run(sockets=[listener])


def page_server(ui: UiContext, listener: socket.socket) -> uvicorn.Server:
    """Return the server of the pages for a socket that listens."""
    app = ui_app(ui, listener.getsockname()[1])
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, ws="none", server_header=False, timeout_graceful_shutdown=1
    )
    return uvicorn.Server(config)
