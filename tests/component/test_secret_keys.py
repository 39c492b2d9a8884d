import pytest
from botocore.exceptions import ClientError

from pointsman.adapters.secret_keys import key_from
from pointsman.values.errors import MissingKeyError
from tests.support.aws import Aws

NAME = "/pointsman/anthropic-api-key"


def nobody() -> None:
    raise AssertionError("Parameter Store was asked")


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", " the-key\n")
    assert key_from("ANTHROPIC_API_KEY", NAME, nobody) == "the-key"


@pytest.mark.parametrize("blank", ["", "  "])
def test_then_the_parameter(aws: Aws, monkeypatch: pytest.MonkeyPatch, blank: str) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", blank)
    aws.client("ssm").put_parameter(Name=NAME, Value="stored-key\n", Type="SecureString")
    assert key_from("ANTHROPIC_API_KEY", NAME, lambda: aws.client("ssm")) == "stored-key"


def test_a_key_that_is_nowhere_is_an_error_that_names_both_places(aws: Aws) -> None:
    with pytest.raises(MissingKeyError) as caught:
        key_from("ANTHROPIC_API_KEY", NAME, lambda: aws.client("ssm"))
    assert "ANTHROPIC_API_KEY" in str(caught.value)
    assert NAME in str(caught.value)


class Closed:
    def get_parameter(self, **_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "GetParameter")


def test_a_forbidden_parameter_is_another_error() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        key_from("ANTHROPIC_API_KEY", NAME, Closed)
