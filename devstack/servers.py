"""Starts the emulator and the fake providers on ports of 127.0.0.1, and waits until they answer."""

import json
import os
import secrets
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from devstack import processes
from devstack.info import ProcessRecord
from devstack.kept_state import FOLDER
from devstack.request_guard import PATH_KEY
from devstack.toolchain import MINISTACK, LocalStackError, last_line

_START_SECONDS = 60.0
_CLOSING_SECONDS = 3.0
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def start_emulator(
    environment: Mapping[str, str],
    *,
    region: str,
    access_key: str,
    token: str,
    state_dir: Path,
    port: int | None = None,
    kept_in: Path | None = None,
) -> tuple[ProcessRecord, str]:
    """Start MiniStack and return its process and address; `await_emulator` returns once it answers.

    Args:
        environment: Of the process.
        region: Of all that it holds.
        access_key: The account's root: its id, and its secret too.
        token: Marks the process and its children.
        state_dir: Where its log is written.
        port: Where it listens; by default at a free port.
        kept_in: The folder that holds its state while it does not run; by default the state ends with the process.

    Raises:
        LocalStackError: The port is taken.
    """
    port = free_port() if port is None else _checked(port)
    settings = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": region,
        "AWS_DEFAULT_REGION": region,
        # Enforces the functions' roles.
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": access_key,
        # Both would listen on all interfaces.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Docker is not needed, and MiniStack would remove the containers of another MiniStack at its start.
        "DOCKER_HOST": "unix:///dev/null/none",
        **({FOLDER: str(kept_in)} if kept_in else {}),
    }
    process = processes.start_process(
        "MiniStack",
        [str(MINISTACK.with_name("python")), str(Path(__file__).with_name("emulator.py"))],
        environment={**environment, **settings},
        token=token,
        log=state_dir / "ministack.log",
    )
    return process, f"http://127.0.0.1:{port}"


def await_emulator(process: ProcessRecord, endpoint: str) -> None:
    """Wait until MiniStack answers.

    Raises:
        LocalStackError: It exited, or did not answer in time.
    """

    def answers() -> bool:
        try:
            with _direct.open(f"{endpoint}/_ministack/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    _await(process, answers)


def start_fake_providers(environment: Mapping[str, str], *, token: str, state_dir: Path) -> ProcessRecord:
    """Start the fake providers and return their process; `await_fake_providers` returns their address.

    The address has a random key, without which nothing is answered.
    """
    port_file = _port_file(state_dir)
    port_file.unlink(missing_ok=True)
    command = [sys.executable, "-m", "devstack.fake_providers", "--port-file", str(port_file)]
    log = state_dir / "standin.log"
    keyed = {**environment, PATH_KEY: secrets.token_urlsafe(16)}
    return processes.start_process("The stand-in", command, environment=keyed, token=token, log=log)


def await_fake_providers(process: ProcessRecord, state_dir: Path) -> str:
    """Wait until the fake providers listen, and return their address.

    Raises:
        LocalStackError: They exited, or did not listen in time.
    """
    port_file = _port_file(state_dir)
    _await(process, port_file.exists)
    return str(json.loads(port_file.read_text())["url"])


def _port_file(state_dir: Path) -> Path:
    return state_dir / "standin.json"


def _await(process: ProcessRecord, condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + _START_SECONDS
    while not condition():
        if not processes.is_running(process):
            raise LocalStackError(f"{process.name} exited at once: {last_line(process.log)}", process.log)
        if time.monotonic() > limit:
            raise LocalStackError(f"{process.name} did not start within {_START_SECONDS:.0f} s", process.log)
        time.sleep(0.1)


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _checked(port: int) -> int:
    """Return the port once it can be had; the kernel takes a moment to close what a killed process listened at."""
    limit = time.monotonic() + _CLOSING_SECONDS
    while True:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as error:
            if time.monotonic() < limit:
                time.sleep(0.05)
                continue
            why = os.strerror(error.errno or 0)
            way_out = "stop what listens there, or give the stack another port for good with `pointsman up --port N`"
            raise LocalStackError(f"Port {port} of 127.0.0.1 cannot be had ({why}): {way_out}") from None
        return port
