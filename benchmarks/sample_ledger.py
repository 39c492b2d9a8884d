"""A day of the ledger as large as wanted, and the stores it is read from: fakes that hand out DynamoDB's own pages."""

import io
import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import batched, count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import boto3
from botocore.exceptions import ClientError
from botocore.parsers import create_parser

from pointsman.adapters.dynamo import pack
from pointsman.adapters.ledger_rows import intent_item, outcome_item, share_item
from pointsman.execution.budget import charge
from pointsman.execution.calls import CallSpec, Intent, Purpose, Settled, Share
from pointsman.execution.ledger_keys import SHARDS, RowKey
from pointsman.execution.outcome import CallResult, Outcome
from pointsman.report.figures.ledger_entries import EARLIER_ATTRIBUTES, ENTRY_ATTRIBUTES
from pointsman.routing import catalog, config
from pointsman.routing.catalog import Billing
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import TYPES_OF, Tier
from pointsman.values.usage import Usage

DAY, ZONE = date(2026, 11, 21), ZoneInfo("UTC")
ITEMS_A_PAGE = 1_500
"""Of a Query's answer: 1 MB, an item having 680 bytes."""
PROJECTIONS = {DAY - timedelta(days=1): EARLIER_ATTRIBUTES, DAY: ENTRY_ATTRIBUTES}
"""Attributes that the report asks for, by day."""
MODELS = {
    Tier.ORCHESTRATION: "gemini-3.5-flash-lite",
    Tier.IMPLEMENTATION: "claude-haiku-5-5",
    Tier.REASONING: "claude-sonnet-5-5",
}

type Item = dict[str, Any]


def policy() -> RoutingPolicy:
    routing = {str(tier): model for tier, model in MODELS.items()}
    return RoutingPolicy(config.parse(json.dumps({"routing": routing})), catalog.load_catalog())


class SampleLedger:
    """Two days of the ledger as the adapters would write them: a tenth of the tasks takes two calls, a tenth was
    classified by a model, ten by one request. About 2.32 items a task.
    """

    def __init__(self) -> None:
        self._policy, self._dice = policy(), random.Random()

    def items_of(self, day: date, rows: int) -> Iterator[Item]:
        """Yield about `rows` items in the order of their time."""
        dice, begins = self._dice, datetime(day.year, day.month, day.day, tzinfo=UTC)
        dice.seed(day.toordinal())
        tasks, written, waiting = max(1, round(rows / 2.32)), 0, list[Share]()
        for number in count(1):
            if written >= rows:
                return
            items: list[Item] = []
            task_id = f"{day:%m%d}-{number:07d}-{dice.getrandbits(32):08x}"
            metadata = {"agent": dice.choice(["ci", "main", "work"]), "ticket": f"T-{dice.randint(1, tasks // 5 + 1)}"}
            at = begins + timedelta(seconds=86_000 * number / tasks % 86_399)
            if number % 10 == 0:
                waiting.append(Share(task_id, 0, Usage(), metadata, None))
            if len(waiting) == 10:
                about: Item = {"purpose": Purpose.CLASSIFICATION, "type": None, "metadata": {}}
                items += self._call(f"classify-{number}", 1, at, Tier.ORCHESTRATION, waiting, **about)
                waiting = []
            tier, tries = dice.choices(list(Tier), (62, 33, 5))[0], 2 if dice.random() < 0.1 else 1
            about = {"purpose": Purpose.TASK, "type": dice.choice(TYPES_OF[tier]), "metadata": metadata}
            for turn in range(1, tries + 1):
                again: Item = {"previous_outcome": "unavailable"} if turn > 1 else {}
                moment = at + timedelta(seconds=3 * turn)
                items += self._call(task_id, turn, moment, tier, failed=turn < tries, **about, **again)
            written += len(items)
            yield from items

    def _call(
        self,
        task_id: str,
        turn: int,
        at: datetime,
        tier: Tier,
        shares: Sequence[Share] = (),
        *,
        failed: bool = False,
        **about: Any,
    ) -> Iterator[Item]:
        dice, model, name = self._dice, self._policy.catalog.get(MODELS[tier]), f"000001.{turn:06d}"
        paid = tier is not Tier.ORCHESTRATION
        intent = Intent(
            CallSpec(task_id=task_id, attempt_id=name, model=model.id, function=str(tier), tier=tier, **about),
            RowKey.of(task_id, name, at),
            at,
            Billing.PAID if paid else Billing.FREE,
            charge(self._policy.config.pointsman.budget, tier, 5_000_000 if paid else 0, at, ZONE),
        )
        used = Usage() if failed else Usage(input=dice.randint(3_000, 14_000), output=dice.randint(200, 4_000))
        took, cost = dice.randint(300, 9_000), model.cost_nano(used, at) if paid else 0
        result = CallResult(Outcome.UNAVAILABLE if failed else Outcome.ANSWERED, request_id="req_011CQabcdefghij")
        settled = Settled(intent, result, cost, True, model.id, used, at + timedelta(milliseconds=took), took)
        parts = [share_item(intent, number, share) for number, share in enumerate(shares)]
        yield from map(pack, (intent_item(intent), outcome_item(settled), *parts))


def write_pages(folder: Path, day: date, items: Iterable[Item], projections: Iterable[tuple[str, ...]]) -> None:
    """Write a day's partitions as DynamoDB answers a Query: JSON of 1 MB of items, by which of their attributes are
    asked for; a page is full by its whole items whatever is.
    """
    encode = json.JSONEncoder(check_circular=False).encode
    for attributes, held in _by_place(day, items, projections, encode).items():
        for place, some in held.items():
            for number, page in enumerate(batched((text for _, text in sorted(some)), ITEMS_A_PAGE, strict=False)):
                body = f'{{"Items": [{", ".join(page)}], "Count": {len(page)}}}'
                (folder / f"{place}.{number:05d}.{len(attributes)}").write_text(body)


type _Partitions = dict[str, list[tuple[str, str]]]
"""Sort key and text of each item, by partition."""


def _by_place(
    day: date, items: Iterable[Item], projections: Iterable[tuple[str, ...]], encode: Callable[[Item], str]
) -> dict[tuple[str, ...], _Partitions]:
    places = [f"{day}#{shard}" for shard in range(SHARDS)]
    texts: dict[tuple[str, ...], _Partitions] = {
        attributes: {place: [] for place in places} for attributes in projections
    }
    for item in items:
        key, place = item["row"]["S"], item["day_shard"]["S"]
        for attributes, held in texts.items():
            asked = {name: item[name] for name in attributes if name in item} if attributes else item
            held[place].append((key, encode(asked)))
    return texts


class Pages:
    """DynamoDB's side of Query: botocore parses the pages as it does on AWS."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        client = boto3.client("dynamodb", region_name="us-east-1")
        self.meta, self._shape = client.meta, client.meta.service_model.operation_model("Query").output_shape

    def get_paginator(self, _: str) -> "Pages":
        return self

    def paginate(self, **wanted: Any) -> Iterator[dict[str, Any]]:
        values = wanted["ExpressionAttributeValues"]
        low, high = values[":a"]["S"], values[":b"]["S"]
        names, asked = wanted["ExpressionAttributeNames"], wanted.get("ProjectionExpression", "").split(", ")
        attributes = tuple(names[name] for name in asked if name)
        assert attributes in ((), *PROJECTIONS.values())
        for path in sorted(self._folder.glob(f"{values[':p']['S']}.*.{len(attributes)}")):
            answer = {"status_code": 200, "headers": {}, "body": path.read_bytes()}
            page: dict[str, Any] = {}
            self.meta.events.emit("before-parse.dynamodb.Query", response_dict=answer, customized_response_dict=page)
            page = create_parser("json").parse(answer, self._shape) | page
            page["Items"] = [item for item in page["Items"] if low <= item["row"]["S"] <= high]
            yield page


class Bucket:
    """S3, as far as the archive asks it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_object(self, **stated: Any) -> None:
        path = self._folder / stated["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stated["Body"])

    def get_object(self, **stated: Any) -> dict[str, Any]:
        path = self._folder / stated["Key"]
        if not path.exists():
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(path.read_bytes())}
