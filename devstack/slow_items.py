"""Slows items of MiniStack's DynamoDB on request, as an item does that many write at once.

A table's tag `slow-items` with the value `SECONDS PREFIX` asks for it: a write of an item whose partition key begins
with the prefix takes so long, and who writes it meanwhile is refused as AWS refuses it, with `TransactionConflict`.

Like the emulator's script, this runs in MiniStack's own Python and imports nothing else of this project.
"""

import asyncio
import importlib
import json
from collections.abc import Iterator
from typing import Any

TAG = "slow-items"
_WRITES = ("PutItem", "UpdateItem", "DeleteItem")
_ONGOING = "Transaction is ongoing for the item"
type Write = tuple[str, str]
"""A table's name, and the item's partition key."""
type Response = tuple[int, dict[str, str], bytes]


def contend_slow_items() -> None:
    """Replace what answers DynamoDB's requests."""
    dynamodb = importlib.import_module("ministack.services.dynamodb")
    answer, held = dynamodb.handle_request, set[Write]()

    async def handle_request(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Any:
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        writes = list(_writes(dynamodb, action, body)) if dynamodb._tags else []
        slow = {write: seconds for write in writes if (seconds := _seconds(dynamodb, write))}
        if held & slow.keys():
            return _conflict(action, [write in held for write in writes])
        held.update(slow)
        try:
            await asyncio.sleep(max(slow.values(), default=0.0))
            return await answer(method, path, headers, body, query)
        finally:
            held.difference_update(slow)

    dynamodb.handle_request = handle_request  # type: ignore[attr-defined]


def _writes(dynamodb: Any, action: str, body: bytes) -> Iterator[Write]:
    """Yield the items that a request writes, a transaction's in their order."""
    if action not in (*_WRITES, "TransactWriteItems"):
        return
    request = json.loads(body)
    members = request["TransactItems"] if action == "TransactWriteItems" else [{action: request}]
    for member in members:
        (operation,) = member.values()
        table = operation["TableName"].rpartition("/")[2]
        attribute = dynamodb._tables[table]["pk_name"] if table in dynamodb._tables else ""
        key = (operation.get("Key") or operation.get("Item") or {}).get(attribute) or {"S": ""}
        yield table, str(*key.values())


def _seconds(dynamodb: Any, write: Write) -> float:
    """Return how long a write of the item takes; 0 unless its table's tag names it."""
    table, key = write
    arn = dynamodb._tables[table]["TableArn"] if table in dynamodb._tables else ""
    for tag in dynamodb._tags.get(arn, []):
        seconds, _, prefix = tag["Value"].partition(" ")
        if tag["Key"] == TAG and key.startswith(prefix):
            return float(seconds)
    return 0.0


def _conflict(action: str, refused: list[bool]) -> Response:
    error: dict[str, Any] = {"__type": "TransactionConflictException", "message": _ONGOING}
    if action == "TransactWriteItems":
        codes = ["TransactionConflict" if one else "None" for one in refused]
        error = {
            "__type": "TransactionCanceledException",
            "message": f"Transaction cancelled, please refer cancellation reasons for specific reasons {codes}",
            "CancellationReasons": [{"Code": code} for code in codes],
        }
    return (
        400,
        {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": error["__type"]},
        json.dumps(error).encode(),
    )
