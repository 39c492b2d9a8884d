"""DynamoDB in memory, as far as the adapters use it: some hundred times faster than moto, whose answers a test compares
with its own. `on_call` may pause, refuse or kill before and after each call.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import Item, Tables, unpack

type Key = tuple[str, ...]
type OnCall = Callable[[str, list[tuple[str, Key]], Callable[[], Item]], Item]
"""Operation, the items that it writes, and what carries it out."""

_TOKEN = re.compile(r"[\w#:][\w.#]*|<=|<>|[=<>(),]")


def refused(operation: str, code: str, **details: Any) -> ClientError:
    status = {"ResponseMetadata": {"HTTPStatusCode": 400}}
    return ClientError({"Error": {"Code": code, "Message": code}, **status, **details}, operation)  # type: ignore[typeddict-item]


@dataclass
class MemoryDynamo:
    """A client of three tables."""

    tables: Tables
    on_call: OnCall = lambda operation, keys, carry_out: carry_out()
    items: dict[str, dict[Key, Item]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._keys = {
            self.tables.tasks: ("task_id",),
            self.tables.usage: ("day_shard", "row"),
            self.tables.limits: ("limit",),
        }
        self.items = {name: {} for name in self._keys}
        self.meta = SimpleNamespace(events=SimpleNamespace(register=lambda *_, **__: None))

    def get_item(self, *, TableName: str, Key: Item, **_: Any) -> Item:
        return self.on_call("GetItem", [], lambda: self._found(TableName, Key))

    def batch_get_item(self, *, RequestItems: Item) -> Item:
        def read() -> Item:
            found = {
                table: [self._found(table, key).get("Item") for key in wanted["Keys"]]
                for table, wanted in RequestItems.items()
            }
            return {"Responses": {table: [item for item in items if item] for table, items in found.items()}}

        return self.on_call("BatchGetItem", [], read)

    def transact_get_items(self, *, TransactItems: list[Item]) -> Item:
        gets = [item["Get"] for item in TransactItems]

        def read() -> Item:
            return {"Responses": [self._found(get["TableName"], get["Key"]) for get in gets]}

        return self.on_call("TransactGetItems", [self._place(get) for get in gets], read)

    def put_item(self, **request: Any) -> Item:
        return self._single("PutItem", request)

    def update_item(self, **request: Any) -> Item:
        return self._single("UpdateItem", request)

    def transact_write_items(self, *, TransactItems: list[Item], ClientRequestToken: str) -> Item:
        requests = [next(iter(item.values())) for item in TransactItems]

        def write() -> Item:
            if ClientRequestToken in self.tokens:
                return {}
            reasons: list[Item] = [
                {"Code": "None"} if self._allowed(request) else {"Code": "ConditionalCheckFailed", **self._old(request)}
                for request in requests
            ]
            if any(reason["Code"] != "None" for reason in reasons):
                raise refused("TransactWriteItems", "TransactionCanceledException", CancellationReasons=reasons)
            for request in requests:
                self._apply(request)
            self.tokens.add(ClientRequestToken)
            return {}

        return self.on_call("TransactWriteItems", [self._place(request) for request in requests], write)

    def get_paginator(self, operation: str) -> Any:
        def query(**request: Any) -> Iterator[Item]:
            yield self.on_call("Query", [], lambda: {"Items": self._matching(request)})

        def scan(*, TableName: str, **request: Any) -> Iterator[Item]:
            condition = request.get("FilterExpression")
            items = self.items[TableName].values()
            kept = [deepcopy(item) for item in items if not condition or _Condition(condition, request, item).holds()]
            yield self.on_call("Scan", [], lambda: {"Items": kept})

        return SimpleNamespace(paginate={"query": query, "scan": scan}[operation])

    def _matching(self, request: Item) -> list[Item]:
        items, values = self.items[request["TableName"]], unpack(request["ExpressionAttributeValues"])
        if request.get("IndexName"):
            what = request["ExpressionAttributeValues"][":what"]
            wanted = [item for item in items.values() if item.get("attention") == what]
            return deepcopy(sorted(wanted, key=lambda item: unpack(item)["attention_since"]))
        within = [key for key in items if key[0] == values[":p"] and values[":a"] <= key[1] <= values[":b"]]
        return [deepcopy(items[key]) for key in sorted(within)]

    def _single(self, operation: str, request: Item) -> Item:
        def write() -> Item:
            if not self._allowed(request):
                raise refused(operation, "ConditionalCheckFailedException", **self._old(request))
            self._apply(request)
            return {"Attributes": deepcopy(self.items[request["TableName"]][self._place(request)[1]])}

        return self.on_call(operation, [self._place(request)], write)

    def _place(self, request: Item) -> tuple[str, Key]:
        key = request.get("Key") or request["Item"]
        return request["TableName"], self._key(request["TableName"], key)

    def _key(self, table: str, item: Item) -> Key:
        return tuple(str(item[name]["S"]) for name in self._keys[table])

    def _found(self, table: str, key: Item) -> Item:
        item = self.items[table].get(self._key(table, key))
        return {"Item": deepcopy(item)} if item else {}

    def _old(self, request: Item) -> Item:
        table, key = self._place(request)
        item = self.items[table].get(key)
        return {"Item": deepcopy(item)} if item else {}

    def _allowed(self, request: Item) -> bool:
        table, key = self._place(request)
        condition = request.get("ConditionExpression")
        return not condition or _Condition(condition, request, self.items[table].get(key, {})).holds()

    def _apply(self, request: Item) -> None:
        table, key = self._place(request)
        if "Item" in request:
            self.items[table][key] = deepcopy(request["Item"])
            return
        old = self.items[table].get(key) or deepcopy(request["Key"])
        self.items[table][key] = _updated(old, request)


class _Reader:
    """Tokens of an expression, and what its operands mean for an item."""

    def __init__(self, expression: str, request: Item, item: Item) -> None:
        self.tokens, self.place = _TOKEN.findall(expression), 0
        self.names, self.values = (
            request.get("ExpressionAttributeNames", {}),
            request.get("ExpressionAttributeValues", {}),
        )
        self.item = item

    def peek(self) -> str:
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, wanted: str | None = None) -> str:
        token = self.peek()
        assert token, self.tokens
        assert wanted in (None, token), (self.tokens, self.place, wanted)
        self.place += 1
        return token

    def path(self, token: str) -> list[str]:
        return [self.names.get(step, step) for step in token.split(".")]

    def stored(self, token: str) -> Item | None:
        value: Item | None = {"M": self.item}
        for step in self.path(token):
            value = value.get("M", {}).get(step) if value else None
        return value

    def operand(self) -> Item | None:
        """Return the value of a placeholder, a path or a function, in DynamoDB's notation."""
        token = self.take()
        if token.startswith(":"):
            return dict(self.values[token])
        if token == "size":
            self.take("(")
            value = self.operand()
            self.take(")")
            return None if value is None else {"N": str(len(next(iter(value.values()))))}
        if token in ("if_not_exists", "list_append"):
            self.take("(")
            first = self.operand()
            self.take(",")
            second = self.operand()
            self.take(")")
            if token == "if_not_exists":
                return second if first is None else first
            assert first is not None
            assert second is not None
            return {"L": [*first["L"], *second["L"]]}
        return self.stored(token)


class _Condition(_Reader):
    """A condition or filter."""

    def holds(self) -> bool:
        result = self._or()
        assert not self.peek(), self.tokens
        return result

    def _or(self) -> bool:
        result = self._and()
        while self.peek() == "OR":
            self.take()
            result = self._and() or result
        return result

    def _and(self) -> bool:
        result = self._not()
        while self.peek() == "AND":
            self.take()
            result = self._not() and result
        return result

    def _not(self) -> bool:
        if self.peek() == "NOT":
            self.take()
            return not self._not()
        if self.peek() == "(":
            self.take()
            result = self._or()
            self.take(")")
            return result
        return self._test()

    def _test(self) -> bool:
        if self.peek() in ("attribute_exists", "attribute_not_exists", "contains", "begins_with"):
            function = self.take()
            self.take("(")
            value = self.operand()
            argument = None
            if self.peek() == ",":
                self.take()
                argument = self.operand()
            self.take(")")
            match function:
                case "attribute_exists":
                    return value is not None
                case "attribute_not_exists":
                    return value is None
                case "contains":
                    return value is not None and argument in value.get("L", [])
                case _:
                    return value is not None and argument is not None and value["S"].startswith(argument["S"])
        left, operator, right = self.operand(), self.take(), self.operand()
        if left is None or right is None:
            return operator == "<>"
        one, other = unpack({"_": left})["_"], unpack({"_": right})["_"]
        match operator:
            case "=":
                return bool(left == right)
            case "<>":
                return bool(left != right)
            case "<":
                return bool(one < other)
            case "<=":
                return bool(one <= other)
            case ">":
                return bool(one > other)
            case _:
                raise AssertionError(operator)


def _updated(item: Item, request: Item) -> Item:
    reader, new, verb = _Reader(request["UpdateExpression"], request, item), deepcopy(item), ""
    while reader.peek():
        if reader.peek() in ("SET", "ADD", "REMOVE", ","):
            token = reader.take()
            verb = verb if token == "," else token
            continue
        path = reader.path(reader.take())
        holder = _holder(new, path[:-1])
        if verb == "REMOVE":
            holder.pop(path[-1], None)
        elif verb == "ADD":
            amount, before = reader.operand(), holder.get(path[-1], {"N": "0"})
            assert amount is not None
            holder[path[-1]] = {"N": str(int(before["N"]) + int(amount["N"]))}
        else:
            reader.take("=")
            value = reader.operand()
            assert value is not None
            holder[path[-1]] = deepcopy(value)
    return new


def _holder(item: Item, steps: Iterable[str]) -> Item:
    """Return the map that a path's last step stands in; DynamoDB refuses one that is not there."""
    for step in steps:
        if step not in item:
            raise refused("UpdateItem", "ValidationException")
        item = item[step]["M"]
    return item
