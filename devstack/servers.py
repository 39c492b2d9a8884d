"""Starts the two servers of a local stack, each on a free port of 127.0.0.1, and waits until they answer."""

import json
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from devstack import processes
from devstack.errors import LocalStackError
from devstack.info import ProcessRecord
from devstack.toolchain import MINISTACK, last_line

_START_SECONDS = 60.0
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def start_emulator(
    environment: Mapping[str, str], *, region: str, token: str, state_dir: Path
) -> tuple[ProcessRecord, str]:
    """Start MiniStack and return its process and its address; it answers once `await_emulator` has returned."""
    port = _free_port()
    settings = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": region,
        "AWS_DEFAULT_REGION": region,
        # Enforce the functions' roles. The key id `test` is the account's root.
        "AUTH": "true",
        # Both would listen on all interfaces.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Nothing here needs Docker, and at its start it would remove containers of another MiniStack.
        "DOCKER_HOST": "unix:///dev/null/none",
    }
    process = processes.start(
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
        LocalStackError: It ended, or did not answer in time.
    """

    def answers() -> bool:
        try:
            with _direct.open(f"{endpoint}/_ministack/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    _await(process, answers)


def start_standin(environment: Mapping[str, str], *, token: str, state_dir: Path) -> ProcessRecord:
    """Start the stand-in for the model providers; its address is known once `await_standin` has returned."""
    (state_dir / "standin.json").unlink(missing_ok=True)
    command = [sys.executable, "-m", "devstack.fake_providers", "--port-file", str(state_dir / "standin.json")]
    return processes.start("The stand-in", command, environment=environment, token=token, log=state_dir / "standin.log")


def await_standin(process: ProcessRecord, state_dir: Path) -> str:
    """Wait until the stand-in listens, and return its address.

    Raises:
        LocalStackError: It ended, or did not listen in time.
    """
    port_file = state_dir / "standin.json"
    _await(process, port_file.exists)
    return str(json.loads(port_file.read_text())["url"])


def _await(process: ProcessRecord, condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + _START_SECONDS
    while not condition():
        if not processes.is_running(process):
            raise LocalStackError(f"{process.name} ended at once: {last_line(process.log)}", process.log)
        if time.monotonic() > limit:
            raise LocalStackError(f"{process.name} did not start within {_START_SECONDS:.0f} s", process.log)
        time.sleep(0.1)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
