"""Webhooks: one signed POST to an address that was looked at, and to no other."""

import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from threading import Timer
from urllib.parse import urlsplit

from pointsman.contracts.reply_to import WEBHOOK, address_of, webhook_host
from pointsman.contracts.webhook import host_secret, keys_of, signed
from pointsman.values.errors import MissingKeyError, PublishError

type Address = IPv4Address | IPv6Address

WEBHOOK_CONNECT_SECONDS = 3.0
"""For each of a host's addresses."""
WHOLE_SECONDS = 10.0
"""From the connection to the status line, however slowly it comes."""
MOST_ADDRESSES = 3
REST_SECONDS = 60.0
"""How long a host in trouble is left alone by this process: many tasks that wait for it then cost one wait."""
_UNICAST = IPv6Network("2000::/3")


def is_public(address: Address) -> bool:
    """Return whether an address is anybody's: not private, of this machine, of AWS, shared, translated or multicast.

    Of IPv6 only global unicast is: an IPv4 address inside another one (mapped, NAT64, 6to4, Teredo) never.
    """
    inside = address.version == 4 or address in _UNICAST
    return inside and address.is_global and not address.is_multicast


def is_own(address: Address) -> bool:
    """Return whether an address is this machine's."""
    return address.is_loopback


class Webhooks:
    """`Replies` to webhooks."""

    def __init__(self, secret: Callable[[], str], may_call: Callable[[Address], bool] = is_public) -> None:
        """Take what reads the stack's secret, once and when it is needed, and the rule for addresses."""
        self._read_secret, self._may_call = secret, may_call
        self._resting: dict[str, float] = {}

    @cached_property
    def _secret(self) -> str:
        secret = self._read_secret()
        try:
            keys_of(secret)
        except ValueError as rule:
            raise MissingKeyError(f"the webhooks' signing secret {rule}") from None
        return secret

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def reply(self, reply_to: str, detail: str, failed_with: str | None, event_id: str) -> bool:
        """Send the detail; False when the receiver says that it is gone (410).

        Raises:
            PublishError: it was not taken, or its host may not be called.
        """
        del failed_with  # the detail says it
        where, now = str(address_of(reply_to)), time.monotonic()
        if now < self._resting.get(where, 0.0):
            raise PublishError("left alone after trouble a moment ago")
        body = detail.encode()
        secret = host_secret(self._secret, where.removeprefix(WEBHOOK))
        headers = signed(secret, event_id, datetime.now(UTC), body)
        try:
            status = self._post(reply_to, body, {"content-type": "application/json", **headers})
        except (OSError, HTTPException) as error:
            self._resting[where] = time.monotonic() + REST_SECONDS
            raise PublishError(f"no answer: {type(error).__name__}") from None
        if 200 <= status < 300:
            return True
        if status == 410:
            return False
        if status == 429 or status >= 500:
            self._resting[where] = time.monotonic() + REST_SECONDS
        raise PublishError(f"HTTP {status}")

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Return the status of the final answer, the rest of which is not read; no redirect is followed."""
        host, port = webhook_host(url)
        addresses = self._looked_at(host, port)
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if "?" in url else "")
        connection = HTTPConnection(host, port)
        plain = _connected(addresses, port)
        # Its certificate must be the host's. The handshake too is under the timer.
        connection.sock = self._tls.wrap_socket(plain, server_hostname=host, do_handshake_on_connect=False)
        timer = Timer(WHOLE_SECONDS, _cut, [connection.sock])
        timer.daemon = True
        timer.start()
        try:
            connection.sock.do_handshake()
            headers = {"host": str(address_of(url)).removeprefix(WEBHOOK), **headers}
            connection.request("POST", path, body, {**headers, "user-agent": "pointsman", "connection": "close"})
            return _final_status(connection.sock)
        finally:
            timer.cancel()
            connection.close()

    def _looked_at(self, host: str, port: int) -> list[str]:
        """Return the host's addresses, all of which may be called."""
        infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(info[4][0]) for info in infos))
        if not all(self._may_call(ip_address(address)) for address in addresses):
            raise PublishError("its host has an address that may not be called")
        return addresses[:MOST_ADDRESSES]


def _connected(addresses: list[str], port: int) -> socket.socket:
    """Return a connection to the first of the addresses that takes one."""
    *others, last = addresses
    for address in others:
        with suppress(OSError):
            return _connection(address, port)
    return _connection(last, port)


def _connection(address: str, port: int) -> socket.socket:
    plain = socket.create_connection((address, port), timeout=WEBHOOK_CONNECT_SECONDS)
    plain.settimeout(WHOLE_SECONDS)
    return plain


def _final_status(connection: socket.socket) -> int:
    """Return the status of the final response: informational ones before it (RFC 9110, 15.2) say nothing of the end.

    101 is final: nobody asked for another protocol.
    """
    response = HTTPResponse(connection, method="POST")
    response.begin()
    while 100 <= response.status < 200 and response.status != HTTPStatus.SWITCHING_PROTOCOLS:
        response.headers = None  # type: ignore[assignment]  # `begin` reads nothing while there are some
        response.begin()
    return response.status


def _cut(connection: socket.socket) -> None:
    """End a connection under its reader."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
