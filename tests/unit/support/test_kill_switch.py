import os
import socket

import pytest


@pytest.mark.parametrize("host", ["203.0.113.1", "generativelanguage.googleapis.com", "2001:db8::1"])
def test_connection_to_another_machine_fails(host: str) -> None:
    with pytest.raises(AssertionError, match=f"a test reached for {host}"):
        socket.create_connection((host, 443), timeout=1)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as plain:
        with pytest.raises(AssertionError, match="a test reached for"):
            plain.connect((host, 443))
        with pytest.raises(AssertionError, match="a test reached for"):
            plain.connect_ex((host, 443))


def test_connection_to_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 1) as client:
        assert client.getpeername() == server.getsockname()


def test_environment_has_no_key_and_no_account() -> None:
    assert not {"GEMINI_API_KEY", "GOOGLE_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"} & set(os.environ)
    assert os.environ["AWS_ACCESS_KEY_ID"] == "testing"
    assert "AWS_PROFILE" not in os.environ
