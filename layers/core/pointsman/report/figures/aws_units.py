"""The units that AWS bills for a month of 30 equal days, each with its derivation."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pointsman.values.taxonomy import Tier

DAYS_OF_MONTH = 30
_DAY_SECONDS = 86_400
ASSUMED_TRAFFIC = {Tier.ORCHESTRATION: Decimal(15), Tier.IMPLEMENTATION: Decimal(8), Tier.REASONING: Decimal(1) / 7}
"""Tasks a day of the team that this was made for; other volumes have the same mix."""
CALL_SECONDS = {Tier.ORCHESTRATION: Decimal("0.5"), Tier.IMPLEMENTATION: Decimal(2), Tier.REASONING: Decimal("6.5")}
"""How long a call takes: the middle of the team's assumptions."""

TASK_TRANSITIONS, _RETRY_TRANSITIONS = 4, 4
"""What next?, Run ..., What next?, Completed. A further call: Wait, What next?, Run ..., What next?."""
_IDLE_POLLS = 648_000
"""An event source mapping holds five polls of 20 s on an idle queue: 5 x 3 x 60 x 24 x 30."""
_MEMORY_GB = 1
_WARM_SECONDS = {"router": Decimal("0.25"), "tier": Decimal("0.2")}
"""Seconds of a warm invocation without the call to a model: some round trips to DynamoDB, and the event."""
_COLD_START_SECONDS = {
    "router": Decimal("0.9"),
    "gemini": Decimal("1.2"),
    "claude": Decimal("2.3"),
}
"""Billed seconds of a cold start, measured under Lambda's runtime interface emulator without shipped .pyc files."""

_PROMPT_KB, _ANSWER_KB = 50, 4
"""Prompts of the traffic above have 5,000 to 25,000 tokens of about 4 bytes: over 8 KB, so they go to S3."""
_LARGE_ANSWERS = Decimal("0.3")
"""Share of answers over 8 KB, which go to S3 too."""
_PAYLOAD_DAYS = 90
"""Retention of prompts and answers in S3."""
_ITEM_DAYS = _ROW_DAYS = 100
"""Retention of tasks and of ledger rows in DynamoDB."""
_ARCHIVE_KB, _ARCHIVE_DAYS, _ARCHIVE_FILES = Decimal("0.025"), 365, 9
"""Size of an archived row, measured by benchmarks/report_scale.py; the first year of the archive, which is never
deleted; files a day: one per shard, and the manifest.
"""

_TASK_KB, _TASK_DONE_KB, _ROW_KB = 2, 4, Decimal("0.8")
"""A running task's item, a task's item with an inline answer, a row of the ledger. A write unit is 1 KB, rounded up."""
_BUDGET_ITEMS = 2
"""Items of counters in each transaction of a paid call, the month's and the day's, each under 1 KB."""
_LOG_KB = Decimal("2.7")
"""Logs of a task: two invocations, each with the runtime's lines and one or two structured ones."""
MODELS_READ = 3
"""Model health items that the router reads per batch, and the sweep per run: those of the models in use."""
_SWEEPS, _LEDGER_SHARDS = 96 * DAYS_OF_MONTH, 8
_SWEEP_WINDOW_DAYS = Decimal(26) / (24 * 60)
"""Share of a day that one sweep reads: since the previous watermark, which is 11 minutes behind."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What the template deploys and AWS bills regardless of traffic."""

    alarms: int
    metrics: int
    dashboards: int


DEPLOYED = Resources(alarms=10, metrics=7, dashboards=1)
"""A test compares them with template.yaml. Each metric has one set of dimensions."""


@dataclass(frozen=True, slots=True)
class DayLoad:
    """The load of one day."""

    tasks: Decimal
    calls: Mapping[Tier, Decimal]
    """Calls to models, by the tier whose budget paid."""
    call_seconds: Decimal
    """The duration of all calls."""

    @property
    def all_calls(self) -> Decimal:
        """The calls of all tiers."""
        return sum(self.calls.values(), Decimal())


def plain_day(tasks_per_day: int) -> DayLoad:
    """Return a day of tasks in the team's mix, each on the shortest path.

    The task is received from the queue, classified without a model, answered by the first call to the first model of
    its tier, and delivered by the function that has the answer, to the event bus alone.
    """
    calls = {tier: tasks_per_day * tier_share(tier) for tier in Tier}
    seconds = sum((calls[tier] * CALL_SECONDS[tier] for tier in Tier), Decimal())
    return DayLoad(Decimal(tasks_per_day), calls, seconds)


def tier_share(tier: Tier) -> Decimal:
    """Return the tier's share of all tasks."""
    return ASSUMED_TRAFFIC[tier] / sum(ASSUMED_TRAFFIC.values())


def _batch_size(tasks_per_day: Decimal) -> Decimal:
    """Return the messages per batch: one while the queue empties between two, ten from ten a second on."""
    return min(Decimal(10), max(Decimal(1), tasks_per_day / _DAY_SECONDS))


def _cold_share(tasks_per_day: Decimal) -> Decimal:
    """Return the share of cold starts: all invocations when tasks are minutes apart."""
    return Decimal(1) if tasks_per_day < 300 else Decimal("0.1") if tasks_per_day < 100_000 else Decimal("0.01")


LIST_WRITES = 1
"""DynamoDB write units of a task's entry in the index on the time of receipt, which never changes."""
TASK_WRITES = _TASK_KB + _TASK_DONE_KB + 2 + LIST_WRITES
"""DynamoDB write units of a task without its calls: claim, delivery; and on the sweep's index and off it."""


def call_writes(tier: Tier) -> int:
    """Return the DynamoDB write units of a call; units of a transaction count twice.

    Reserve: the intent, the task, and the model's slot or the budget's counters. Settle: the outcome, the slot or the
    counters, and the answer.
    """
    slot_or_counters = 1 if tier is Tier.ORCHESTRATION else _BUDGET_ITEMS
    return 2 * (1 + _TASK_KB + slot_or_counters) + 2 * (1 + slot_or_counters + _TASK_DONE_KB)


REPORT_READS = Decimal("0.5")
"""DynamoDB read units of a task for the report, which reads each task of its day once, a little late: 4 KB for half a
unit. The index that it finds them by takes a hundredth of that.
"""
CALL_READS, TASK_READS = 6, 1
"""DynamoDB read units: task, model and four items of counters of a call; the task at its delivery. Model health is read
per batch.
"""


def monthly_units(day: DayLoad, deployed: Resources = DEPLOYED) -> dict[str, Decimal]:
    """Return a month's units by their keys in aws_prices.json."""
    tasks, calls = day.tasks * DAYS_OF_MONTH, day.all_calls * DAYS_OF_MONTH
    batches, starts = tasks / _batch_size(day.tasks), _cold_share(day.tasks)
    rows = calls * 2  # an intent and an outcome
    further_calls = max(calls - tasks, Decimal())
    invocations = {
        "router": batches,
        "tier": calls,
        "sweep": Decimal(_SWEEPS),
        "report": Decimal(2 * DAYS_OF_MONTH),  # the second one makes up for a first that did not run
    }
    return {
        # Sends, receives and deletes; the polls of an idle queue already include as many receives.
        "sqs_requests": tasks + max(Decimal(_IDLE_POLLS), batches) + batches,
        "lambda_requests": sum(invocations.values(), Decimal()),
        "lambda_gb_seconds": _seconds(day, batches, starts, rows) * _MEMORY_GB,
        "transitions": tasks * TASK_TRANSITIONS + further_calls * _RETRY_TRANSITIONS,
        # The sweeps' watermarks, tasks, calls.
        "dynamodb_writes": _SWEEPS
        + tasks * TASK_WRITES
        + DAYS_OF_MONTH * sum((day.calls[tier] * call_writes(tier) for tier in Tier), Decimal()),
        "dynamodb_reads": batches * MODELS_READ
        + tasks * (TASK_READS + REPORT_READS)
        + calls * CALL_READS
        + _sweep_reads(rows)
        + _archive_reads(rows),
        "dynamodb_gb": (rows * _ROW_KB * _ROW_DAYS + tasks * _TASK_DONE_KB * _ITEM_DAYS) / DAYS_OF_MONTH / 1_000_000,
        "backup_gb": rows * _ROW_KB * _ROW_DAYS / DAYS_OF_MONTH / 1_000_000,
        "s3_puts": tasks * (1 + _LARGE_ANSWERS) + (6 + _ARCHIVE_FILES) * DAYS_OF_MONTH,
        # An archived file is read back once, then by the reports of two days; so is the manifest of reports.
        "s3_gets": calls + tasks * _LARGE_ANSWERS + (3 * _ARCHIVE_FILES + 3) * DAYS_OF_MONTH,
        "s3_gb": (
            tasks * (_PROMPT_KB + _LARGE_ANSWERS * 4 * _ANSWER_KB) * _PAYLOAD_DAYS + rows * _ARCHIVE_KB * _ARCHIVE_DAYS
        )
        / DAYS_OF_MONTH
        / 1_000_000,
        "events": tasks,
        "schedules": Decimal(_SWEEPS + 2 * DAYS_OF_MONTH),
        "sns_emails": Decimal(DAYS_OF_MONTH),
        "log_gb": (tasks * _LOG_KB + _SWEEPS) / 1_000_000,
        "log_gb_kept": (tasks * _LOG_KB + _SWEEPS) / 1_000_000,
        "metrics": Decimal(deployed.metrics),
        "alarms": Decimal(deployed.alarms),
        "dashboards": Decimal(deployed.dashboards),
        "traces": sum(map(_traced, invocations.values()), Decimal()),
        "kms_requests": calls * starts,
        "transfer_gb": calls * _PROMPT_KB / 1_000_000,
    }


def _seconds(day: DayLoad, batches: Decimal, starts: Decimal, rows: Decimal) -> Decimal:
    calls, gemini = day.all_calls * DAYS_OF_MONTH, day.calls[Tier.ORCHESTRATION] * DAYS_OF_MONTH
    router = batches * (_WARM_SECONDS["router"] + starts * _COLD_START_SECONDS["router"])
    tier = calls * _WARM_SECONDS["tier"] + day.call_seconds * DAYS_OF_MONTH
    tier += starts * (gemini * _COLD_START_SECONDS["gemini"] + (calls - gemini) * _COLD_START_SECONDS["claude"])
    # Sweep and report take 1.5 s, and about 10 s per 100,000 rows: the sweep reads its window, and each day twice for
    # the archive; the report reads two days of the archive.
    rows_read = _SWEEPS * rows / DAYS_OF_MONTH * _SWEEP_WINDOW_DAYS + 4 * rows
    return router + tier + (_SWEEPS + DAYS_OF_MONTH) * Decimal("1.5") + rows_read / 10_000


def _sweep_reads(rows: Decimal) -> Decimal:
    """Return the read units of all sweeps. Each queries every shard of its window: at least one unit, which reads 4 KB.

    A sweep also reads the watermarks twice, the models' health, the index of undelivered tasks, the notices already
    sent, and in a transaction, at two units an item, the month's two items of counters for the metric and the notice.
    """
    window_units = rows / DAYS_OF_MONTH * _SWEEP_WINDOW_DAYS * _ROW_KB / 4
    return _SWEEPS * (max(Decimal(_LEDGER_SHARDS), window_units) + MODELS_READ + 4 + 2 * 2 * 2)


def _archive_reads(rows: Decimal) -> Decimal:
    """Return the read units of archiving, which reads each row once; reports read the archive.

    Outside of UTC they also read some hours of the table.
    """
    return max(Decimal(DAYS_OF_MONTH * _LEDGER_SHARDS), rows * _ROW_KB / 4)


def _traced(invocations: Decimal) -> Decimal:
    """Return the traces of one function: Lambda samples one request a second and 5% of the others."""
    first = min(invocations, Decimal(DAYS_OF_MONTH * _DAY_SECONDS))
    return first + (invocations - first) / 20
