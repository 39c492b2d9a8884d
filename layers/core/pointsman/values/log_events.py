"""The events of the structured log, one word list for all functions. What people search for and filter by, so a name
stays once it has been released; tests/unit/test_names.py compares the template's metric filters with it.
"""

from enum import StrEnum


class LogEvent(StrEnum):
    """What happened, as the log's `message`."""

    ACCOUNT_NOTICE_NOT_SENT = "account_notice_not_sent"
    ACCOUNT_NOT_SERVED = "account_not_served"
    ANSWER_NOT_STORED = "answer_not_stored"
    AUDIT_ANSWER_NOT_STORED = "audit_answer_not_stored"
    AUDIT_ENDED = "audit_ended"
    BUDGET_NOTICE_NOT_SENT = "budget_notice_not_sent"
    BUDGET_USED_UP = "budget_used_up"
    CALL_NOT_MADE = "call_not_made"
    CALL_SETTLED = "call_settled"
    CLASSIFICATION_NOT_ANSWERED = "classification_not_answered"
    COST_ABOVE_RESERVATION = "cost_above_reservation"
    """A bug: the cap is no longer sure."""
    DAY_ARCHIVED = "day_archived"
    DEAD_LETTER_REPLAYED = "dead_letter_replayed"
    DECISIONS_NOT_CACHED = "decisions_not_cached"
    DECISIONS_NOT_READ = "decisions_not_read"
    DELIVERY_FAILED = "delivery_failed"
    DUPLICATE_MESSAGE = "duplicate_message"
    MESSAGE_RETURNED = "message_returned"
    MODEL_RETIRED = "model_retired"
    OUTCOME_TOO_LATE = "outcome_too_late"
    REJECTION_NOT_DELIVERED = "rejection_not_delivered"
    REPLY_TARGET_GONE = "reply_target_gone"
    REPORT_PUBLISHED = "report_published"
    RESULT_NOT_READABLE = "result_not_readable"
    RESULT_NOT_AWAITED = "result_not_awaited"
    STORE_UNAVAILABLE = "store_unavailable"
    SUBTASKS_SENT = "subtasks_sent"
    SWEEP_ENDED = "sweep_ended"
    TASK_ACCEPTED = "task_accepted"
    TASK_COMPLETED = "task_completed"
    TASK_FAILED = "task_failed"
    TASK_REJECTED = "task_rejected"
    TASK_STARTED = "task_started"
