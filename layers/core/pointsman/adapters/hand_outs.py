"""How many answers to a request the front door has handed out, in the limit table: one item per sender and content."""

from datetime import datetime, timedelta

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, Tables, Update, code_of, pack, patiently, unpack
from pointsman.contracts.hand_out import HandedOut
from pointsman.values.times import parse_time, to_text

PREFIX = "answered#"
"""Begins the items' keys; the front door's role may write no others."""
_KEPT_FOR = timedelta(days=102)
"""Longer than the task, whose id must not be given twice."""


class DynamoHandOuts:
    """`HandOuts` on DynamoDB."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.limits

    def read(self, request: str) -> HandedOut | None:
        """Return what is known of a request."""
        key = pack({"limit": PREFIX + request})
        response = patiently(lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True))
        item = unpack(response.get("Item", {}))
        return HandedOut(item["number"], parse_time(item["at"])) if item else None

    def record(self, request: str, number: int, at: datetime) -> None:
        """Keep that so many answers were handed out, unless more were."""
        update = Update().set({"number": number, "at": to_text(at), "expires_at": int((at + _KEPT_FOR).timestamp())})
        known = update.name("number")
        update.only_if(f"attribute_not_exists({known}) OR {known} < {update.value(number)}")
        key = pack({"limit": PREFIX + request})
        try:
            patiently(lambda: self._client.update_item(TableName=self._table, Key=key, **update.arguments()))
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
