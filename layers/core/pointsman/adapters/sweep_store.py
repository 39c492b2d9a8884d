"""What the sweep keeps between its runs, in the limit table: how far the ledger is closed, and which caps are told."""

from datetime import date, datetime

from botocore.exceptions import ClientError

from pointsman.adapters.dynamo import AwsClient, Item, Tables, Update, code_of, pack, patiently, reachable, unpack
from pointsman.execution.events import NoticeKey
from pointsman.execution.ledger_keys import LedgerWatermarks
from pointsman.values.times import parse_time, to_text

_WATERMARKS = {"limit": "ledger"}
REFUSED, _NOTIFIED = "refused ", "told "
"""Before a cap's key when it first refused a call, and before a notice's name when the team was notified."""


def notices_key(topic: str) -> dict[str, str]:
    """Return the key of a topic's item; a month's stands beside its counters, which each call's transactions hold."""
    return {"limit": f"notices#{topic}"}


class DynamoSweepStore:
    """`SweepStore` on DynamoDB; `DynamoUsageLedger.record_refusal` writes the refusals."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.limits

    @reachable()
    def watermarks(self) -> LedgerWatermarks | None:
        """Return the item; None before the first sweep."""
        item = self._read(_WATERMARKS)
        if not item:
            return None
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
        mark = update.name(name)
        update.only_if(f"attribute_not_exists({mark}) OR {mark} < {update.value(to)}")
        try:
            self._write(_WATERMARKS, update)
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise

    def refusing_since(self, month: str) -> dict[str, str]:
        """Return when each cap first refused a call, by the cap's key."""
        item = patiently(lambda: self._read(notices_key(month)))
        return {name.removeprefix(REFUSED): at for name, at in item.items() if name.startswith(REFUSED)}

    def claim_notice(self, key: NoticeKey, at: datetime) -> bool:
        """Write that the team is notified, if nobody has; a write of ours whose answer was lost counts as made."""
        name, claim = _NOTIFIED + key.name, f"{key.occurrence} {to_text(at)}".lstrip()
        update = Update().set({name: claim})
        stored = update.name(name)
        news = f" OR NOT begins_with({stored}, {update.value(key.occurrence)})" if key.occurrence else ""
        update.only_if(f"attribute_not_exists({stored}){news}")
        try:
            self._write(notices_key(key.topic), update)
        except ClientError as error:
            if code_of(error) != "ConditionalCheckFailedException":
                raise
            return bool(unpack(error.response.get("Item", {})).get(name) == claim)
        return True

    def release_notice(self, key: NoticeKey) -> None:
        """Remove that the team was notified."""
        self._write(notices_key(key.topic), Update().remove([_NOTIFIED + key.name]))

    def _read(self, key: dict[str, str]) -> Item:
        response = self._client.get_item(TableName=self._table, Key=pack(key), ConsistentRead=True)
        return unpack(response.get("Item", {}))

    def _write(self, key: dict[str, str], update: Update) -> None:
        arguments = {"TableName": self._table, "Key": pack(key), "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        patiently(lambda: self._client.update_item(**arguments, **update.arguments()))
