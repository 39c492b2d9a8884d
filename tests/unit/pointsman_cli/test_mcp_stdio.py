"""What an MCP client is told of a line that is no message."""

import json

import pytest

from pointsman_cli.mcp.stdio import checked_line

PARSE_ERROR, INVALID_REQUEST = -32700, -32600
CALL = b'{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"submit_task","arguments":{"prompt":"%s"}}}'


def answers(line: bytes) -> list[tuple[object, int]]:
    """Return id and code of each answer to a line that is not passed on."""
    text, errors = checked_line(line + b"\n")
    assert text == ""
    for error in errors:
        error.model_dump_json(by_alias=True)  # else the server would end here
    return [(error.id, error.error.code) for error in errors]


@pytest.mark.parametrize(
    "line", [CALL % b"plain", CALL % b"a\\u0000b", b'\xef\xbb\xbf{"jsonrpc":"2.0","method":"x"}\r']
)
def test_message_is_passed_on(line: bytes) -> None:
    text, errors = checked_line(line + b"\n")
    assert (json.loads(text)["jsonrpc"], errors) == ("2.0", [])


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (CALL % b"half a smile \\ud83d done", (4, PARSE_ERROR)),  # NousResearch/hermes-agent 102757
        (CALL % b"latin \xe9", (4, PARSE_ERROR)),
        (CALL % b"nul \x00", (4, PARSE_ERROR)),
        (CALL.removesuffix(b"}}}") % b"cut", (4, PARSE_ERROR)),
        (CALL % (b'","deep":' + b"[" * 100_000 + b"]" * 100_000 + b',"x":"'), (4, PARSE_ERROR)),
        (b"not json", (None, PARSE_ERROR)),
        (b'{"jsonrpc":"2.0","id":1,"x":{"id":2},', (None, PARSE_ERROR)),
        (b'{"jsonrpc":"2.0","id":"\\ud83d","method":"ping"}', (None, PARSE_ERROR)),
        (b'{"jsonrpc":"2.0","id":' + b"9" * 6000 + b',"method":"ping"}', (None, PARSE_ERROR)),
        (b'{"jsonrpc":"2.0","id":"a","method":"ping","params":[1]}', ("a", INVALID_REQUEST)),
        (b'{"jsonrpc":"1.0","id":5,"method":"ping"}', (5, INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":5}', (5, INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":5.5,"method":"ping"}', (None, INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', (None, INVALID_REQUEST)),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', (None, INVALID_REQUEST)),
        (b"7", (None, INVALID_REQUEST)),
        (b"[]", (None, INVALID_REQUEST)),
    ],
)
def test_request_that_cannot_be_read_gets_an_error(line: bytes, answer: tuple[object, int]) -> None:
    assert answers(line) == [answer]


def test_each_request_of_a_batch_gets_an_error() -> None:
    ping = '{"jsonrpc":"2.0","id":%d,"method":"ping"}'
    batch = f'[{ping % 1},{{"jsonrpc":"2.0","method":"x"}},{ping % 2}]'
    assert answers(batch.encode()) == [(1, INVALID_REQUEST), (2, INVALID_REQUEST)]


@pytest.mark.parametrize(
    "line",
    [b"", b" \t", b'{"jsonrpc":"2.0","method":"x","params":[1]}', b'{"jsonrpc":"2.0","id":1,"result":"\\ud83d"}'],
)
def test_blank_line_notification_and_response_get_no_answer(line: bytes) -> None:
    assert answers(line) == []
