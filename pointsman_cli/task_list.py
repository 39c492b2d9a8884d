"""The list of tasks, newest first, as `pointsman list`, `watch` and the MCP tool show it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from pointsman.adapters.task_list import ReceivedTask
from pointsman.execution.records import IN_BATCH, TaskRecord
from pointsman.execution.waiting import Waiting, waited_for
from pointsman.values import strict_json
from pointsman.values.status import UNDER_WAY, Status
from pointsman.values.times import parse_time, to_text
from pointsman_cli import tasks
from pointsman_cli.known_tasks import KnownTasks
from pointsman_cli.list_options import VIEWS_OF_STARTED, ListedStatus, ListOptions, PromptMark
from pointsman_cli.listed_lane import listed_lane
from pointsman_cli.stacks import StackConnection

MOST_LOOKED_AT = 10_000
"""The newest tasks that filters and sorting look at."""
_PROMPTS_KEPT = timedelta(days=90)
"""How long a prompt is in the bucket."""
_MOST_WAITS = 200
"""Executions that one list asks what they wait for: Step Functions answers some hundreds at once."""
_PARALLEL = 8
_STEP = 1000
"""Tasks that a filter reads at a time, until it has found enough."""
_EXCERPT = 120
"""Characters."""
type _Row = dict[str, Any]


@dataclass(slots=True)
class TaskRows:
    """A list, and how far it was looked for."""

    rows: list[_Row] = field(default_factory=list)
    looked_at: int = 0
    complete: bool = True
    """Whether every task since then was looked at, or the list was full before."""
    prompts_not_searched: int = 0
    """Private tasks, and those whose prompt is not in the table."""
    looked_to: ReceivedTask | None = None
    """The last task looked at, after which others may match; None where there are none, or the list is by cost."""

    def notes(self, options: ListOptions) -> list[str]:
        """Return what whoever reads the list must know."""
        notes = []
        if not self.complete:
            first = f"the {self.looked_at:,} tasks before {options.after.received_at}" if options.after else ""
            looked_at = first or f"the newest {self.looked_at:,} tasks"
            notes.append(f"Looked at {looked_at} since {to_text(options.since)}; others may match")
        if options.search and self.prompts_not_searched:
            notes.append(f"{self.prompts_not_searched:,} prompts were not searched: private, or too long for the table")
        return notes

    def as_document(self, *, stand_in: bool) -> dict[str, Any]:
        """Return the JSON document."""
        return {
            "tasks": self.rows,
            "looked_at": self.looked_at,
            "complete": self.complete,
            "prompts_not_searched": self.prompts_not_searched,
            "stand_in": stand_in,
        }


def list_tasks(connection: StackConnection, options: ListOptions, known: KnownTasks | None = None) -> TaskRows:
    """Return the tasks that the options ask for; with `known`, those that this machine has put into the queue too.

    Without filters it reads what it shows; with filters or sorting at most the newest `MOST_LOOKED_AT`.
    """
    return _Search(connection, options).rows(known)


class _Search:
    """One reading of the list."""

    def __init__(self, connection: StackConnection, options: ListOptions) -> None:
        self._connection, self._options, self._result = connection, options, TaskRows()
        self._stores = connection.runtime.stores
        self._now = connection.runtime.context.clock.now()
        self._waits: dict[str, Waiting | None] = {}
        self._read_to = options.after

    def rows(self, known: KnownTasks | None) -> TaskRows:
        """Return the list."""
        options, result = self._options, self._result
        scans = options.filters or options.by_cost
        found = self._found() if scans else self._next(self._entries(options.limit), options.limit, prompts=True)
        if options.by_cost:
            found.sort(key=lambda record: -record.cost_nano)
        found = found[: options.limit]
        if scans and not options.search:  # their prompts were not needed until here
            read = self._stores.task_list.read((record.task_id for record in found), prompts=True)
            found = [read.get(record.task_id, record) for record in found]
        self._ask_waits(found)
        queued = self._queued(known) if known and not options.by_cost else []
        shown = [self._row(record) for record in found]
        result.rows = (queued + shown)[: options.limit]
        return result

    def _entries(self, most: int) -> Iterator[ReceivedTask]:
        return self._stores.task_list.newest(self._options.since, self._now, most, self._options.after)

    def _next(self, entries: Iterator[ReceivedTask], most: int, *, prompts: bool) -> list[TaskRecord]:
        """Return the tasks of the next entries."""
        taken = list(islice(entries, most))
        self._read_to = taken[-1] if taken else self._read_to
        ids = [entry.task_id for entry in taken]
        self._result.looked_at += len(ids)
        records = self._stores.task_list.read(ids, prompts=prompts)
        return [records[task_id] for task_id in ids if task_id in records]

    def _found(self) -> list[TaskRecord]:
        """Return those that match, of the newest: all when they are to be sorted, else as many as are shown."""
        options, result, found = self._options, self._result, list[TaskRecord]()
        most = options.look_at or MOST_LOOKED_AT
        entries = self._entries(most + 1)
        while options.by_cost or len(found) < options.limit:
            before = result.looked_at
            batch = self._next(entries, min(_STEP, most - before), prompts=bool(options.search))
            if result.looked_at == before:
                if next(entries, None) is not None:
                    result.complete, result.looked_to = False, None if options.by_cost else self._read_to
                break
            found += self._matching(batch)
        return found

    def _matching(self, batch: list[TaskRecord]) -> list[TaskRecord]:
        matching = [record for record in batch if self._matches(record)]
        wanted = self._options.status
        if not wanted:
            return matching
        if wanted & VIEWS_OF_STARTED:
            self._ask_waits(matching)
        return [record for record in matching if self._status(record) in wanted]

    def _matches(self, record: TaskRecord) -> bool:
        options = self._options
        same = (
            options.type in (None, record.type)
            and options.tier in (None, record.tier)
            and (options.sender is None or fnmatchcase(record.sender or "", options.sender))
            and options.ticket in (None, record.metadata.get("ticket"))
            and options.agent in (None, record.metadata.get("agent"))
        )
        return same and (options.search is None or self._has_text(record, options.search.casefold()))

    def _has_text(self, record: TaskRecord, text: str) -> bool:
        if text in record.task_id.casefold():
            return True
        prompt, mark = _prompt(record, self._now)
        self._result.prompts_not_searched += mark in (PromptMark.PRIVATE, PromptMark.LONG, PromptMark.EXPIRED)
        return prompt is not None and text in prompt.casefold()

    def _ask_waits(self, records: list[TaskRecord]) -> None:
        """Ask the executions of tasks without an open call what they wait for, up to `_MOST_WAITS`."""
        asked = [record for record in records if _may_wait(record) and record.task_id not in self._waits]
        room = max(_MOST_WAITS - len(self._waits), 0)
        self._result.complete = self._result.complete and len(asked) <= room
        with ThreadPoolExecutor(_PARALLEL) as pool:
            waits = pool.map(lambda record: tasks.read_waiting(self._connection.runtime, record), asked[:room])
            self._waits |= {record.task_id: waiting for record, waiting in zip(asked[:room], waits, strict=True)}

    def _status(self, record: TaskRecord) -> str:
        waiting = self._waits.get(record.task_id)
        return waiting.view if waiting else tasks.status_of(record)

    def _queued(self, known: KnownTasks) -> list[_Row]:
        """Return tasks that this machine has sent and the router has not received: the newest, if no filter is on."""
        options = self._options
        others = replace(options, status=frozenset()).filters
        if others or (options.status and ListedStatus.QUEUED not in options.status):
            return []
        sent = dict(list(known.recently_submitted(options.since).items())[: options.limit])
        received = self._stores.task_list.read(sent, prompts=False)
        return [_queued_row(task_id, at) for task_id, at in sent.items() if task_id not in received]

    def _row(self, record: TaskRecord) -> _Row:
        waiting = self._waits.get(record.task_id)
        prompt, mark = _prompt(record, self._now)
        return {
            "task_id": record.task_id,
            "status": self._status(record),
            "waiting_for": waiting.as_document() if waiting else waited_for(record),
            "reason": record.reason,
            "received_at": record.received_at,
            "ended_at": record.ended_at,
            "type": record.type,
            "tier": record.tier,
            "model": record.model,
            "cost_nano_usd": record.cost_nano,
            "cost_known": record.cost_known,
            "sender": record.sender,
            "lane": listed_lane(self._connection.runtime, record),
            "ticket": record.metadata.get("ticket"),
            "agent": record.metadata.get("agent"),
            "parent_id": record.parent_id,
            "private": record.private,
            "excerpt": None if prompt is None else _excerpt(prompt),
            "no_excerpt": mark,
        }


def _queued_row(task_id: str, at: datetime) -> _Row:
    names = (
        "waiting_for",
        "reason",
        "ended_at",
        "type",
        "tier",
        "model",
        "sender",
        "lane",
        "ticket",
        "agent",
        "parent_id",
    )
    return {
        **dict.fromkeys(names),
        "task_id": task_id,
        "status": ListedStatus.QUEUED,
        "received_at": to_text(at),
        "cost_nano_usd": 0,
        "cost_known": True,
        "private": False,
        "excerpt": None,
        "no_excerpt": PromptMark.NONE,
    }


def _may_wait(record: TaskRecord) -> bool:
    """Return whether the task may be between two attempts, or waits for its subtasks."""
    between_calls = record.open_intent is None or record.attention == IN_BATCH
    return record.status is Status.WAITING or (record.status in UNDER_WAY and between_calls)


def _prompt(record: TaskRecord, now: datetime) -> tuple[str | None, PromptMark | None]:
    """Return the task's prompt, or why it is not shown."""
    if record.private:
        return None, PromptMark.PRIVATE
    if record.body.ref:
        gone = now - parse_time(record.received_at) > _PROMPTS_KEPT
        return None, PromptMark.EXPIRED if gone else PromptMark.LONG
    fields = strict_json.loads(record.body.inline) if record.body.inline else None
    prompt = fields.get("prompt") if isinstance(fields, dict) else None
    return (prompt, None) if isinstance(prompt, str) else (None, PromptMark.NONE)


def _excerpt(prompt: str) -> str:
    """Return the beginning of a prompt on one line."""
    line = " ".join(prompt[: 4 * _EXCERPT].split())
    return line if len(line) <= _EXCERPT and len(prompt) <= 4 * _EXCERPT else f"{line[: _EXCERPT - 1]}…"
