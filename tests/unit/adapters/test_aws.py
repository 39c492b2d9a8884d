"""One TLS context for all AWS clients of a process: read once, and as strict as botocore's own."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.httpsession
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import SSLError

from pointsman.adapters import aws
from pointsman.entrypoints.stores import BotocoreSession
from tests.support.tls import Authority, receiver

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """The one that botocore trusts."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    issuer = Authority(tmp_path)
    for module in (aws, botocore.httpsession):
        monkeypatch.setattr(module, "get_cert_path", lambda _: str(issuer.bundle))
    return issuer


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the files of authorities that are read."""
    files: list[str] = []

    class Noting(ssl.SSLContext):
        def load_verify_locations(self, cafile: Any = None, *rest: Any, **options: Any) -> None:
            files.append(str(cafile))
            super().load_verify_locations(cafile, *rest, **options)

    monkeypatch.setattr(aws, "create_urllib3_context", lambda: Noting(ssl.PROTOCOL_TLS_CLIENT))
    return files


def post(session: aws.SharedTls, host: str, port: int) -> int:
    request = AWSRequest("POST", f"https://{host}:{port}/", data=b"{}").prepare()
    return int(session.send(request).status_code)


@pytest.fixture
def session(authority: Authority, read: list[str]) -> Iterator[aws.SharedTls]:
    del authority, read
    shared = aws.shared_tls(None)
    assert shared
    yield shared
    shared.close()


def test_certificates_are_read_once_for_all_connections(
    authority: Authority, session: aws.SharedTls, read: list[str]
) -> None:
    certificate = authority.certificate("localhost")
    with receiver(certificate) as one, receiver(certificate) as other:
        assert [post(session, "localhost", here.port) for here in (one, other, one)] == [204] * 3
    assert read == [str(authority.bundle)]


def test_certificate_of_an_unknown_authority_is_refused(session: aws.SharedTls, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with (
        receiver(Authority(tmp_path / "other").certificate("localhost")) as here,
        pytest.raises(SSLError, match="certificate verify failed"),
    ):
        post(session, "localhost", here.port)
    assert here.requests == []


def test_certificate_of_another_host_is_refused(authority: Authority, session: aws.SharedTls) -> None:
    with receiver(authority.certificate("example.com")) as here, pytest.raises(SSLError, match="Hostname mismatch"):
        post(session, "localhost", here.port)
    assert here.requests == []


def test_botocore_that_asks_for_its_context_in_another_way_reads_them_itself(
    authority: Authority, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(aws.SharedTls, "_get_ssl_context")
    later = aws.shared_tls(None)
    assert later
    with receiver(authority.certificate("localhost")) as here:
        assert post(later, "localhost", here.port) == 204
    assert read == []


@pytest.mark.parametrize(
    ("variable", "value"), [("https_proxy", "http://127.0.0.1:9"), ("AWS_CA_BUNDLE", "bundle.pem"), ("", "")]
)
def test_configured_proxy_or_bundle_is_left_to_botocore(
    authority: Authority, read: list[str], monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    if variable:
        monkeypatch.setenv(variable, value)
    BotocoreSession()
    assert read == ([] if variable else [str(authority.bundle)])


def test_clients_of_the_functions_send_by_it(
    authority: Authority, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    once = Config(retries={"total_max_attempts": 1})
    with receiver(authority.certificate("localhost")) as here:
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://localhost:{here.port}")
        made = BotocoreSession()
        made.client("dynamodb", config=once).list_tables()
        made.client("events", config=once).list_event_buses()
    assert [headers["X-Amz-Target"] for _, headers, _ in here.requests] == [
        "DynamoDB_20120810.ListTables",
        "AWSEvents.ListEventBuses",
    ]
    assert read == [str(authority.bundle)]


@pytest.mark.parametrize("proxy", ["", "http://127.0.0.1:9"])
def test_idle_connections_are_kept_alive_with_a_proxy_and_without(
    authority: Authority, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    """A function that is frozen between two invocations would find its connections dropped by the network."""
    del authority
    if proxy:
        monkeypatch.setenv("https_proxy", proxy)
    client = BotocoreSession()._session.create_client("dynamodb", "us-east-1", config=aws.AWS_CALLS)
    sender = aws.shared_tls(None) or client._endpoint.http_session
    assert (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1) in sender._socket_options
    assert isinstance(sender, aws.SharedTls) is not bool(proxy)
