"""The journal of every request that arrived: in memory, and line by line in a file that outlives the process.

The file has two lines per request, one at its arrival and one at its end. Each is a single unbuffered append, so a kill
loses no arrival. `read_journal` merges the lines.
"""

import json
import os
import time
import uuid
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

type _RequestOutcome = Literal["open", "completed", "reset", "client_gone", "server_gone"]


@dataclass
class JournalEntry:
    """One request, from its arrival to its end. `None` is unknown, or not known yet."""

    id: str
    time: str
    """Arrival, RFC 3339 in UTC."""
    provider: str
    model: str | None
    prompt_sha256: str | None
    """Of the UTF-8 text of all messages, joined by newlines; `None` for a request that could not be read."""
    attempt: str | None
    """The request's header `x-pointsman-attempt`."""
    fingerprint: str
    """llmock's hash of method, path and body: the same for a retry."""
    path: str
    started: float
    """Arrival, in seconds since 1970."""
    ended: float | None = None
    status: int | None = None
    """The HTTP status of the reply, sent or not."""
    served_model: str | None = None
    fault: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    retry_after: float | None = None
    """Seconds that the reply asked the client to wait."""
    outcome: _RequestOutcome = "open"
    asked: Any = None
    """The request body without prompt, tools and schema: limits, effort, thinking; `None` if it is no JSON object."""
    effort: str | None = None
    """The effort or thinking level in force, `none` for a call without thinking."""
    thinking_tokens: int | None = None
    scope: Literal["account", "between", "call"] = "call"
    """What a refusal is about: the account, something between client and provider, or this call."""
    usage: Any = None
    """Claude only: the answer's usage, as it states it."""
    stop_details: Any = None
    """Claude only: why it refused."""


@dataclass(frozen=True)
class ProbeEntry:
    """A token count or a model lookup: it generates nothing."""

    time: str
    provider: str
    model: str | None
    path: str
    status: int
    fault: str | None


class Journal:
    """All entries since the last `clear`, also those of an earlier process with the same file."""

    def __init__(self, path: Path | None = None) -> None:
        self._file: int | None = None
        self._entries: dict[str, JournalEntry] = {}
        self._probes: list[ProbeEntry] = []
        if path is not None:
            self._entries = {entry.id: entry for entry in read_journal(path)} if path.exists() else {}
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            for entry in list(self._entries.values()):
                if entry.outcome == "open":
                    self.end(entry, "server_gone")

    def arrive(
        self,
        *,
        provider: str,
        model: str | None,
        prompt_sha256: str | None,
        attempt: str | None,
        fingerprint: str,
        path: str,
        asked: Any = None,
        effort: str | None = None,
    ) -> JournalEntry:
        """Open an entry and write it, before anything else happens to the request."""
        started = time.time()
        entry = JournalEntry(
            id=uuid.uuid4().hex[:24],
            time=_written(started),
            provider=provider,
            model=model,
            prompt_sha256=prompt_sha256,
            attempt=attempt,
            fingerprint=fingerprint,
            path=path,
            started=started,
            asked=asked,
            effort=effort,
        )
        self._entries[entry.id] = entry
        self._write({"event": "arrived", **asdict(entry)})
        return entry

    def end(self, entry: JournalEntry, outcome: _RequestOutcome) -> None:
        """Close an entry, once."""
        if entry.ended is None:
            entry.ended, entry.outcome = time.time(), outcome
            self._write({"event": "ended", **asdict(entry)})

    def entries(self) -> list[JournalEntry]:
        """Return all entries, oldest first."""
        return list(self._entries.values())

    def probe(self, *, provider: str, model: str | None, path: str, status: int, fault: str | None) -> None:
        """Record a probe, in memory only."""
        self._probes.append(ProbeEntry(_written(time.time()), provider, model, path, status, fault))

    def probes(self) -> list[ProbeEntry]:
        """Return all probes, oldest first."""
        return list(self._probes)

    def clear(self) -> None:
        """Remove all entries and probes; the file keeps its lines, before a mark that `read_journal` respects."""
        self._entries.clear()
        self._probes.clear()
        self._write({"event": "cleared"})

    def counts(self) -> dict[str, Any]:
        """Return the totals of requests and tokens."""
        entries = self.entries()
        return {
            "requests": len(entries),
            "by_provider": Counter(entry.provider for entry in entries),
            "by_model": Counter(entry.model or "" for entry in entries),
            "by_served_model": Counter(entry.served_model for entry in entries if entry.served_model),
            "by_status": Counter(str(entry.status) for entry in entries if entry.status is not None),
            "by_fault": Counter(entry.fault for entry in entries if entry.fault),
            "by_outcome": Counter(entry.outcome for entry in entries),
            "input_tokens": sum(entry.input_tokens or 0 for entry in entries),
            "output_tokens": sum(entry.output_tokens or 0 for entry in entries),
            "thinking_tokens": sum(entry.thinking_tokens or 0 for entry in entries),
        }

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            os.write(self._file, json.dumps(line).encode() + b"\n")


def _written(seconds: float) -> str:
    """Return a time as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_journal(path: Path) -> list[JournalEntry]:
    """Return a journal file's entries since the last `cleared` mark, oldest first.

    A last line that a kill cut off is left out.
    """
    entries: dict[str, JournalEntry] = {}
    for line in path.read_text().splitlines(keepends=True):
        if not line.endswith("\n"):
            break
        event = json.loads(line)
        if event.pop("event") == "cleared":
            entries.clear()
        else:
            entries[event["id"]] = JournalEntry(**event)
    return list(entries.values())
