"""What the adapters' tests share: how they ask, and a provider that always answers the same."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pointsman.execution.calls import ModelRequest
from pointsman.execution.outcome import CallResult
from pointsman.ports import ModelClient

KEY = "zzqx-a-key-that-nobody-may-see"
PROMPT = "Plan the wvkq release for Friday."
SYSTEM = "Be jjqz brief."


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def asked(
    client: ModelClient, model: str, *, timeout: float = 5.0, limit: int = 1000, schema: object = None
) -> CallResult:
    """Ask, and hold that what is for people names neither the task nor the key."""
    assert schema is None or isinstance(schema, dict)
    result = client.ask(ModelRequest(model, PROMPT, SYSTEM, limit, timeout, "t-1.000001.000001", schema))
    for secret in (KEY, "zzqx", "wvkq", "jjqz", "stand-in"):
        assert secret not in result.detail
    assert len(result.detail) < 100
    return result


@contextmanager
def saying(answer: dict[str, object]) -> Iterator[tuple[str, list[bytes]]]:
    """Serve a provider that always gives this answer; yield its address and the bodies that it was sent."""
    body, sent = json.dumps(answer).encode(), list[bytes]()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", sent
        server.shutdown()
