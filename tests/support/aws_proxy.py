"""An HTTP proxy on 127.0.0.1 in front of an AWS endpoint that replaces or loses responses, by rule.

It has the errors that the project's clients meet: those of the JSON protocols (with a transaction's cancellation
reasons), S3's XML, and EventBridge's refusal of one entry in a response with status 200. A response is lost after AWS
has carried out the request.
"""

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

_SCOPE = re.compile(r"Credential=[^/]+/\d{8}/[^/]+/(?P<service>[^/]+)/aws4_request")
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "expect"})
_S3 = {"PUT": "PutObject", "GET": "GetObject"}


@dataclass(frozen=True)
class Answer:
    """A response in place of AWS's."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Lost:
    """The connection drops: with `forwarded`, after AWS has carried out the request."""

    forwarded: bool = True


def json_error(code: str, status: int = 400, **fields: Any) -> Answer:
    """Return an error of the AWS JSON protocols; `fields` are its members beside code and message."""
    document = {"__type": f"com.amazonaws#{code}", "message": "by a fault rule", **fields}
    return Answer(status, json.dumps(document).encode(), "application/x-amz-json-1.0")


def cancelled(*codes: str) -> Answer:
    """Return DynamoDB's refusal of a transaction, with one reason per item."""
    reasons = [{"Code": code, **({} if code == "None" else {"Message": "by a fault rule"})} for code in codes]
    return json_error("TransactionCanceledException", CancellationReasons=reasons)


def s3_error(code: str = "SlowDown", status: int = 503) -> Answer:
    """Return an error of S3."""
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>by a fault rule</Message></Error>'
    return Answer(status, text.encode(), "application/xml")


def entry_refused() -> Answer:
    """Return EventBridge's refusal of one entry, with status 200."""
    entry = {"ErrorCode": "ThrottlingException", "ErrorMessage": "by a fault rule"}
    body = json.dumps({"FailedEntryCount": 1, "Entries": [entry]})
    return Answer(200, body.encode(), "application/x-amz-json-1.1")


@dataclass
class Fault:
    """A rule: which calls get which fault, after how many, how often and how likely."""

    service: str
    """As the credential's scope names it: `dynamodb`, `states`, `events`, `sqs`, `s3`."""
    operation: str
    does: Answer | Lost
    after: int = 0
    """Matching calls that pass first."""
    times: int | None = 1
    """None is always."""
    probability: float = 1.0
    holds: str = ""
    """A part of the body; empty matches any."""
    applied: int = field(default=0, init=False)
    """Calls that the rule was applied to."""
    _seen: int = field(default=0, init=False)

    def applies(self, service: str, operation: str, body: bytes, dice: random.Random) -> bool:
        """Return whether the rule applies to this call, and count the call."""
        if (service, operation) != (self.service, self.operation) or self.holds.encode() not in body:
            return False
        self._seen += 1
        if self._seen <= self.after or self.applied == self.times or dice.random() >= self.probability:
            return False
        self.applied += 1
        return True


class AwsProxy:
    """The proxy, in threads of this process."""

    def __init__(self, upstream: str, seed: int = 20_261_122) -> None:
        self._faults: list[Fault] = []
        self._dice = random.Random(seed)
        self._lock = threading.Lock()
        self._upstream = urlsplit(upstream).netloc
        self.calls: Counter[tuple[str, str, str]] = Counter()
        """Calls by service, operation and result: `passed`, `answered`, `lost` or `dropped`."""
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    @property
    def url(self) -> str:
        """The proxy's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "AwsProxy":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def add(self, *faults: Fault) -> None:
        """Append rules; the first that applies to a call wins."""
        with self._lock:
            self._faults += faults

    def clear(self) -> None:
        """Remove all rules and counts."""
        with self._lock:
            self._faults.clear()
            self.calls.clear()

    def take(self, service: str, operation: str, body: bytes) -> Answer | Lost | None:
        """Return the fault of a call; None if it passes."""
        with self._lock:
            matching = (fault.does for fault in self._faults if fault.applies(service, operation, body, self._dice))
            effect = next(matching, None)
            kind = "answered" if isinstance(effect, Answer) else "passed"
            if isinstance(effect, Lost):
                kind = "lost" if effect.forwarded else "dropped"
            self.calls[service, operation, kind] += 1
            return effect

    def forward(self, method: str, path: str, headers: Iterable[tuple[str, str]], body: bytes) -> Answer:
        """Send the request to AWS and return its response."""
        connection = HTTPConnection(self._upstream, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                if name.lower() not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            return _read(connection.getresponse())
        finally:
            connection.close()


def _read(response: HTTPResponse) -> Answer:
    headers = tuple(pair for pair in response.getheaders() if pair[0].lower() not in {*_HOP_BY_HOP, "content-type"})
    return Answer(response.status, response.read(), response.getheader("content-type") or "", headers)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: AwsProxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        scope = _SCOPE.search(self.headers.get("authorization") or "")
        service = scope["service"] if scope else ""
        target = self.headers.get("x-amz-target") or ""
        operation = _S3.get(self.command, self.command) if service == "s3" else target.rpartition(".")[2]
        effect = self.server.proxy.take(service, operation, body)
        if isinstance(effect, Lost):
            if effect.forwarded:
                self.server.proxy.forward(self.command, self.path, self.headers.items(), body)
            self.close_connection = True
            return
        self._respond(effect or self.server.proxy.forward(self.command, self.path, self.headers.items(), body))

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _serve

    def _respond(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the tests read `calls`."""
