"""moto's DynamoDB asked without an HTTP request of werkzeug's, whose parsing took a third of the time of every call.

What moto makes of a call's parameters, and how it answers, is moto's own.
"""

import json
import re
from functools import cache
from typing import Any

import moto.core.models
import moto.core.responses
from botocore.awsrequest import AWSPreparedRequest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.botocore_stubber import BotocoreStubber
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

_ENDPOINT = re.compile(r"https://dynamodb\.([a-z0-9-]+)\.amazonaws\.com/$")
_process_request = BotocoreStubber.process_request


def _answer(stubber: BotocoreStubber, request: AWSPreparedRequest) -> Any:
    endpoint = _ENDPOINT.match(request.url)
    if endpoint is None:
        return _process_request(stubber, request)
    handler = DynamoHandler()
    handler.headers = {name.lower(): _text(value) for name, value in request.headers.items()}
    handler.headers["Content-Type"] = handler.headers["content-type"]
    handler.querystring, handler.uri_match = {}, {}
    handler.region, handler.partition = endpoint[1], "aws"
    handler.current_account, handler.access_key = DEFAULT_ACCOUNT_ID, ""
    handler.response_headers = {"server": "amazon.com"}
    handler.params = json.loads(request.body)
    return handler.call_action()


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def install() -> None:
    """Ask DynamoDB so from now on, and leave out what moto repeats in every call or account.

    moto also keeps all that it makes to the account's end: a copy of the tables for each transaction, gigabytes in a
    long test.
    """
    BotocoreStubber.process_request = _answer  # type: ignore[method-assign]
    moto.core.responses.method_names_from_class = cache(moto.core.responses.method_names_from_class)
    moto.core.models.RESPONSES_METHODS.clear()  # the hooks of `requests`, which nothing here calls with
    for tracked in (Table, Item):
        tracked.__new__ = staticmethod(lambda made, *_, **__: object.__new__(made))  # type: ignore[method-assign,assignment]
