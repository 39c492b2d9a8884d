"""Do the books tell the truth? Each check compares two sources that know of each other only through the work done."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from demo.evidence import Evidence
from demo.phases import GEMINI_IS_OUT
from demo.traffic import Message
from pointsman.routing.catalog import Provider, load_catalog

type Check = dict[str, Any]
"""`passed`, and in `detail` the two sides."""


def accounted(messages: list[Message]) -> Check:
    """Every message has ended, is a duplicate or is rejected."""
    still_open = [message.sample.file for message in messages if not message.accounted]
    detail = f"{len(messages) - len(still_open)} of {len(messages)} messages"
    return _check(not still_open, f"{detail}; open: {', '.join(still_open)}" if still_open else detail)


def dead_letters(messages: list[Message], evidence: Evidence) -> Check:
    """The dead-letter queue holds what was rejected, each message once, with a reason."""
    rejected = Counter(message.sent.message_id for message in messages if message.outcome == "rejected")
    found = Counter(letter["message_id"] for letter in evidence.dead_letters if letter["reason"])
    return _check(rejected == found, f"{rejected.total()} rejected, {found.total()} dead letters with a reason")


def delivered(messages: list[Message]) -> Check:
    """Whatever has ended was told on the event bus, and to whom it was to be answered."""
    waiting = [message.sample.file for message in messages if message.undelivered]
    return _check(not waiting, f"not delivered: {', '.join(waiting)}" if waiting else "each end was told")


def wanting_reply(messages: list[Message]) -> list[Message]:
    """Return the messages that have ended and asked for a reply."""
    return [m for m in messages if m.record and m.record.reply_to and m.outcome in ("completed", "failed")]


def replies(messages: list[Message], evidence: Evidence) -> Check:
    """Whoever asked for a reply at an allowed queue got it once."""
    wanted = Counter(message.sent.task_id for message in wanting_reply(messages))
    got = Counter(reply["task_id"] for reply in evidence.replies)
    return _check(wanted == got, f"{wanted.total()} wanted, {got.total()} received")


def requests(journal: Iterable[dict[str, Any]], evidence: Evidence, stood_in: set[str]) -> Check:
    """Each request that reached the stand-in is an attempt in the ledger, and each attempt such a request."""
    models = load_catalog().models
    booked = Counter(
        f"{row['task_id']}.{row['turn']}" for row in evidence.attempts if models[row["model"]].provider in stood_in
    )
    arrived = Counter(str(entry["attempt"]) for entry in journal)
    return _check(booked == arrived, f"{arrived.total()} requests arrived, {booked.total()} attempts booked")


def report_sums(evidence: Evidence) -> Check:
    """The report says what the ledger holds, to the nano-dollar; its parts add up to its whole."""
    rows, stated = evidence.attempts_of_day, evidence.report["totals"]
    booked = sum(row.get("cost_nano", row["reserved_nano"]) for row in rows)
    parts = evidence.report["tiers"].values()
    added = sum(part["cost_nano"] for part in parts) + evidence.report["classification"]["cost_nano"]
    same = booked == stated["cost_nano"] == added and len(rows) == stated["attempts"]
    return _check(
        same,
        f"report {stated['cost_nano']} nano-dollars in {stated['attempts']} attempts, tiers and classification "
        f"{added}, ledger {booked} in {len(rows)}",
    )


def gemini_left_alone(journal: Iterable[dict[str, Any]], began: float) -> Check:
    """Once its day's quota was used up, Gemini was asked once, and then not again."""
    asked = [entry for entry in journal if entry["provider"] == Provider.GEMINI and entry["started"] >= began]
    return _check(len(asked) == 1, f"{len(asked)} request after the quota was used up" + "s" * (len(asked) != 1))


def answered_after_quota(messages: list[Message]) -> Check:
    """The tasks of that time were done all the same, by Claude."""
    names = {phase.name for phase in GEMINI_IS_OUT}
    late = [message for message in messages if message.phase in names]
    good = [m for m in late if m.outcome == "completed" and m.record and str(m.record.model).startswith("claude-")]
    return _check(len(good) == len(late), f"{len(good)} of {len(late)} tasks answered by Claude")


def _check(passed: bool, detail: str) -> Check:
    return {"passed": passed, "detail": detail}
