"""What operators grant to senders, agents and tickets: a key's own limits, and raises for a time, kept on record."""

from collections.abc import Iterable

from pointsman.adapters import budget_items
from pointsman.adapters.dynamo import AwsClient, Tables, Update, pack, patiently, unpack
from pointsman.adapters.limited_items import grant_key, pace_key, subject_of
from pointsman.execution.sender_limits import Grant, Raise
from pointsman.routing.limit_rules import Bounds


class DynamoGrants:
    """One item of the limit table a subject, which the functions' roles may read and not write."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.limits

    def read(self, subject: str) -> Grant:
        """Return what is granted to a subject."""
        key = pack({"limit": grant_key(subject)})
        response = patiently(lambda: self._client.get_item(TableName=self._table, Key=key, ConsistentRead=True))
        return Grant.from_item(unpack(response.get("Item", {})))

    def set_own(self, subject: str, bounds: Bounds) -> None:
        """Set a subject's own limits in the place of those before."""
        self._write(subject, Update().set({"own": _stored(bounds)}))

    def add_raise(self, subject: str, granted: Raise) -> None:
        """Add a raise; earlier ones stay on record."""
        entry = {"bounds": _stored(granted.bounds), "until": granted.until, "reason": granted.reason}
        self._write(subject, Update().append("raises", {**entry, "at": granted.at, "by": granted.by}))

    def subjects(self, month: str, day: str) -> list[str]:
        """Return the names of all subjects that have spent in the month or the day, begun a task, or been granted
        something. The table is scanned: nothing on a task's way asks for this.
        """
        prefixes = [budget_items.reserved_prefix(month), budget_items.reserved_prefix(day)]
        values = {":month": prefixes[0], ":day": prefixes[1], ":pace": pace_key(""), ":granted": grant_key("")}
        condition = " OR ".join(f"begins_with(#l, {name})" for name in values)
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._table,
            FilterExpression=condition,
            ProjectionExpression="#l",
            ExpressionAttributeNames={"#l": "limit"},
            ExpressionAttributeValues=pack(values),
        )
        keys: Iterable[str] = (unpack(item)["limit"] for page in pages for item in page["Items"])
        return sorted({subject_of(key, prefixes) for key in keys})

    def _write(self, subject: str, update: Update) -> None:
        key = pack({"limit": grant_key(subject)})
        patiently(lambda: self._client.update_item(TableName=self._table, Key=key, **update.arguments()))


def _stored(bounds: Bounds) -> dict[str, object]:
    return bounds.model_dump(mode="json", exclude_none=True)
