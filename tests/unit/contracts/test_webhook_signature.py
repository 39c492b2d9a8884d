import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.client import WebhookError, verify_webhook
from pointsman.contracts.webhook import event_id, host_secret, keys_of, signed
from pointsman.values.status import Status
from tests.support.fakes import NOON
from tests.support.webhook_secrets import OTHER, SECRET, secret_of

BODY = '{"task_id":"t-1","answer":"ö"}'.encode()


def test_it_is_the_standards_signature() -> None:
    """The example secret and message id of the standard's libraries; the signature is openssl's."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    headers = signed(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", NOON.fromtimestamp(1614265330, NOON.tzinfo), body)
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_receiver_knows_it_by_the_same_secret() -> None:
    headers = {name.title(): value for name, value in signed(SECRET, "t-1_1_completed", NOON, BODY).items()}
    assert verify_webhook(headers, BODY, SECRET, now=NOON) == {"task_id": "t-1", "answer": "ö"}


def test_body_given_as_text_is_verified() -> None:
    """Lambda's events hold the body as text."""
    headers = signed(SECRET, "t-1_1_completed", NOON, BODY)
    assert verify_webhook(headers, BODY.decode(), SECRET, now=NOON) == json.loads(BODY)
    for body in (BODY.decode() + " ", "\udcff", ""):
        with pytest.raises(WebhookError):
            verify_webhook(headers, body, SECRET, now=NOON)


def test_a_key_is_replaced_without_a_gap() -> None:
    headers = signed(f"{OTHER} {SECRET}", "t-1_1_completed", NOON, BODY)
    assert len(headers["webhook-signature"].split()) == 2
    for secret in (SECRET, OTHER, f"{SECRET} {OTHER}"):
        assert verify_webhook(headers, BODY, secret, now=NOON)


def test_each_host_has_a_secret_of_its_own_that_stays_the_same() -> None:
    hosts = ("a.example", "b.example", "a.example:8443")
    secrets = {host_secret(SECRET, host) for host in hosts} | {host_secret(OTHER, hosts[0])}
    assert len(secrets) == 4
    assert host_secret(SECRET, "a.example") == "whsec_CGc4dpy/mPdyejRg88CqzssqMiloDTUMnqOmfkO6GCU="
    assert SECRET not in secrets


def test_host_s_secret_is_replaced_without_a_gap() -> None:
    headers = signed(host_secret(f"{OTHER} {SECRET}", "a.example"), "t-1_1_completed", NOON, BODY)
    assert len(headers["webhook-signature"].split()) == 2
    for stored in (SECRET, OTHER, f"{SECRET} {OTHER}"):
        assert verify_webhook(headers, BODY, host_secret(stored, "a.example"), now=NOON)
        with pytest.raises(WebhookError, match="not made with this secret"):
            verify_webhook(headers, BODY, host_secret(stored, "b.example"), now=NOON)


@pytest.mark.parametrize("seconds", [-301, 301])
def test_an_old_request_is_refused_and_one_from_the_future(seconds: int) -> None:
    headers = signed(SECRET, "id", NOON, BODY)
    with pytest.raises(WebhookError, match="5 minutes"):
        verify_webhook(headers, BODY, SECRET, now=NOON + timedelta(seconds=seconds))
    assert verify_webhook(headers, BODY, SECRET, now=NOON + timedelta(seconds=seconds * 0.99))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", [None, "", "x", "1764000000", "v1,", "v1,ö", "-5", "1e9", "٣"])
def test_signature_covers_every_part(name: str, value: str | None) -> None:
    headers = signed(SECRET, "id", NOON, BODY)
    changed = {key: entry for key, entry in {**headers, name: value}.items() if entry is not None}
    with pytest.raises(WebhookError):
        verify_webhook(changed, BODY, SECRET, now=NOON)


def test_another_body_and_another_secret_are_refused() -> None:
    headers = signed(SECRET, "id", NOON, BODY)
    for body, secret in ((BODY + b" ", SECRET), (BODY, OTHER)):
        with pytest.raises(WebhookError, match="not made with this secret"):
            verify_webhook(headers, body, secret, now=NOON)


@pytest.mark.parametrize(
    "secret",
    ["", "whsec_", SECRET.removeprefix("whsec_"), secret_of(b"a" * 23), secret_of(b"a" * 65), "whsec_ö", f"{SECRET} x"],
)
def test_invalid_secret_signs_nothing(secret: str) -> None:
    with pytest.raises(ValueError, match="must be whsec_ and 24 to 64 bytes in base64"):
        keys_of(secret)


@given(st.binary(min_size=24, max_size=64), st.binary(max_size=200))
def test_the_signature_is_over_id_time_and_body(key: bytes, body: bytes) -> None:
    headers = signed(secret_of(key), "id", NOON, body)
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


def test_the_id_is_the_ends_and_not_the_tries() -> None:
    ids = {event_id("t_1", generation, status) for generation in (1, 2) for status in (Status.COMPLETED, Status.FAILED)}
    assert ids == {"t_1_1_completed", "t_1_2_completed", "t_1_1_failed", "t_1_2_failed"}
    assert "." not in json.dumps(sorted(ids))
