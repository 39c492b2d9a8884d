"""DynamoDB's ways: its types, its retryable refusals, and the names of our attributes."""

import json
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import uuid4

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError

from pointsman.values.errors import StoreError

type AwsClient = Any
type Item = dict[str, Any]

MOST_CONFLICTS = 12
"""Tries before a conflict is given back to the caller: full jitter from 20 ms doubling to 1 s, about 4 s together."""

_CONFLICT = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_THROTTLED = frozenset(
    {"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "SlowDown"}
)


@dataclass(frozen=True, slots=True)
class Tables:
    """The three tables' names."""

    tasks: str
    usage: str
    limits: str


class Cancelled(Exception):  # noqa: N818
    """A transaction was refused by a condition. `reasons` has one entry per item: the item that stood in the way,
    `{}` when there was none, or None where the condition held.
    """

    def __init__(self, reasons: list[Item | None]) -> None:
        super().__init__("a condition of the transaction failed")
        self.reasons = reasons


def pack(values: Mapping[str, Any]) -> Item:
    """Return attributes in DynamoDB's notation; None and what is empty is left out."""
    return {name: _stated(value) for name, value in values.items() if value or value == 0}


def unpack(item: Mapping[str, Any]) -> Item:
    """Return plain values; whole numbers as int."""
    return {name: stated["S"] if "S" in stated else _value(stated) for name, stated in item.items()}


def leave_items(client: AwsClient) -> None:
    """Have the client hand out a Query's items as they came.

    By default botocore walks through the shape of every attribute, which takes more time than all the rest of reading
    and adding up. The items are equal, but for binary values, which no table has.
    """
    client.meta.events.register("before-parse.dynamodb.Query", _take_items, unique_id="leave_items")


def _take_items(response_dict: Item, customized_response_dict: Item, **_: Any) -> None:
    if response_dict["status_code"] == 200:
        answer = json.loads(response_dict["body"])
        customized_response_dict["Items"] = answer.pop("Items", [])
        response_dict["body"] = json.dumps(answer).encode()


def _value(stated: Mapping[str, Any]) -> Any:
    ((kind, value),) = stated.items()
    if kind == "N":
        return int(value) if value.isdecimal() else _number(Decimal(value))
    if kind in ("S", "BOOL"):
        return value
    if kind == "M":
        return unpack(value)
    if kind == "L":
        return [_value(entry) for entry in value]
    if kind == "NULL":
        return None
    raise TypeError(f"no table has a {kind}")


def _stated(value: Any) -> Item:
    """Return a value in DynamoDB's notation, as boto3's `TypeSerializer` does.

    Its many questions took a third of an attempt's own time, and importing it brings all of boto3.
    """
    if isinstance(value, str):
        return {"S": str(value)}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, dict):
        return {"M": {key: _stated(inner) for key, inner in value.items()}}
    if isinstance(value, (list, tuple)):
        return {"L": [_stated(inner) for inner in value]}
    if isinstance(value, float):
        return {"N": str(Decimal(str(value)))}
    if value is None:
        return {"NULL": True}
    raise TypeError(f"no table has a {type(value).__name__}")


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


class Update:
    """An update expression in the making: placeholders for every name, so that no reserved word can be hit."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._values: Item = {}
        self._parts: dict[str, list[str]] = {"SET": [], "REMOVE": [], "ADD": []}
        self._conditions: list[str] = []

    def name(self, path: str | tuple[str, ...]) -> str:
        """Return the placeholder of an attribute, or of a path into a map."""
        if isinstance(path, str):
            return self._names.get(path) or self._names.setdefault(path, f"#n{len(self._names)}")
        return ".".join(map(self.name, path))

    def value(self, value: Any) -> str:
        """Return the placeholder of a value."""
        placeholder = f":v{len(self._values)}"
        self._values[placeholder] = _stated(value)
        return placeholder

    def set(self, values: Mapping[str, Any]) -> "Update":
        """Set attributes; None is left out."""
        for path, value in values.items():
            if value is not None:
                self._parts["SET"].append(f"{self.name(path)} = {self.value(value)}")
        return self

    def set_once(self, values: Mapping[str, Any]) -> "Update":
        """Set attributes that are not there yet."""
        for path, value in values.items():
            here = self.name(path)
            self._parts["SET"].append(f"{here} = if_not_exists({here}, {self.value(value)})")
        return self

    def set_path(self, path: tuple[str, ...], value: Any) -> "Update":
        """Set an entry of a map that exists."""
        self._parts["SET"].append(f"{self.name(path)} = {self.value(value)}")
        return self

    def append(self, name: str, entry: Any) -> "Update":
        """Append an entry to a list, which may not be there yet."""
        here = self.name(name)
        self._parts["SET"].append(
            f"{here} = list_append(if_not_exists({here}, {self.value([])}), {self.value([entry])})"
        )
        return self

    def add(self, amounts: Mapping[str, int]) -> "Update":
        """Add to counters; one that is not there yet starts at 0."""
        for name, amount in amounts.items():
            if amount:
                self._parts["ADD"].append(f"{self.name(name)} {self.value(amount)}")
        return self

    def remove(self, paths: Iterable[str | tuple[str, ...]]) -> "Update":
        """Remove attributes, or entries of a map."""
        self._parts["REMOVE"] += [self.name(path) for path in paths]
        return self

    def only_if(self, condition: str) -> "Update":
        """Add a condition, written with placeholders; all of them must hold."""
        self._conditions.append(f"({condition})")
        return self

    def arguments(self) -> Item:
        """Return the expressions for UpdateItem or for an Update in a transaction."""
        expression = " ".join(f"{verb} {', '.join(parts)}" for verb, parts in self._parts.items() if parts)
        arguments: Item = {"UpdateExpression": expression}
        if self._names:
            arguments["ExpressionAttributeNames"] = {short: name for name, short in self._names.items()}
        if self._values:
            arguments["ExpressionAttributeValues"] = self._values
        if self._conditions:
            arguments["ConditionExpression"] = " AND ".join(self._conditions)
        return arguments


def transact(client: AwsClient, items: list[Item]) -> None:
    """Write all items or none; conflicts and throttling are tried again with full jitter, which boto3 does not do.

    Raises:
        Cancelled: a condition failed.
    """
    token = str(uuid4())  # one for all tries: what was written, its answer lost, is not refused by its own conditions
    try:
        patiently(lambda: client.transact_write_items(TransactItems=items, ClientRequestToken=token))
    except ClientError as error:
        if code_of(error) != "TransactionCanceledException":
            raise
        reasons = error.response.get("CancellationReasons", [])
        if not any(reason.get("Code") == "ConditionalCheckFailed" for reason in reasons):
            raise
        raise Cancelled(
            [
                unpack(reason.get("Item", {})) if reason.get("Code") == "ConditionalCheckFailed" else None
                for reason in reasons
            ]
        ) from None


def batch_get(client: AwsClient, request: Item) -> dict[str, list[Item]]:
    """Return each table's items; keys that DynamoDB left out are asked for again, with full jitter.

    Args:
        client: DynamoDB's.
        request: BatchGetItem's `RequestItems`, at most 100 keys together.

    Raises:
        StoreError: keys were left out time and again: the tables are throttled.
    """
    items_by_table: dict[str, list[Item]] = {}
    for attempt in range(MOST_CONFLICTS):
        response = client.batch_get_item(RequestItems=request)
        for table, items in response["Responses"].items():
            items_by_table.setdefault(table, []).extend(unpack(item) for item in items)
        if not (request := response.get("UnprocessedKeys", {})):
            return items_by_table
        _pause(attempt)
    raise StoreError("BatchGetItem: keys left out")


def patiently[T](write: Callable[[], T], most_tries: int = MOST_CONFLICTS) -> T:
    """Return what `write` returns, trying again while another transaction is in its way."""
    for attempt in range(most_tries):
        try:
            return write()
        except ClientError as error:
            if not _passing(error) or attempt == most_tries - 1:
                raise
            _pause(attempt)
    raise AssertionError


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0, min(0.02 * 2 ** min(attempt, 10), 1.0)))  # noqa: S311


def _passing(error: ClientError) -> bool:
    code = code_of(error)
    if code == "TransactionCanceledException":
        codes = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
        return bool(codes & _CONFLICT) and "ConditionalCheckFailed" not in codes
    return code in {"TransactionConflictException", "TransactionInProgressException"}


@contextmanager
def reachable() -> Iterator[None]:
    """Say of a call that AWS could not serve that it may be made again later; what AWS refused stays as it is.

    Raises:
        StoreError: no connection, an answer that was lost, an error of AWS itself, throttling or a lasting conflict.
    """
    try:
        yield
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status >= 500 or code_of(error) in _THROTTLED or _passing(error):
            raise StoreError(f"{error.operation_name}: {code_of(error)}") from error
        raise
    except (ConnectionError, HTTPClientError, IncompleteReadError) as error:
        raise StoreError(type(error).__name__) from error


def code_of(error: ClientError) -> str:
    """Return the error's code."""
    return str(error.response["Error"]["Code"])
