"""For every test: no call leaves this machine, and no key or account of the user is in reach."""

import atexit
import gc
import ipaddress
import os
import shutil
import signal
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tests.support import figures

if TYPE_CHECKING:
    from tests.support.fake_providers import FakeProviders
    from tests.support.local_stack import Stack

settings.register_profile("steady", deadline=None, derandomize=True, database=None)
settings.register_profile("search", deadline=None, database=None, max_examples=1000)
settings.load_profile("steady")

HERE = Path(__file__).parent
_KEYS = {"GEMINI_API_KEY", "GOOGLE_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"}
_DUMMIES = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class OutsideCallError(AssertionError):
    """A test reached for an address that is not on this machine."""


def _check(address: Any) -> None:
    if not isinstance(address, tuple):  # a Unix socket's path
        return
    host = str(address[0])
    try:
        local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    if not local:
        raise OutsideCallError(f"a test reached for {host}")


def _keep_inside() -> None:
    connect, connect_ex, create = socket.socket.connect, socket.socket.connect_ex, socket.create_connection

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _check(address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _check(address)
        return connect_ex(self, address)

    def guarded_create(address: Any, *args: Any, **options: Any) -> socket.socket:
        _check(address)  # before its name is looked up
        return create(address, *args, **options)

    socket.socket.connect = guarded_connect  # type: ignore[method-assign, assignment]
    socket.socket.connect_ex = guarded_connect_ex  # type: ignore[method-assign, assignment]
    socket.create_connection = guarded_create


def _clean_environment() -> None:
    state = tempfile.mkdtemp(prefix="pointsman-state-")
    atexit.register(shutil.rmtree, state, ignore_errors=True)
    os.environ["XDG_STATE_HOME"] = state
    for name in [name for name in os.environ if name in _KEYS or name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(_DUMMIES)


_keep_inside()
_clean_environment()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures.write_figures(terminalreporter)


SLOW_FOLDER = "tests/stack/"
"""The folder of the tests that take the longest."""
_OWN_SETUP = (
    "test_acceptance_day.py",
    "test_aws_faults.py",
    "test_demo_with_keys.py",
    "test_kept_stack.py",
    "test_kept_state.py",
    "test_provider_faults.py",
    "test_races.py",
    "test_response_mix.py",
    "test_wheel.py",
)
"""Its modules that do not use the deployed stack."""


class StackScheduling(LoadScopeScheduling):
    """In a parallel run (`make test`), one process runs all tests that share the deployed stack, since each process
    would deploy one; the other modules go to whichever process is free. That one mostly waits, so that on two
    processors there is work for three.

    `xdist_group` would say the same; xdist 3.8 writes it where pytest 9.2 does not look.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "stack" if path.startswith(SLOW_FOLDER) and not path.endswith(_OWN_SETUP) else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> StackScheduling:
    return StackScheduling(config, log)


def pytest_collection_finish() -> None:
    gc.enable()  # the frame of the functions, which a test imports, stops the collector until a handler is made


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """In a parallel run, begin with the slow tests, so that all processes end together."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not item.nodeid.startswith(SLOW_FOLDER))


@pytest.fixture(scope="session")
def provider_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator["FakeProviders"]:
    from tests.support.fake_providers import start, stop

    process = start(tmp_path_factory.mktemp("provider"))
    yield process
    stop(process)


@pytest.fixture
def provider(provider_process: "FakeProviders") -> "FakeProviders":
    """The fake providers, without rules and journal; one process for all tests of a run."""
    provider_process.control("DELETE", "faults")
    provider_process.control("DELETE", "journal")
    return provider_process


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Stack"]:
    """The deployed local stack, with both providers fake; one stack for all tests of a run."""
    from devstack import local_stack
    from tests.support.local_stack import PARAMETERS, WEB_ORIGIN, Stack
    from tests.support.tls import Authority, receiver

    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    authorities = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    authority = Authority(tmp_path_factory.mktemp("ca"), authorities)
    inherited["SSL_CERT_FILE"] = str(authority.bundle)
    with receiver(authority.certificate("localhost")) as hooks:
        door = {"FrontDoor": "true", "FrontDoorOrigins": WEB_ORIGIN}
        parameters = {**PARAMETERS, **door, "EconomyLane": "true", "WebhookHosts": f"localhost:{hooks.port}"}
        with local_stack(tmp_path_factory.mktemp("My Projects (ä)"), environ=inherited, parameters=parameters) as info:
            # As for Ctrl-C: pytest would take the stack's SystemExit for one more failed test, and go on.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            stack = Stack(info, hooks)
            put = stack.client("ssm").put_parameter
            put(Name="/pointsman/webhook-key", Value=stack.webhook_secret, Type="SecureString")
            yield stack
