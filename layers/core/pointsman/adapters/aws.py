"""How AWS is called: for how long, how often, and with one TLS context for all clients of a process."""

import socket
import ssl
from typing import Any
from urllib.request import getproxies

from botocore.config import Config
from botocore.httpsession import URLLib3Session, create_urllib3_context, get_cert_path

AWS_CALLS = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5}, tcp_keepalive=True
)


class SharedTls(URLLib3Session):  # type: ignore[misc]  # botocore has no types
    """botocore's HTTP client, but its connections share a context that holds the certificates already.

    botocore reads the file of authorities for each connection, which takes 18 ms of a processor; a cold function opens
    three or four. The authorities are the same, and so is the check. Where a later botocore asks for its context in
    another way, its own way holds.
    """

    _holds_authorities = False

    def _get_ssl_context(self) -> ssl.SSLContext:
        context: ssl.SSLContext = create_urllib3_context()
        context.load_verify_locations(get_cert_path(True))
        self._holds_authorities = True
        return context

    def _setup_ssl_cert(self, conn: Any, url: str, verify: Any) -> None:
        super()._setup_ssl_cert(conn, url, verify)
        if self._holds_authorities:
            conn.ca_certs = None  # else they are read again


def shared_tls(ca_bundle: str | None) -> SharedTls | None:
    """Return what sends the requests of all clients; None where a proxy or a bundle of authorities is configured, which
    botocore's own client knows how to use.
    """
    if ca_bundle or getproxies():
        return None
    timeouts = AWS_CALLS.connect_timeout, AWS_CALLS.read_timeout
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    return SharedTls(timeout=timeouts, socket_options=options)


def send_by(session: SharedTls, client: Any) -> Any:
    """Return the client, which sends its requests by that session from now on."""
    client.meta.events.register("before-send", lambda request, **_: session.send(request), unique_id="shared_tls")
    return client
