"""The units that AWS counts in a month of 30 days which are all like one day, each with its derivation."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pointsman.values.taxonomy import Tier

DAYS_OF_MONTH = 30
DAY_SECONDS = 86_400
ASSUMED_TRAFFIC = {Tier.ORCHESTRATION: Decimal(15), Tier.IMPLEMENTATION: Decimal(8), Tier.REASONING: Decimal(1) / 7}
"""Tasks a day of the team that this was made for; other numbers of tasks have the same mix."""
CALL_SECONDS = {Tier.ORCHESTRATION: Decimal("0.5"), Tier.IMPLEMENTATION: Decimal(2), Tier.REASONING: Decimal("6.5")}
"""How long a model takes: the middle of what the team counts with."""

TRANSITIONS, RETRIES = 5, 4
"""What next?, Run ..., What next?, Deliver answer, Completed. A further call: Wait, What next?, Run ..., What next?."""
IDLE_POLLS = 648_000
"""One event source mapping polls an idle queue five at a time, 20 s each: 5 x 3 x 60 x 24 x 30."""
MEMORY_GB = 1
AROUND = {"router": Decimal("0.25"), "tier": Decimal("0.15"), "delivery": Decimal("0.15")}
"""Seconds of a warm invocation beside the call to a model: some round trips to DynamoDB."""
START = {"router": Decimal("0.9"), "gemini": Decimal("1.2"), "claude": Decimal("2.3"), "delivery": Decimal("0.9")}
"""Seconds of a cold start, which are billed: measured under Lambda's runtime interface emulator, no .pyc shipped."""

PROMPT_KB, ANSWER_KB = 50, 4
"""A task's text in the traffic above has 5 to 25 thousand tokens, about 4 bytes each: it goes to S3 (over 8 KB)."""
LARGE_ANSWERS = Decimal("0.3")
"""Share of answers over 8 KB, which go to S3 too."""
KEPT_DAYS = 90
"""Of bodies in S3."""
ITEM_DAYS = ROW_DAYS = 100
"""Of task items and of the ledger's rows in DynamoDB."""
ARCHIVE_KB, ARCHIVE_DAYS, ARCHIVE_FILES = Decimal("0.025"), 365, 9
"""Of a row in the archive, measured by benchmarks/report_scale.py; of the archive, which is never deleted, its first
year; of a day: a file per shard, and its manifest.
"""

TASK_KB, TASK_DONE_KB, ROW_KB = 2, 4, Decimal("0.8")
"""A task's item while it runs, and with an inline answer; a row of the ledger. A write unit is 1 KB, rounded up."""
MONTH_KB = 4
"""The month's item in its middle: 8 counters a day, 30 bytes each."""
LOG_KB = 4
"""Of a task: three invocations, each with the runtime's lines and one or two structured ones."""
MODELS_READ = 10
"""Items that the router reads of the models' states, and the sweep too."""
SWEEPS, LEDGER_SHARDS = 96 * DAYS_OF_MONTH, 8
SWEPT = Decimal(26) / (24 * 60)
"""Of a day, what one sweep reads: since the last one's mark, which is 11 minutes behind it."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What the template deploys and AWS counts, whatever the traffic."""

    alarms: int
    metrics: int
    dashboards: int


DEPLOYED = Resources(alarms=10, metrics=7, dashboards=1)
"""A test counts them in template.yaml. Each metric has one set of dimensions."""


@dataclass(frozen=True, slots=True)
class Day:
    """What was done in a day."""

    tasks: Decimal
    calls: Mapping[Tier, Decimal]
    """Calls to models, by the tier that paid."""
    call_seconds: Decimal
    """That all of them took."""

    @property
    def all_calls(self) -> Decimal:
        """The calls of all tiers."""
        return sum(self.calls.values(), Decimal())


def plain(tasks_per_day: int) -> Day:
    """Return a day of tasks in the team's mix on their plain path.

    Each is taken from the queue, decided without asking a model, answered by the first model of its tier at the first
    try, delivered.
    """
    calls = {tier: tasks_per_day * share_of(tier) for tier in Tier}
    seconds = sum((calls[tier] * CALL_SECONDS[tier] for tier in Tier), Decimal())
    return Day(Decimal(tasks_per_day), calls, seconds)


def share_of(tier: Tier) -> Decimal:
    """Return the part of all tasks that are of the tier."""
    return ASSUMED_TRAFFIC[tier] / sum(ASSUMED_TRAFFIC.values())


def batch_size(tasks_per_day: Decimal) -> Decimal:
    """Return the messages of a batch: one while the queue is empty between two, ten from ten a second on."""
    return min(Decimal(10), max(Decimal(1), tasks_per_day / DAY_SECONDS))


def cold(tasks_per_day: Decimal) -> Decimal:
    """Return the share of invocations that start cold: all of them when tasks are minutes apart."""
    return Decimal(1) if tasks_per_day < 300 else Decimal("0.1") if tasks_per_day < 100_000 else Decimal("0.01")


TASK_WRITES = TASK_KB + TASK_KB + TASK_DONE_KB
"""DynamoDB's write units of a task beside its calls: claim, start, delivered."""


def call_writes(tier: Tier) -> int:
    """Return DynamoDB's write units of a call: those of a transaction count twice.

    Reserve: intent, turn, and the model's slot or the month's counters; settle: outcome, the same, and the answer.
    """
    guard = 1 if tier is Tier.ORCHESTRATION else MONTH_KB
    return 2 * (1 + TASK_KB + guard) + 2 * (1 + guard + TASK_DONE_KB)


CALL_READS, TASK_READS = 3, 1
"""DynamoDB's read units: task, model and month of a call; the task at its delivery. Once a batch the models' states."""


def units(day: Day, deployed: Resources = DEPLOYED) -> dict[str, Decimal]:
    """Return a month's units by their names in aws_prices.json."""
    tasks, calls = day.tasks * DAYS_OF_MONTH, day.all_calls * DAYS_OF_MONTH
    batches, starts = tasks / batch_size(day.tasks), cold(day.tasks)
    rows = calls * 2  # an intent and an outcome
    again = max(calls - tasks, Decimal())
    invocations = {
        "router": batches,
        "tier": calls,
        "delivery": tasks,
        "sweep": Decimal(SWEEPS),
        "report": Decimal(DAYS_OF_MONTH),
    }
    return {
        # Sent once; received and deleted by the batch. What idle polling covers is not asked for twice.
        "sqs_requests": tasks + max(Decimal(IDLE_POLLS), batches) + batches,
        "lambda_requests": sum(invocations.values(), Decimal()),
        "lambda_gb_seconds": _seconds(day, batches, starts, rows) * MEMORY_GB,
        "transitions": tasks * TRANSITIONS + again * RETRIES,
        # Beside those of tasks and calls, how far each sweep settled the ledger.
        "dynamodb_writes": SWEEPS
        + tasks * TASK_WRITES
        + DAYS_OF_MONTH * sum((day.calls[tier] * call_writes(tier) for tier in Tier), Decimal()),
        "dynamodb_reads": batches * MODELS_READ
        + tasks * TASK_READS
        + calls * CALL_READS
        + _sweep_reads(rows)
        + _archive_reads(rows),
        "dynamodb_gb": (rows * ROW_KB * ROW_DAYS + tasks * TASK_DONE_KB * ITEM_DAYS) / DAYS_OF_MONTH / 1_000_000,
        "backup_gb": rows * ROW_KB * ROW_DAYS / DAYS_OF_MONTH / 1_000_000,
        "s3_puts": tasks * (1 + LARGE_ANSWERS) + (6 + ARCHIVE_FILES) * DAYS_OF_MONTH,
        # An archived file is read back, then by the reports of two days; the manifest of reports too.
        "s3_gets": calls + tasks * LARGE_ANSWERS + (3 * ARCHIVE_FILES + 3) * DAYS_OF_MONTH,
        "s3_gb": (tasks * (PROMPT_KB + LARGE_ANSWERS * 4 * ANSWER_KB) * KEPT_DAYS + rows * ARCHIVE_KB * ARCHIVE_DAYS)
        / DAYS_OF_MONTH
        / 1_000_000,
        "events": tasks,
        "schedules": Decimal(SWEEPS + DAYS_OF_MONTH),
        "sns_emails": Decimal(DAYS_OF_MONTH),
        "log_gb": (tasks * LOG_KB + SWEEPS) / 1_000_000,
        "log_gb_kept": (tasks * LOG_KB + SWEEPS) / 1_000_000,
        "metrics": Decimal(deployed.metrics),
        "alarms": Decimal(deployed.alarms),
        "dashboards": Decimal(deployed.dashboards),
        "traces": sum(map(_traced, invocations.values()), Decimal()),
        "kms_requests": calls * starts,
        "transfer_gb": calls * PROMPT_KB / 1_000_000,
    }


def _seconds(day: Day, batches: Decimal, starts: Decimal, rows: Decimal) -> Decimal:
    calls, gemini = day.all_calls * DAYS_OF_MONTH, day.calls[Tier.ORCHESTRATION] * DAYS_OF_MONTH
    router = batches * (AROUND["router"] + starts * START["router"])
    tier = calls * AROUND["tier"] + day.call_seconds * DAYS_OF_MONTH
    tier += starts * (gemini * START["gemini"] + (calls - gemini) * START["claude"])
    delivery = day.tasks * DAYS_OF_MONTH * (AROUND["delivery"] + starts * START["delivery"])
    # The sweep and the report take a second and a half, and about 10 s for each 100,000 rows that they read: the sweep
    # its window and each day twice for the archive, the report two days of the archive.
    read = SWEEPS * rows / DAYS_OF_MONTH * SWEPT + 4 * rows
    return router + tier + delivery + (SWEEPS + DAYS_OF_MONTH) * Decimal("1.5") + read / 10_000


def _sweep_reads(rows: Decimal) -> Decimal:
    """Each sweep asks every shard of its window, one unit at least; a unit reads 4 KB.

    Beside them how far the ledger is settled, twice, the models, the index of undelivered tasks, the month's counters
    for the metric and for the notice, and what was told of the month's caps.
    """
    seen = rows / DAYS_OF_MONTH * SWEPT * ROW_KB / 4
    return SWEEPS * (max(Decimal(LEDGER_SHARDS), seen) + MODELS_READ + 6)


def _archive_reads(rows: Decimal) -> Decimal:
    """Each row is read once for the archive, which reports read; elsewhere than in UTC some hours of the table too."""
    return max(Decimal(DAYS_OF_MONTH * LEDGER_SHARDS), rows * ROW_KB / 4)


def _traced(invocations: Decimal) -> Decimal:
    """Lambda samples one request a second, and a twentieth of the others; each function counts for itself."""
    first = min(invocations, Decimal(DAYS_OF_MONTH * DAY_SECONDS))
    return first + (invocations - first) / 20
