"""Runs the fake providers on loopback until SIGTERM or SIGINT."""

import argparse
import json
import os
import socket
from pathlib import Path

import uvicorn

from devstack.fake_providers.app import create_app
from devstack.fake_providers.transport import ExposingProtocol
from devstack.request_guard import PATH_KEY, RequestGuard

_HOST = "127.0.0.1"
_KEEP_ALIVE_SECONDS = 600
"""Longer than any client here keeps an idle connection, so that none is closed under a request."""


class _Server(uvicorn.Server):
    """A server that writes its address to a file once it listens."""

    def __init__(self, config: uvicorn.Config, port_file: Path, key: str) -> None:
        super().__init__(config)
        self._port_file, self._key = port_file, key

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        unfinished = self._port_file.with_name(f"{self._port_file.name}.{os.getpid()}")
        unfinished.touch(mode=0o600)
        unfinished.write_text(json.dumps({"url": f"http://{_HOST}:{port}" + (f"/{self._key}" if self._key else "")}))
        unfinished.replace(self._port_file)


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m devstack.fake_providers", description="Stand in for Gemini and Anthropic."
    )
    parser.add_argument(
        "--port-file", type=Path, required=True, help="file for the address, written once the server listens"
    )
    parser.add_argument("--port", type=int, default=0, help="port; by default a free one")
    parser.add_argument("--journal", type=Path, help="file to append the journal to")
    arguments, key = parser.parse_args(), os.environ.get(PATH_KEY, "")
    try:
        listener = socket.create_server((_HOST, arguments.port))
    except OSError as error:
        parser.exit(1, f"Cannot listen on {_HOST}:{arguments.port}: {os.strerror(error.errno or 0)}\n")
    # Headers and body are two writes: without this, each answer waits 40 ms for the client's delayed ACK.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    config = uvicorn.Config(
        RequestGuard(create_app(arguments.journal), path_key=key),
        loop="asyncio",
        http=ExposingProtocol,
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=1,
    )
    _Server(config, arguments.port_file, key).run(sockets=[listener])


if __name__ == "__main__":
    main()
