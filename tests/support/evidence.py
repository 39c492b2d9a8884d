"""Ledger, counters and the journal of the fake providers, and whether they agree."""

import statistics
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any

from pointsman.adapters.dynamo import Tables
from pointsman.adapters.ledger_reader import DynamoLedgerReader
from pointsman.execution.budget import OPEN
from tests.support.local_stack import Stack

type Row = dict[str, Any]


def ledger_reader_of(stack: Stack) -> DynamoLedgerReader:
    out = stack.info.outputs
    names = Tables(out["TaskTableName"], out["UsageTableName"], out["LimitTableName"])
    return DynamoLedgerReader(stack.client("dynamodb"), names)


def this_month() -> str:
    return datetime.now(UTC).strftime("%Y-%m")


def failovers(entries: list[dict[str, Any]]) -> list[float]:
    """Return the seconds between each 429 and the same task's next request."""
    by_task: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        by_task.setdefault(entry["attempt"].split(".")[0], []).append(entry)
    return [
        after["started"] - before["ended"]
        for sent in by_task.values()
        for before, after in pairwise(sent)
        if before["status"] == 429
    ]


def spread(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds):.3f}, maximum {max(seconds):.3f} of {len(seconds)}"


@dataclass(frozen=True)
class Evidence:
    """Everything since the stack came up: nobody clears its journal, and all that was spent is in its ledger."""

    journal: list[dict[str, Any]]
    rows: list[Row]
    """Attempts of both purposes, by intent; those without `outcome` are open."""
    shares: list[Row]
    counters: dict[str, int]

    @classmethod
    def of(cls, stack: Stack) -> "Evidence":
        ledger, now = ledger_reader_of(stack), datetime.now(UTC)
        result = list(ledger.rows(now - timedelta(hours=12), now))
        return cls(
            journal=stack.control("GET", "journal")["requests"],
            rows=[row for row in result if row["kind"] == "attempt"],
            shares=[row for row in result if row["kind"] == "share"],
            counters=ledger.counters(this_month(), 31),
        )

    def since(self, before: "Evidence") -> "Evidence":
        """Return the requests and rows that are not in `before`."""
        return replace(
            self,
            journal=[entry for entry in self.journal if entry["attempt"] not in before.requests],
            rows=[row for row in self.rows if f"{row['task_id']}.{row['turn']}" not in before.attempts],
        )

    @cached_property
    def requests(self) -> dict[str, dict[str, Any]]:
        """Requests by the tag that each carries."""
        return {entry["attempt"]: entry for entry in self.journal}

    @cached_property
    def attempts(self) -> dict[str, Row]:
        return {f"{row['task_id']}.{row['turn']}": row for row in self.rows}

    @property
    def open(self) -> list[Row]:
        return [row for row in self.rows if "outcome" not in row]

    @property
    def unknown(self) -> list[Row]:
        return [row for row in self.rows if row.get("outcome") == "unknown"]

    def disagreements(self, before: "Evidence") -> list[str]:
        """Return where the ledger is wrong since `before`; empty when it is right."""
        new = self.since(before)
        tags = Counter(entry["attempt"] for entry in new.journal)
        keys = Counter(f"{row['task_id']}.{row['turn']}" for row in new.rows)
        wrong = [f"sent twice: {tag}" for tag, times in tags.items() if times > 1]
        wrong += [f"booked twice: {tag}" for tag, times in keys.items() if times > 1]
        wrong += [f"not booked: {tag}" for tag in tags if tag not in new.attempts]
        for tag, row in new.attempts.items():
            outcome = row.get("outcome")
            if tag not in tags and not row.get("batch_entry") and outcome not in (None, "unknown", "not_sent"):
                wrong.append(f"booked as {outcome}, but never sent: {tag}")
            if outcome == "unknown" and row["cost_nano"] != row["reserved_nano"]:
                wrong.append(f"unknown, but not at its reserved cost: {tag}")
            if outcome == "unknown" and row["billing"] == "free" and row["cost_nano"]:
                wrong.append(f"free, but booked at a cost: {tag}")
        drift, earlier = self._drift(), before._drift()
        wrong += [
            f"counter {name} is off by {drift[name]}, before by {earlier[name]}"
            for name in sorted({*drift, *earlier})
            if drift[name] != earlier[name]
        ]
        return wrong + new._misshared()

    def _drift(self) -> Counter[str]:
        """Return each counter of the month less the cost of the closed rows and the reservations of the open ones."""
        drift = Counter({name: count for name, count in self.counters.items() if name.startswith(("month", "day_"))})
        for row in self.rows:
            held = row["reserved_nano"] if "outcome" not in row else 0
            for counter in row["counters"]:
                drift[counter] -= row.get("cost_nano", 0) + held
                drift[counter + OPEN] -= held
        return drift

    def _misshared(self) -> list[str]:
        """The shares of classification requests add up to them; those of an open one are written when it is closed."""
        classifications = [row for row in self.rows if row["purpose"] == "classification"]
        classified = [row for row in classifications if row.get("outcome") is not None]
        stems = {row["row"] for row in classifications}
        shares = [share for share in self.shares if str(share["row"]).rpartition("#")[0] in stems]
        return [
            f"shares of {kind} do not add up"
            for kind in ("cost_nano", "input", "output")
            if sum(share.get(kind, 0) for share in shares) != sum(row.get(kind, 0) for row in classified)
        ]

    def where_calls_were_cut(self) -> dict[str, int]:
        """Return how many calls of unknown end were cut before the request, during it, and after its answer."""
        cut = {"before the request": 0, "during the call": 0, "after the answer": 0}
        for row in [*self.unknown, *self.open]:
            entry = self.requests.get(f"{row['task_id']}.{row['turn']}")
            if entry is None:
                cut["before the request"] += 1
            elif entry["outcome"] == "completed":
                cut["after the answer"] += 1
            else:
                cut["during the call"] += 1
        return cut
