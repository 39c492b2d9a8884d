"""The webhooks' adapter, on a receiver with TLS on this machine."""

import json
import socket
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from pointsman.adapters import webhook
from pointsman.adapters.webhook import Webhooks, is_own, is_public
from pointsman.client import WebhookError, verify_webhook
from pointsman.contracts.webhook import host_secret
from pointsman.services.intake import QueueMessage
from pointsman.values.errors import DeliveryError, MissingKeyError, PublishError
from pointsman_cli.tasks import task_document
from tests.support.aws import Aws
from tests.support.in_process import InProcess, in_process
from tests.support.router import SHIPPED, Router, build
from tests.support.tls import Authority, Receiver, receiver
from tests.support.webhook_secrets import SECRET

DETAIL = '{"task_id":"t-1","answer":"ö"}'
KEY_NAME = "/pointsman/webhook-key"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def there(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with receiver(authority.certificate("localhost")) as here:
        yield here


@pytest.fixture
def webhooks() -> Webhooks:
    return Webhooks(lambda: SECRET, is_own)


def send(webhooks: Webhooks, there: Receiver, path: str = "/hook?key=secret") -> bool:
    return webhooks.reply(f"https://localhost:{there.port}{path}", DETAIL, None, "t-1_1_completed")


def test_receiver_of_one_host_can_forge_nothing_for_another(webhooks: Webhooks, there: Receiver) -> None:
    """Once all hosts had one secret."""
    send(webhooks, there)
    ((_, headers, body),) = there.requests
    for secret in (host_secret(SECRET, "hooks.example.com"), host_secret(SECRET, "localhost"), SECRET):
        with pytest.raises(WebhookError, match="not made with this secret"):
            verify_webhook(headers, body, secret)


def test_a_receiver_gets_the_event_signed(webhooks: Webhooks, there: Receiver) -> None:
    assert send(webhooks, there)
    assert send(webhooks, there, "")
    (path, headers, body), (bare, _, _) = there.requests
    assert (path, bare, body.decode()) == ("/hook?key=secret", "/", DETAIL)
    assert verify_webhook(headers, body, host_secret(SECRET, f"localhost:{there.port}")) == json.loads(DETAIL)
    lower = {name.lower(): value for name, value in headers.items()}
    assert lower["webhook-id"] == "t-1_1_completed"
    assert (lower["host"], lower["content-type"]) == (f"localhost:{there.port}", "application/json")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_success_is_one(webhooks: Webhooks, there: Receiver, status: int) -> None:
    there.answers = [status]
    assert send(webhooks, there)


@pytest.mark.parametrize("status", [300, 301, 302, 307, 400, 401, 404])
def test_a_refusal_is_tried_again_and_no_redirect_followed(webhooks: Webhooks, there: Receiver, status: int) -> None:
    there.answers = [status]
    with pytest.raises(PublishError, match=f"^HTTP {status}$"):
        send(webhooks, there)
    assert [path for path, _, _ in there.requests] == ["/hook?key=secret"]
    assert send(webhooks, there)


@pytest.mark.parametrize("informational", [[102], [103], [100, 102, 103, 103, 199]])
@pytest.mark.parametrize(("final", "taken"), [(204, True), (410, False)])
def test_informational_responses_are_not_the_answer(
    webhooks: Webhooks, there: Receiver, informational: list[int], final: int, taken: bool
) -> None:
    there.informational, there.answers = informational, [final]
    assert send(webhooks, there) is taken
    assert len(there.requests) == 1


def test_failure_after_informational_responses_is_a_failure(webhooks: Webhooks, there: Receiver) -> None:
    there.informational, there.answers = [103], [400]
    with pytest.raises(PublishError, match=r"^HTTP 400$"):
        send(webhooks, there)
    there.informational = [101]
    with pytest.raises(PublishError, match=r"^HTTP 101$"):
        send(webhooks, there)


def test_receiver_that_answers_410_gets_no_more_requests(webhooks: Webhooks, there: Receiver) -> None:
    there.answers = [410]
    assert not send(webhooks, there)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_host_in_trouble_is_left_alone_for_a_while(
    webhooks: Webhooks, there: Receiver, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    there.answers = [status]
    with pytest.raises(PublishError, match=f"HTTP {status}"):
        send(webhooks, there)
    with pytest.raises(PublishError, match="left alone"):
        send(webhooks, there, "/other")
    assert len(there.requests) == 1
    later = time.monotonic() + webhook.REST_SECONDS
    monkeypatch.setattr(webhook.time, "monotonic", lambda: later)
    assert send(webhooks, there)


@pytest.mark.parametrize("status", [400, 428, 430, 499])
def test_a_refused_message_leaves_its_host_to_others(webhooks: Webhooks, there: Receiver, status: int) -> None:
    there.answers = [status]
    with pytest.raises(PublishError, match=f"HTTP {status}"):
        send(webhooks, there)
    assert send(webhooks, there, "/other")


def test_an_answer_that_never_ends_is_cut_off(
    webhooks: Webhooks, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "WHOLE_SECONDS", 0.3)
    there.drips, began = True, time.monotonic()
    with pytest.raises(PublishError, match="no answer"):
        send(webhooks, there)
    assert time.monotonic() - began < 5


def test_a_certificate_of_another_host_is_refused(
    webhooks: Webhooks, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
    with (
        receiver(authority.certificate("other.example")) as there,
        pytest.raises(PublishError, match="no answer: SSLCertVerificationError"),
    ):
        send(webhooks, there)
    assert there.requests == []


def test_a_certificate_of_an_unknown_authority_is_refused(
    webhooks: Webhooks, there: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(Authority(tmp_path).bundle))
    with pytest.raises(PublishError, match="no answer: SSLCertVerificationError"):
        send(webhooks, there)
    assert there.requests == []


def test_unreachable_receiver_fails_the_delivery(webhooks: Webhooks) -> None:
    with pytest.raises(PublishError, match="no answer: ConnectionRefusedError"):
        webhooks.reply("https://localhost:1/", DETAIL, None, "id")


PUBLIC = ["8.8.8.8", "52.95.110.1", "2606:4700::1111", "2a05:d018::1"]
NOT_PUBLIC = [
    *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "198.18.0.1"),
    *("169.254.169.254", "169.254.170.2", "169.254.1.1", "192.0.2.1", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b:1::1", "2002:a00:1::1"),
    *("2001::1", "100::1", "5f00::1"),
]


@pytest.mark.parametrize("address", PUBLIC)
def test_anybodys_address_may_be_called(address: str) -> None:
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_other_address_may(address: str) -> None:
    assert not is_public(ip_address(address))


class Resolver:
    """Resolves every name to other addresses each time."""

    def __init__(self, *turns: list[str]) -> None:
        self.turns = list(turns)

    def __call__(self, host: str, port: int, *_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (entry, port)) for entry in self.turns.pop(0)]


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["10.0.0.1", "8.8.8.8"]])
def test_a_host_with_a_single_address_inside_is_not_called(
    addresses: list[str], there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(addresses))
    with pytest.raises(PublishError, match="an address that may not be called"):
        send(Webhooks(lambda: SECRET), there)
    assert there.requests == []


def test_locally_none_but_this_machine_is_called(
    webhooks: Webhooks, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Resolver(["8.8.8.8"]))
    with pytest.raises(PublishError, match="an address that may not be called"):
        send(webhooks, there)


def test_the_address_that_was_looked_at_is_the_one_that_is_called(
    webhooks: Webhooks, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that resolves otherwise a moment later; the second look is socket's own, of the address itself."""
    real_lookup = socket.getaddrinfo
    looked: list[str] = []

    def rebinding(host: str, *args: Any, **options: Any) -> Any:
        looked.append(host)
        return real_lookup("127.0.0.1" if looked == ["localhost"] else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert send(webhooks, there)
    assert looked[0] == "localhost"
    assert set(looked[1:]) <= {"127.0.0.1"}


def test_an_address_that_takes_no_connection_leaves_the_next(
    webhooks: Webhooks, there: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_lookup = socket.getaddrinfo

    def two(host: str, port: int, *args: Any, **options: Any) -> Any:
        return (
            [*real_lookup("127.0.0.2", port, *args, **options), *real_lookup("127.0.0.1", port, *args, **options)]
            if host == "localhost"
            else real_lookup(host, port, *args, **options)
        )

    monkeypatch.setattr(socket, "getaddrinfo", two)
    assert send(webhooks, there)


def test_host_that_takes_no_connection_fails_in_time(webhooks: Webhooks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "WEBHOOK_CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as busy, socket.socket() as waiting:
        waiting.connect(busy.getsockname())  # fills the queue of connections that nobody accepts
        began = time.monotonic()
        with pytest.raises(PublishError, match="no answer: TimeoutError"):
            webhooks.reply(f"https://localhost:{busy.getsockname()[1]}/", DETAIL, None, "id")
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("secret", ["whsec_short", "no-prefix"])
def test_webhook_without_a_valid_secret_is_not_sent(there: Receiver, secret: str) -> None:
    with pytest.raises(MissingKeyError, match="24 to 64 bytes") as caught:
        send(Webhooks(lambda: secret, is_own), there)
    assert secret not in str(caught.value)
    assert there.requests == []


# From here on: the router, the delivery and what is shown, over the real adapters.


@pytest.fixture
def app(aws: Aws, there: Receiver) -> InProcess:
    settings = aws.settings(webhook_hosts=f"localhost:{there.port}", webhook_key_parameter=KEY_NAME)
    return in_process(settings, SHIPPED, aws.session)


@pytest.fixture
def router(aws: Aws, ledger: Any, task_table: Any, app: InProcess) -> Router:
    built = build(aws, ledger, task_table)
    object.__setattr__(built.intake.reject, "reply_places", app.runtime.settings.reply_places)
    object.__setattr__(built.intake.delivery, "replies", app.delivery.replies)
    return built


def message(there: Receiver, path: str = "/hook?key=secret", message_id: str = "m-1") -> QueueMessage:
    url = f"https://localhost:{there.port}{path}"
    return QueueMessage(
        message_id, json.dumps({"prompt": "Do it.", "task_id": "t-1", "tier": "reasoning", "reply_to": url})
    )


def test_completed_task_is_delivered_to_its_webhook(aws: Aws, router: Router, there: Receiver) -> None:
    aws.client("ssm").put_parameter(Name=KEY_NAME, Value=SECRET, Type="SecureString")
    assert router.run(message(there)) == {}
    router.intake.delivery.finish("t-1", 1, "refused")
    ((_, headers, body),) = there.requests
    event = verify_webhook(headers, body, host_secret(SECRET, f"localhost:{there.port}"))
    assert (event["task_id"], event["status"], event["reason"]) == ("t-1", "failed", "refused")
    assert router.run(message(there, "/other", "m-2")) == {}  # a duplicate, answered from the store
    assert [path for path, _, _ in there.requests] == ["/hook?key=secret", "/other"]


def test_undelivered_webhook_is_kept_and_names_the_host_only(
    aws: Aws, router: Router, app: InProcess, there: Receiver
) -> None:
    aws.client("ssm").put_parameter(Name=KEY_NAME, Value=SECRET, Type="SecureString")
    router.run(message(there))
    there.answers = [404]
    with pytest.raises(DeliveryError) as caught:
        router.intake.delivery.finish("t-1", 1, "refused")
    host = f"https://localhost:{there.port}"
    assert str(caught.value) == f"task t-1: not delivered to {host} (HTTP 404)"
    shown = task_document(app.runtime, router.task(), stand_in=False)
    assert (shown["reply_to"], shown["not_delivered_to"]) == ([host], [f"{host} (HTTP 404)"])
    assert "secret" not in json.dumps(shown)
    assert list(router.tasks.wanting_attention()) == ["t-1"]
    router.intake.delivery.finish("t-1", 1, None)
    assert [kind for kind, _ in router.bus.events] == ["Task Failed"]
    assert len(there.requests) == 2


def test_a_secret_that_is_not_stored_is_named(router: Router, there: Receiver) -> None:
    router.run(message(there))
    with pytest.raises(DeliveryError, match=f"SecureString {KEY_NAME}"):
        router.intake.delivery.finish("t-1", 1, "refused")
    assert there.requests == []


def test_a_host_that_is_not_named_is_rejected(router: Router) -> None:
    body = {"prompt": "a", "task_id": "t-1", "reply_to": "https://localhost:1/?key=secret"}
    router.run(QueueMessage("m-1", json.dumps(body)))
    ((_, attributes, _),) = router.dead.messages
    assert attributes["code"] == "reply_to_not_allowed"
    assert attributes["reason"] == "reply_to: must be a webhook at one of the hosts in parameter WebhookHosts"
