"""The ledger's rows: an intent before a call, an outcome beside it, shares when the call was made for several tasks."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from pointsman.adapters.dynamo import Item
from pointsman.execution.budget import Cap, Charge, ChargePart
from pointsman.execution.calls import CallSpec, Intent, Purpose, Settled, Share, Sharer
from pointsman.execution.ledger_keys import RowKey
from pointsman.execution.outcome import AccountTrouble, CallResult, Outcome
from pointsman.routing.catalog import Billing
from pointsman.values.effort import Effort
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import parse_time, to_text

ROWS_KEPT_FOR = timedelta(days=100)
"""As long as their tasks' items: by then their day has been in the archive for 99 days."""

_ADDED_UP_BY = ("ticket", "agent")
"""Metadata that the report adds up by."""
_LONGEST_LABEL = 256
"""Characters."""


def intent_item(intent: Intent) -> Item:
    """Return the intent row."""
    spec = intent.spec
    return {
        "day_shard": intent.key.day_shard,
        "row": intent.key.intent,
        "kind": "intent",
        "purpose": str(spec.purpose),
        "task_id": spec.task_id,
        "turn": spec.attempt_id,
        "at": to_text(intent.at),
        "model": spec.model,
        "billing": str(intent.billing),
        "function": spec.function,
        "tier": str(spec.tier),
        "type": str(spec.type) if spec.type else None,
        "parent_id": spec.parent_id,
        "metadata": spec.metadata,
        "sender": spec.sender,
        "hop": spec.hop,
        "after": spec.previous_outcome,
        "came_from": spec.came_from,
        "effort": str(spec.effort) if spec.effort else None,
        "output_cap": spec.max_output_tokens,
        "batch_entry": spec.batch_entry,
        "comparison": str(spec.comparison.kind) if spec.comparison else None,
        "reserved_nano": intent.charge.amount,
        "month": intent.charge.month,
        "counters": list(intent.charge.counters),
        "parts": [asdict(part) for part in intent.charge.parts] or None,
        "sharers": [_sharer_item(sharer) for sharer in spec.sharers] or None,
        "expires_at": int((intent.at + ROWS_KEPT_FOR).timestamp()),
    }


def intent_of(item: Item) -> Intent:
    """Return the intent that a row holds; its caps are not stored, for they were kept when it was made."""
    spec = CallSpec(
        purpose=Purpose(item["purpose"]),
        task_id=item["task_id"],
        attempt_id=item["turn"],
        model=item["model"],
        tier=Tier(item["tier"]),
        function=item["function"],
        type=TaskType(item["type"]) if item.get("type") else None,
        parent_id=item.get("parent_id"),
        metadata=item.get("metadata", {}),
        sender=item.get("sender"),
        hop=item["hop"],
        previous_outcome=item.get("after"),
        came_from=item.get("came_from"),
        effort=Effort(item["effort"]) if item.get("effort") else None,
        max_output_tokens=item.get("output_cap", 0),
        batch_entry=item.get("batch_entry"),
        sharers=tuple(
            Sharer(
                entry["task_id"],
                entry["weight"],
                entry.get("metadata", {}),
                entry.get("parent_id"),
                entry.get("sender"),
            )
            for entry in item.get("sharers") or ()
        ),
    )
    caps: tuple[Cap, ...] = ()
    parts = [ChargePart(it["counter"], it["amount"], tuple(it["sharers"])) for it in item.get("parts") or ()]
    return Intent(
        spec,
        RowKey(item["day_shard"], str(item["row"]).removesuffix("#intent")),
        parse_time(item["at"]),
        Billing(item["billing"]),
        Charge(item["month"], tuple(item["counters"]), caps, item["reserved_nano"], parts=tuple(parts)),
    )


def _sharer_item(sharer: Sharer) -> Item:
    """Return an entry of the intent row, small whatever a sender's metadata are: one row holds those of ten tasks."""
    kept = {
        name: sharer.metadata[name] for name in _ADDED_UP_BY if 0 < len(sharer.metadata.get(name, "")) <= _LONGEST_LABEL
    }
    return {
        "task_id": sharer.task_id,
        "weight": sharer.weight,
        "metadata": kept,
        "parent_id": sharer.parent_id,
        "sender": sharer.sender,
    }


def outcome_item(settled: Settled, *, counters_due: bool = False) -> Item:
    """Return the outcome row."""
    intent, result = settled.intent, settled.result
    return {
        "day_shard": intent.key.day_shard,
        "row": intent.key.outcome,
        "kind": "outcome",
        "outcome": str(result.outcome),
        "ended_at": to_text(settled.at),
        "milliseconds": settled.milliseconds,
        "cost_nano": settled.cost_nano,
        "cost_known": settled.cost_known,
        "counters_due": counters_due or None,
        "billed_model": settled.billed_model,
        "request_id": result.request_id,
        "detail": result.detail[:300],
        "better": str(result.better) if result.better else None,
        "failed_check": result.check.failed if result.check and not result.check.pending else None,
        "account": str(result.account) if result.account else None,
        "unrecognized": None if result.recognized else True,
        "regional": result.regional or None,
        "retry_after_ms": None if result.retry_after is None else math.ceil(result.retry_after * 1000),
        "until": to_text(result.until) if result.until else None,
        "expires_at": int((intent.at + ROWS_KEPT_FOR).timestamp()),
        **settled.usage.as_dict(),
    }


def result_of(item: Item) -> CallResult:
    """Return what an outcome row says that the workflow follows: the outcome and when to come again."""
    hint, until = item.get("retry_after_ms"), item.get("until")
    return CallResult(
        Outcome(item["outcome"]),
        retry_after=None if hint is None else int(hint) / 1000,
        until=parse_time(until) if until else None,
        detail="stored",
        account=AccountTrouble(item["account"]) if item.get("account") else None,
        recognized=not item.get("unrecognized", False),
    )


def share_item(intent: Intent, number: int, share: Share) -> Item:
    """Return one task's part of a call made for several."""
    day_shard, row = intent.key.share(number, share.task_id)
    return {
        "day_shard": day_shard,
        "row": row,
        "kind": "share",
        "task_id": share.task_id,
        "model": intent.spec.model,
        "cost_nano": share.cost_nano,
        "parent_id": share.parent_id,
        "metadata": share.metadata,
        "sender": share.sender,
        "expires_at": int((intent.at + ROWS_KEPT_FOR).timestamp()),
        **share.usage.as_dict(),
    }


def merged(items: Iterable[Item]) -> Iterator[dict[str, Any]]:
    """Yield intents with their outcomes merged in, and shares as they are; an open intent has no `outcome`.

    `items` are in the order of their keys, in which what belongs together stands together.
    """
    attempt: dict[str, Any] = {}
    for item in items:
        stem, _, _ = str(item["row"]).rpartition("#")
        if attempt and (attempt["row"] != stem or item["kind"] == "share"):
            yield attempt
            attempt = {}
        if item["kind"] == "share":
            yield item
        else:
            attempt.update(item, kind="attempt", row=stem)
    if attempt:
        yield attempt
