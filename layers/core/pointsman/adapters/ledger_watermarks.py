"""How far the ledger is settled and archived, in an item of its own in the limit table."""

from datetime import date, datetime

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, Tables, Update, code_of, pack, patiently, reachable, unpack
from pointsman.ports import LedgerWatermarks
from pointsman.values.times import parse_time, to_text

_KEY = {"limit": "ledger"}


class DynamoWatermarks:
    """`WatermarkStore` on DynamoDB."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.limits

    @reachable()
    def read(self) -> LedgerWatermarks | None:
        """Return the item; None before the first sweep."""
        response = self._client.get_item(TableName=self._table, Key=pack(_KEY), ConsistentRead=True)
        if "Item" not in response:
            return None
        item = unpack(response["Item"])
        archived = item.get("archived_before")
        return LedgerWatermarks(
            begins=parse_time(item["begins"]),
            settled_before=parse_time(item["settled_before"]),
            archived_before=date.fromisoformat(archived) if archived else None,
        )

    def settled(self, since: datetime, until: datetime) -> None:
        """Move the mark, never back."""
        update = Update().set_once({"begins": to_text(since)}).set({"settled_before": to_text(until)})
        self._advance("settled_before", to_text(until), update)

    def archived(self, before: date) -> None:
        """Move the mark, never back."""
        self._advance("archived_before", before.isoformat(), Update().set({"archived_before": before.isoformat()}))

    @reachable()
    def _advance(self, name: str, to: str, update: Update) -> None:
        here = update.name(name)
        update.only_if(f"attribute_not_exists({here}) OR {here} < {update.value(to)}")
        try:
            patiently(lambda: self._client.update_item(TableName=self._table, Key=pack(_KEY), **update.arguments()))
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
