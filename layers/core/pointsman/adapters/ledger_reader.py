"""The ledger's rows and counters, as the report, the sweep and the archive read them."""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from itertools import batched, chain

from pointsman.adapters import budget_items
from pointsman.adapters.dynamo import AwsClient, Item, Tables, leave_items, pack, patiently, reachable, unpack
from pointsman.adapters.ledger_rows import merged
from pointsman.adapters.shards import Row, in_shards
from pointsman.execution.ledger_keys import RowKey
from pointsman.values.times import to_text, utc_days

MOST_READ_CONFLICTS = 40
"""Tries to read the counters while calls write them, about half a minute together: only sweep and report wait so."""
_KEYS_ONLY = ("day_shard", "row", "kind", "outcome", "counters_due")


class DynamoLedgerReader:
    """`LedgerReader` on DynamoDB."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._tables = client, tables

    def shards(self, since: datetime, until: datetime, attributes: tuple[str, ...] = ()) -> Iterator[Iterator[Row]]:
        """Yield each shard's rows in the order of their intents, read ahead; all attributes unless some are named."""
        return in_shards(
            lambda day, shard: self.partition(day, shard, since, until, attributes), utc_days(since, until)
        )

    def rows(self, since: datetime, until: datetime) -> Iterable[Row]:
        """Return the rows of all shards."""
        return chain.from_iterable(self.shards(since, until))

    def open_intents(self, since: datetime, until: datetime) -> Iterable[RowKey]:
        """Return the keys of that time's intents without an outcome, or with one whose counters are due; little but
        keys is fetched.
        """
        for row in chain.from_iterable(self.shards(since, until, _KEYS_ONLY)):
            if row["kind"] == "attempt" and ("outcome" not in row or "counters_due" in row):
                yield RowKey(row["day_shard"], row["row"])

    @reachable()
    def counters(self, month: str, through: int = 0) -> dict[str, int]:
        """Return a month's counters and those of its days up to that one. The items of each are read at one moment, so
        that an amount which moves from one to the other is never counted twice.
        """
        keys = budget_items.month_keys(month, through)
        gets = [{"Get": {"TableName": self._tables.limits, "Key": pack({"limit": key})}} for key in keys]
        entries = chain.from_iterable(self._snapshot(list(part)) for part in batched(gets, 24, strict=False))
        return budget_items.counters_of(unpack(entry["Item"]) for entry in entries if entry.get("Item"))

    def _snapshot(self, gets: list[Item]) -> list[Item]:
        read = self._client.transact_get_items
        responses: list[Item] = patiently(lambda: read(TransactItems=gets)["Responses"], MOST_READ_CONFLICTS)
        return responses

    def partition(
        self, day: date, shard: int, since: datetime, until: datetime, attributes: tuple[str, ...] = ()
    ) -> Iterator[Row]:
        """Yield one shard of one UTC day, a page at a time."""
        names = {f"#{name}": name for name in ("row", *attributes)}
        projection: Item = {"ProjectionExpression": ", ".join(f"#{name}" for name in attributes)} if attributes else {}
        leave_items(self._client)
        pages = self._client.get_paginator("query").paginate(
            TableName=self._tables.usage,
            KeyConditionExpression="day_shard = :p AND #row BETWEEN :a AND :b",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=pack({":p": f"{day}#{shard}", ":a": to_text(since), ":b": to_text(until)}),
            ConsistentRead=True,
            **projection,
        )
        return merged(unpack(item) for page in pages for item in page["Items"])
