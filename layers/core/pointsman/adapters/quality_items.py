"""What is said of the audit's pairs, in the usage table: a partition for each month, one small item for each pair.

An item has no text. It is made by the first word about its pair, whoever says it, and dropped after 200 days.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from pointsman.adapters.dynamo import AwsClient, Item, Tables, Update, pack, reachable, unpack
from pointsman.execution.calls import Settled
from pointsman.execution.comparison import ComparedPair, JudgedPair, JudgeWord, Preferred, read_word
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import parse_time

_KEPT_FOR = timedelta(days=200)
"""Longer than the report and the test look back."""
_WORD, _JUDGE = "word#", "judge#"


def word_kept(settled: Settled) -> tuple[dict[str, str], Update] | None:
    """Return the key and the update that keep a judge's word; None of a call that brought none."""
    comparison, better = settled.intent.spec.comparison, settled.result.better
    if comparison is None or better is None:
        return None
    update = _pair_update(comparison.pair)
    update.set({_WORD + comparison.key: str(better), _JUDGE + comparison.family: settled.intent.spec.model})
    return pair_key(comparison.pair), update


def person_kept(pair: ComparedPair, better: Preferred) -> Update:
    """Return the update that keeps a person's word, over an earlier one."""
    return _pair_update(pair).set({"person": str(better)})


def pair_key(pair: ComparedPair) -> dict[str, str]:
    """Return the key of a pair's item."""
    return {"day_shard": _partition(pair.at[:7]), "row": f"{pair.at}#{pair.task_id}"}


def _pair_update(pair: ComparedPair) -> Update:
    fields: dict[str, Any] = {
        "at": pair.at,
        "task_id": pair.task_id,
        "tier": str(pair.tier),
        "type": str(pair.type) if pair.type else None,
        "delivered": pair.delivered,
        "baseline": pair.baseline,
        "expires_at": int((parse_time(pair.at) + _KEPT_FOR).timestamp()),
    }
    return Update().set(fields)


def _partition(month: str) -> str:
    return f"quality#{month}"


class DynamoQuality:
    """`QualityReader` on the usage table."""

    def __init__(self, client: AwsClient, tables: Tables) -> None:
        self._client, self._table = client, tables.usage

    def pairs(self, months: Iterable[str]) -> Iterator[JudgedPair]:
        """Yield the months' pairs, a Query for each month."""
        for month in months:
            yield from self._month(month)

    @reachable()
    def _month(self, month: str) -> list[JudgedPair]:
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="day_shard = :month",
            ExpressionAttributeValues=pack({":month": _partition(month)}),
        )
        return [_judged(unpack(item)) for page in pages for item in page["Items"]]


def _judged(item: Item) -> JudgedPair:
    kind = item.get("type")
    pair = ComparedPair(
        item["at"],
        item["task_id"],
        Tier(item["tier"]),
        TaskType(kind) if kind else None,
        item["delivered"],
        item["baseline"],
    )
    return JudgedPair(
        pair,
        tuple(_words(item)),
        Preferred(item["person"]) if item.get("person") else None,
        {name.removeprefix(_JUDGE): model for name, model in item.items() if name.startswith(_JUDGE)},
    )


def _words(item: Item) -> Iterator[JudgeWord]:
    for name, better in item.items():
        if name.startswith(_WORD):
            yield read_word(name.removeprefix(_WORD), better)
