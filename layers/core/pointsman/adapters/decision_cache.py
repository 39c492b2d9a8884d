"""What models said of texts, in the limit table: one item a text, without the text."""

from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import batched

from pointsman.adapters.dynamo import AwsClient, Item, Tables, pack, reachable, unpack
from pointsman.routing.decision import ModelVote, Source
from pointsman.values.taxonomy import TaskType

_MOST_READ, _MOST_WRITTEN = 100, 25
"""Items that BatchGetItem and BatchWriteItem take."""


class LimitTableCache:
    """`DecisionCache` on the limit table; DynamoDB removes expired items in its own time, so each is looked at."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.limits

    @reachable()
    def recall(self, keys: Collection[str], now: datetime) -> dict[str, ModelVote]:
        """Read all keys at once; what DynamoDB leaves unread counts as not known."""
        items: list[Item] = []
        for some in batched(sorted(set(keys)), _MOST_READ, strict=False):
            request = {self._table: {"Keys": [pack({"limit": _name(key)}) for key in some]}}
            answer = self._client.batch_get_item(RequestItems=request)
            items += [unpack(item) for item in answer["Responses"].get(self._table, [])]
        return {
            item["limit"].removeprefix("decision#"): ModelVote(
                TaskType(item["type"]),
                float(item["confidence"]),
                Source(item["source"]),
                TaskType(item["also"]) if item.get("also") else None,
            )
            for item in items
            if item["expires_at"] > now.timestamp()
        }

    @reachable()
    def keep(self, told: Mapping[str, ModelVote], until: datetime) -> None:
        """Write one item a text, over what is there; what DynamoDB leaves unwritten is asked about again some day."""
        for some in batched(told.items(), _MOST_WRITTEN, strict=False):
            puts = [{"PutRequest": {"Item": pack(_item(key, vote, until))}} for key, vote in some]
            self._client.batch_write_item(RequestItems={self._table: puts})


def _item(key: str, told: ModelVote, until: datetime) -> Item:
    return {
        "limit": _name(key),
        "type": told.type,
        "confidence": told.confidence,
        "source": told.source,
        "expires_at": int(until.timestamp()),
        **({"also": told.also} if told.also else {}),
    }


def _name(key: str) -> str:
    return f"decision#{key}"
