"""What holds for every test: no call leaves this machine, and no key or account of its user is in reach."""

import ipaddress
import os
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

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
    for name in [name for name in os.environ if name in _KEYS or name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(_DUMMIES)


_keep_inside()
_clean_environment()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    figures.show(terminalreporter)


ONE_AFTER_THE_OTHER = "stack"
"""The folder whose tests start servers and processes, or share the deployed stack."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep those in one process of a parallel run (`make test`), which begins with them: they take the longest."""
    alone = {item: _runs_alone(item) for item in items}
    for item in items:
        if alone[item]:
            item.add_marker(pytest.mark.xdist_group("stack"))
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: not alone[item])


def _runs_alone(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("stack")) or item.path.relative_to(HERE).parts[0] == ONE_AFTER_THE_OTHER


@pytest.fixture(scope="session")
def _provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator["FakeProviders"]:
    from tests.support.fake_providers import start, stop

    standin = start(tmp_path_factory.mktemp("provider"))
    yield standin
    stop(standin)


@pytest.fixture
def provider(_provider: "FakeProviders") -> "FakeProviders":
    """The stand-in alone, one for all tests of a run, without rules and journal."""
    _provider.control("DELETE", "faults")
    _provider.control("DELETE", "journal")
    return _provider


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Stack"]:
    """The deployed local stack, one for all tests of a run; the stand-in answers for both providers."""
    from devstack import local_stack
    from tests.support.local_stack import PARAMETERS, Stack
    from tests.support.tls import Authority, receiver

    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    known = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    authority = Authority(tmp_path_factory.mktemp("ca"), known)
    inherited["SSL_CERT_FILE"] = str(authority.bundle)
    with receiver(authority.certificate("localhost")) as hooks:
        parameters = {**PARAMETERS, "WebhookHosts": f"localhost:{hooks.port}", "FrontDoor": "true"}
        with local_stack(tmp_path_factory.mktemp("stack"), environ=inherited, parameters=parameters) as info:
            # As Ctrl-C: pytest takes the exit that the stack makes of it for one more failed test, and goes on.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            stack = Stack(info, hooks)
            put = stack.client("ssm").put_parameter
            put(Name="/pointsman/webhook-key", Value=stack.webhook_secret, Type="SecureString")
            yield stack
