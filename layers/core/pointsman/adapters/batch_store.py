"""The economy lane's batches in the limit table: the lane's own item, with the lease of the run that has it, and one
for each batch.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import (
    AwsClient,
    Cancelled,
    Item,
    Tables,
    Update,
    code_of,
    pack,
    patiently,
    reachable,
    transact,
    unpack,
)
from pointsman.execution.batch import BatchStage, LaneBatch, OpenBatches
from pointsman.values.errors import RetryLaterError
from pointsman.values.times import to_ms

_LANE = {"limit": "economy"}
_KEPT_FOR = timedelta(days=100)
"""As long as the rows of its entries."""
_MOST_KNOWN = 200
"""Batches that are remembered once they are done: a lost one is looked for among those of its own hour."""


class DynamoBatchStore:
    """`BatchStore` on DynamoDB."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.limits

    @reachable()
    def take(self, owner: str, until: datetime, now: datetime) -> OpenBatches | None:
        """Write a lease over one that is over."""
        update = Update().set({"lease_owner": owner, "lease_until": to_ms(until)})
        lease, ours = update.name("lease_until"), update.name("lease_owner")
        free = f"attribute_not_exists({lease}) OR {lease} <= {update.value(to_ms(now))}"
        update.only_if(f"{free} OR {ours} = {update.value(owner)}")
        try:
            item = self._write(_LANE, update)
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return None
        return OpenBatches(tuple(item.get("open", ())), tuple(item.get("known", ())))

    @reachable()
    def look(self) -> OpenBatches:
        """Return what a run would begin with, without taking the lane."""
        item = self._get(_LANE)
        return OpenBatches(tuple(item.get("open", ())), tuple(item.get("known", ())))

    @reachable()
    def let_go(self, owner: str) -> None:
        """Remove our lease."""
        update = Update().remove(["lease_until", "lease_owner"])
        update.only_if(f"{update.name('lease_owner')} = {update.value(owner)}")
        try:
            self._write(_LANE, update)
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise

    @reachable()
    def open(self, owner: str, batch: LaneBatch) -> LaneBatch:
        """Put the batch's item, and its name into the lane's, under our lease."""
        put = {"TableName": self._table, "Item": self._item(batch), "ConditionExpression": "attribute_not_exists(#k)"}
        named = _under_lease(Update().append("open", batch.batch_id), owner)
        self._transact([{"Put": {**put, "ExpressionAttributeNames": {"#k": "limit"}}}, self._update(named)])
        return batch

    @reachable()
    def read(self, batch_id: str) -> LaneBatch | None:
        """Get the item."""
        item = self._get(_key(batch_id))
        return LaneBatch.from_item(batch_id, item) if item else None

    @reachable()
    def save(self, batch: LaneBatch) -> LaneBatch:
        """Put the item over the version that was read."""
        newer = replace(batch, version=batch.version + 1)
        self._transact([self._over(batch.version, newer)])
        return newer

    @reachable()
    def close(self, owner: str, batch: LaneBatch) -> None:
        """Put the item as done, and take its name out of the lane's."""
        lane = self._get(_LANE)
        left = [name for name in lane.get("open", ()) if name != batch.batch_id]
        known = [*lane.get("known", ()), *(name for name in batch.provider_ids if batch.proven)][-_MOST_KNOWN:]
        update = _under_lease(Update().set({"open": left, "known": known}), owner)
        done = replace(batch, stage=BatchStage.DONE, version=batch.version + 1)
        self._transact([self._over(batch.version, done), self._update(update)])

    def _over(self, version: int, batch: LaneBatch) -> Item:
        return {
            "Put": {
                "TableName": self._table,
                "Item": self._item(batch),
                "ConditionExpression": "#v = :v",
                "ExpressionAttributeNames": {"#v": "version"},
                "ExpressionAttributeValues": pack({":v": version}),
            }
        }

    def _item(self, batch: LaneBatch) -> Item:
        expires_at = int((batch.until + _KEPT_FOR).timestamp())
        return pack({**_key(batch.batch_id), **batch.as_item(), "expires_at": expires_at})

    def _update(self, update: Update) -> Item:
        return {"Update": {"TableName": self._table, "Key": pack(_LANE), **update.arguments()}}

    def _transact(self, items: list[Item]) -> None:
        try:
            transact(self._client, items)
        except Cancelled:
            raise RetryLaterError("another run has the economy lane") from None

    def _get(self, key: dict[str, str]) -> Item:
        response = self._client.get_item(TableName=self._table, Key=pack(key), ConsistentRead=True)
        return unpack(response.get("Item", {}))

    def _write(self, key: dict[str, str], update: Update) -> Item:
        arguments = {"TableName": self._table, "Key": pack(key), "ReturnValues": "ALL_NEW"}
        response: Item = patiently(lambda: self._client.update_item(**arguments, **update.arguments()))
        return unpack(response["Attributes"])


def _key(batch_id: str) -> dict[str, str]:
    return {"limit": f"batch#{batch_id}"}


def _under_lease(update: Update, owner: str) -> Update:
    return update.only_if(f"{update.name('lease_owner')} = {update.value(owner)}")
