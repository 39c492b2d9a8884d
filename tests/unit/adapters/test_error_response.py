"""Error bodies in any encoding: what the provider says is read, whatever the labels are."""

import gzip
import json
import zlib

import httpx2
import pytest

from pointsman.adapters.error_response import ErrorResponse, interpret_response, raise_error_response
from pointsman.execution.outcome import AccountTrouble, Outcome
from pointsman.routing.catalog import Provider

CREDIT = {"type": "error", "error": {"type": "invalid_request_error", "message": "Your credit balance is too low."}}
TEXT = json.dumps(CREDIT)


def error(body: bytes, status: int = 400, **headers: str) -> ErrorResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = httpx2.Response(status, headers=named, stream=httpx2.ByteStream(body))
    with pytest.raises(ErrorResponse) as raised:
        raise_error_response(response)
    return raised.value


@pytest.mark.parametrize(
    ("label", "body"),
    [
        ("", gzip.compress(TEXT.encode())),
        ("br", gzip.compress(TEXT.encode())),
        ("br", TEXT.encode()),
        ("zstd", TEXT.encode()),
        ("x-gzip", gzip.compress(TEXT.encode())),
        ("GZIP", gzip.compress(TEXT.encode())),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT.encode()))),
        ("gzip", TEXT.encode()),
        ("deflate", zlib.compress(TEXT.encode())),
        ("deflate", zlib.compress(TEXT.encode())[2:-4]),
        ("deflate", TEXT.encode()),
    ],
)
def test_content_encoding_is_what_the_body_shows(label: str, body: bytes) -> None:
    assert error(body, content_encoding=label).document == CREDIT


@pytest.mark.parametrize(
    "charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be", "latin-1"]
)
def test_charset_is_what_the_body_shows(charset: str) -> None:
    response = error(TEXT.replace("low", "l\u00f6w").encode(charset), content_type="application/json; charset=utf-8")
    _, meaning = interpret_response(Provider.ANTHROPIC, response)
    assert response.document["error"]["message"].endswith("l\u00f6w.")
    assert meaning.outcome is Outcome.INVALID


def test_list_of_one_error_is_that_error() -> None:
    google = {"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "API key expired."}}
    _, meaning = interpret_response(Provider.GEMINI, error(json.dumps([google]).encode()))
    assert meaning.account is AccountTrouble.KEY


@pytest.mark.parametrize("body", [b"", b"\x1f\x8b\x08", b"[" * 9_000, b"\xff\xfe\x00", b"[]", b"null", b"\0\0"])
def test_unreadable_body_leaves_the_status(body: bytes) -> None:
    assert interpret_response(Provider.ANTHROPIC, error(body, 429))[1].outcome is Outcome.RATE_LIMITED
    assert interpret_response(Provider.GEMINI, error(body, 404))[1].outcome is Outcome.UNAVAILABLE
