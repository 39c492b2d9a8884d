"""Checks the ledger and the results: each check compares two sources that are independent of each other."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from demo.phases import ACCOUNT_PHASE, GEMINI_QUOTA_PHASES, LANE_PHASE, THINKING_PHASE
from demo.results import StackResults
from demo.traffic import SentMessage
from pointsman.routing.catalog import Provider, load_catalog
from pointsman.values.usage import Usage

type DemoCheck = dict[str, Any]
"""`passed`, and both sides in `detail`."""


def check_settled(messages: list[SentMessage]) -> DemoCheck:
    """Check that every message has ended, is a duplicate or is rejected."""
    still_open = [message.sample.file for message in messages if not message.settled]
    detail = f"{len(messages) - len(still_open)} of {len(messages)} messages"
    return _check(not still_open, f"{detail}; open: {', '.join(still_open)}" if still_open else detail)


def check_dead_letters(messages: list[SentMessage], results: StackResults) -> DemoCheck:
    """Check that the dead-letter queue holds each rejected message once, with a reason."""
    rejected = Counter(message.sent.message_id for message in messages if message.outcome == "rejected")
    letters = Counter(letter["message_id"] for letter in results.dead_letters if letter["reason"])
    return _check(rejected == letters, f"{rejected.total()} rejected, {letters.total()} dead letters with a reason")


def check_delivered(messages: list[SentMessage]) -> DemoCheck:
    """Check that every ended task was delivered to the event bus and to its reply_to."""
    waiting = [message.sample.file for message in messages if message.undelivered]
    return _check(not waiting, f"not delivered: {', '.join(waiting)}" if waiting else "every ended task is delivered")


def expecting_reply(messages: list[SentMessage]) -> list[SentMessage]:
    """Return the ended messages with a reply_to."""
    return [
        message
        for message in messages
        if message.record and message.record.reply_to and message.outcome in ("completed", "failed")
    ]


def check_replies(messages: list[SentMessage], results: StackResults) -> DemoCheck:
    """Check that each task with a reply_to queue got one reply there."""
    expected = Counter(message.sent.task_id for message in expecting_reply(messages))
    received = Counter(reply["task_id"] for reply in results.replies)
    return _check(expected == received, f"{expected.total()} expected, {received.total()} received")


def check_requests(journal: Iterable[dict[str, Any]], results: StackResults, faked: set[str]) -> DemoCheck:
    """Check that the requests at the fake providers are the attempts in the ledger, one for one."""
    models = load_catalog().models
    single = [row for row in results.attempts if not row.get("batch_entry")]
    recorded = Counter(f"{row['task_id']}.{row['turn']}" for row in single if models[row["model"]].provider in faked)
    arrived = Counter(str(entry["attempt"]) for entry in journal)
    return _check(recorded == arrived, f"{arrived.total()} requests arrived, {recorded.total()} attempts in the ledger")


def check_lane(batches: list[dict[str, Any]], messages: list[SentMessage], results: StackResults) -> DemoCheck:
    """Check that one batch has the tasks of the economy lane, each entry one row, at half the standard price."""
    models = load_catalog().models
    tasks = [message for message in messages if message.phase == LANE_PHASE.name]
    rows = [row for row in results.attempts if row.get("batch_entry")]
    entries = [name for batch in batches for name in batch["custom_ids"]]
    halves = [
        2 * row["cost_nano"]
        == models[row["billed_model"]].cost_nano(
            Usage(**{kind: row.get(kind, 0) for kind in Usage().as_dict()}), datetime.fromisoformat(row["at"])
        )
        for row in rows
    ]
    same = Counter(entries) == Counter(row["batch_entry"] for row in rows)
    answered = [message for message in tasks if message.outcome == "completed"]
    detail = f"{len(batches)} batch, {len(entries)} entries, {sum(halves)} rows at half the price"
    return _check(len(batches) == 1 and same and all(halves) and len(answered) == len(rows) == len(tasks), detail)


def check_report_sums(results: StackResults) -> DemoCheck:
    """Check that the report equals the ledger, to the nano-dollar, and that its parts add up."""
    rows, totals = results.attempts_of_day, results.report["totals"]
    ledger_cost = sum(row.get("cost_nano", row["reserved_nano"]) for row in rows)
    parts = results.report["tiers"].values()
    parts_cost = sum(part["cost_nano"] for part in parts) + results.report["classification"]["cost_nano"]
    same = ledger_cost == totals["cost_nano"] == parts_cost and len(rows) == totals["attempts"]
    return _check(
        same,
        f"report {totals['cost_nano']} nano-dollars in {totals['attempts']} attempts, tiers and classification "
        f"{parts_cost}, ledger {ledger_cost} in {len(rows)}",
    )


def check_gemini_left_alone(journal: Iterable[dict[str, Any]], began: float) -> DemoCheck:
    """Check that Gemini got one request after its daily quota was used up, and no more."""
    after_quota = [entry for entry in journal if entry["provider"] == Provider.GEMINI and entry["started"] >= began]
    return _check(
        len(after_quota) == 1, f"{len(after_quota)} request after the quota was used up" + "s" * (len(after_quota) != 1)
    )


def check_answered_after_quota(messages: list[SentMessage]) -> DemoCheck:
    """Check that Claude answered the tasks of the phases without Gemini."""
    names = {phase.name for phase in GEMINI_QUOTA_PHASES}
    tasks = [message for message in messages if message.phase in names]
    by_claude = [task for task in tasks if task.outcome == "completed" and _model(task).startswith("claude-")]
    return _check(len(by_claude) == len(tasks), f"{len(by_claude)} of {len(tasks)} tasks answered by Claude")


def check_thinking(messages: list[SentMessage]) -> DemoCheck:
    """Check that a task whose first answer was all thinking was answered at the second call."""
    return _check_attempts([message for message in messages if message.phase == THINKING_PHASE.name])


def _check_attempts(messages: list[SentMessage]) -> DemoCheck:
    attempts = [message.record.attempts for message in messages if message.record and message.outcome == "completed"]
    return _check(attempts == [2], f"answered after {', '.join(map(str, attempts)) or 'no'} calls")


def check_account_left_alone(
    messages: list[SentMessage], journal: Iterable[dict[str, Any]], regain: float
) -> DemoCheck:
    """Check that a refused account got one request before it was served again, and its task an answer then."""
    tasks = [message for message in messages if message.phase == ACCOUNT_PHASE.name]
    sent = {f"{message.sent.task_id}." for message in tasks}
    before = [
        entry
        for entry in journal
        if entry["started"] < regain and any(str(entry["attempt"]).startswith(task) for task in sent)
    ]
    answered = _check_attempts(tasks)
    detail = f"{len(before)} request before it was served again; {answered['detail']}"
    return _check(bool(answered["passed"]) and len(before) == 1, detail)


def _model(message: SentMessage) -> str:
    return str(message.record.model) if message.record else ""


def _check(passed: bool, detail: str) -> DemoCheck:
    return {"passed": passed, "detail": detail}
