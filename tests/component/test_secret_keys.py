import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from pointsman.adapters.secret_keys import key_from
from pointsman.values.errors import MissingKeyError, StoreError
from tests.support.aws import Aws

NAME = "/pointsman/anthropic-api-key"


def nobody() -> None:
    raise AssertionError("Parameter Store was asked")


def test_the_environment_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", " the-key\n")
    assert key_from("ANTHROPIC_API_KEY", NAME, nobody) == "the-key"


def test_byte_order_mark_before_a_key_is_ignored(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the CLI stores it with `--value file://key.txt` from a file of Windows."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "\ufeffthe-key\r\n")
    assert key_from("ANTHROPIC_API_KEY", NAME, nobody) == "the-key"
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    aws.client("ssm").put_parameter(Name=NAME, Value="\ufeffstored-key\r\n", Type="SecureString")
    assert key_from("ANTHROPIC_API_KEY", NAME, lambda: aws.client("ssm")) == "stored-key"


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


class Failing:
    """A Parameter Store that answers with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_parameter(self, **_: object) -> None:
        raise self.error


def refused(code: str, status: int = 400) -> ClientError:
    response = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, "GetParameter")  # type: ignore[arg-type]


def test_a_forbidden_parameter_is_another_error() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        key_from("ANTHROPIC_API_KEY", NAME, lambda: Failing(refused("AccessDeniedException")))


@pytest.mark.parametrize(
    "error",
    [
        refused("ThrottlingException"),
        refused("InternalServerError", 500),
        EndpointConnectionError(endpoint_url="https://ssm.us-east-1.amazonaws.com"),
    ],
)
def test_throttled_parameter_store_is_a_store_out_of_reach(error: Exception) -> None:
    with pytest.raises(StoreError):
        key_from("ANTHROPIC_API_KEY", NAME, lambda: Failing(error))
