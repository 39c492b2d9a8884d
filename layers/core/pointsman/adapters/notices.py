"""What is kept of a month's caps beside its counters, in an item of its own in the limit table."""

from datetime import datetime

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, Tables, Update, code_of, pack, patiently, unpack
from pointsman.execution.budget import Cap
from pointsman.values.times import to_text

REFUSED, TOLD = "refused ", "told "
"""Before a cap's key: when it first refused a call, and when the team was told."""


def notices_key(month: str) -> str:
    """Return the item's key."""
    return f"notices#{month}"


class LimitTableNotices:
    """`Notices` on DynamoDB; `DynamoBooks.refused` writes the refusals."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.limits

    def refusing_since(self, month: str) -> dict[str, str]:
        """Return when each cap first refused a call, by the cap's key."""
        key = pack({"limit": notices_key(month)})
        response = patiently(lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True))
        item = unpack(response.get("Item", {}))
        return {name.removeprefix(REFUSED): at for name, at in item.items() if name.startswith(REFUSED)}

    def claim(self, month: str, cap: Cap, at: datetime) -> bool:
        """Write that the team is told, if nobody has; a write of ours whose answer was lost counts as made."""
        name, now = TOLD + cap.key, to_text(at)
        update = Update().set({name: now})
        update.only_if(f"attribute_not_exists({update.name(name)})")
        try:
            self._write(month, update)
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return bool(unpack(error.response.get("Item", {})).get(name) == now)
        return True

    def release(self, month: str, cap: Cap) -> None:
        """Remove that the team was told."""
        self._write(month, Update().remove([TOLD + cap.key]))

    def _write(self, month: str, update: Update) -> None:
        key = pack({"limit": notices_key(month)})
        arguments = {"TableName": self._table, "Key": key, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        patiently(lambda: self._client.update_item(**arguments, **update.arguments()))
