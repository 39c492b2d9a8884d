"""The front door's keys, in one item of the limit table."""

from dataclasses import asdict
from datetime import datetime

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, Tables, Update, code_of, pack, patiently, unpack
from pointsman.contracts.api_key import ApiKey
from pointsman.values.times import to_text

ITEM = "door_keys"
"""The item's key, which is all that the front door's role may read of the table."""
_KEY = "key "
"""Before a key's name."""


class DynamoApiKeys:
    """`ApiKeyStore` on DynamoDB."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.limits

    def read(self) -> list[ApiKey]:
        """Return all keys, revoked ones too, by name."""
        response = patiently(lambda: self._client.get_item(TableName=self._table, Key=pack({"limit": ITEM})))
        item = unpack(response.get("Item", {}))
        return [
            ApiKey(name=name.removeprefix(_KEY), **fields)
            for name, fields in sorted(item.items())
            if name.startswith(_KEY)
        ]

    def create(self, key: ApiKey) -> bool:
        """Store a key; False when its name is taken."""
        kept = {name: value for name, value in asdict(key).items() if name != "name" and value not in (None, False)}
        update = Update().set({_KEY + key.name: kept})
        return self._write(update.only_if(f"attribute_not_exists({update.name(_KEY + key.name)})"))

    def revoke(self, name: str, at: datetime) -> bool:
        """Revoke a key; False when there is none of that name."""
        update = Update()
        update.set_path((_KEY + name, "revoked_at"), to_text(at))
        return self._write(update.only_if(f"attribute_exists({update.name(_KEY + name)})"))

    def _write(self, update: Update) -> bool:
        key = pack({"limit": ITEM})
        try:
            patiently(lambda: self._client.update_item(TableName=self._table, Key=key, **update.arguments()))
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True
