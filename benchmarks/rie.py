"""A function in a process of its own under Lambda's Runtime Interface Emulator, with awslambdaric."""

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import processor
from benchmarks.places import LAMBDA, WORK, Artifact, emulator, python_of

_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
SETTINGS = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    # The emulator does not say it; Lambda does.
    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
    "POWERTOOLS_SERVICE_NAME": "pointsman",
    "POWERTOOLS_METRICS_NAMESPACE": "Pointsman",
}
"""Of every function, beside what `environment` says."""


@dataclass(frozen=True, slots=True)
class Lambda:
    """A function that waits for its first invocation, which starts it."""

    address: str
    log: Path
    emulator_pid: int

    def invoke(self, event: Any) -> tuple[Any, float]:
        """Return the answer and its milliseconds, INIT included when it is the first."""
        request = urllib.request.Request(self.address, json.dumps(event).encode())  # noqa: S310  (loopback)
        began = time.perf_counter()
        with _direct.open(request, timeout=60) as answer:
            body = answer.read()
        return json.loads(body), (time.perf_counter() - began) * 1000

    def init_ms(self) -> float:
        """Return what the emulator says that INIT took, by the clock on the wall."""
        report = _INIT.search(self.log.read_text(errors="replace"))
        if report is None:
            raise RuntimeError(f"the emulator tells no INIT: {self.log}")
        return float(report[1])

    def processor_ms(self) -> float:
        """Return the processor time that the function's process has used since it began."""
        return processor.seconds_of(processor.child_of(self.emulator_pid)) * 1000


@contextmanager
def started(artifact: Artifact, environment: Mapping[str, str] | None = None) -> Iterator[Lambda]:
    """Have a function under the emulator; nothing of it is imported before the first invocation. Writes no bytecode."""
    WORK.mkdir(parents=True, exist_ok=True)
    log, ports = WORK / "rie.log", [_free_port(), _free_port()]
    command = [str(emulator()), "--log-level", "info"]
    command += ["--runtime-interface-emulator-address", f"127.0.0.1:{ports[0]}"]
    command += ["--runtime-api-address", f"127.0.0.1:{ports[1]}"]
    command += [str(python_of(LAMBDA)), "-m", "awslambdaric", "app.handler"]
    variables = {
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": os.pathsep.join(map(str, artifact.libraries)),
        "LAMBDA_TASK_ROOT": str(artifact.code),
        "AWS_LAMBDA_FUNCTION_NAME": artifact.code.name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
        **SETTINGS,
        **(environment or {}),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=artifact.code, env=variables, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _await(ports[0])
        yield Lambda(f"http://127.0.0.1:{ports[0]}/2015-03-31/functions/function/invocations", log, process.pid)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _await(port: int) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with socket.socket() as trial:
            if trial.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError("the Runtime Interface Emulator does not listen")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
