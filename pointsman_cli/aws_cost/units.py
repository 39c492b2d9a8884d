"""The units that the design uses in a month of 30 days, each with its derivation.

What a task does is counted on its plain path: taken from the queue, decided without asking a model, answered by the
first model of its tier at the first try, delivered.
"""

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from pointsman.domain.taxonomy import Tier

DAYS = 30
DAY_SECONDS = 86_400
TRAFFIC = {Tier.ORCHESTRATION: Decimal(15), Tier.IMPLEMENTATION: Decimal(8), Tier.REASONING: Decimal(1) / 7}
"""Tasks a day of the team that this was made for; other numbers of tasks have the same mix."""
CALL_SECONDS = {Tier.ORCHESTRATION: Decimal("0.5"), Tier.IMPLEMENTATION: Decimal(2), Tier.REASONING: Decimal("6.5")}
"""How long a model takes: the middle of what the team counts with."""

TRANSITIONS = 5
"""What next?, Run ..., What next?, Deliver answer, Completed."""
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
ITEM_DAYS, ROW_DAYS = 100, 400
"""Of task items and of the ledger's rows in DynamoDB."""

TASK_KB, TASK_DONE_KB, ROW_KB = 2, 4, Decimal("0.8")
"""A task's item while it runs, and with an inline answer; a row of the ledger. A write unit is 1 KB, rounded up."""
MONTH_KB = 4
"""The month's item in its middle: 8 counters a day, 30 bytes each."""
LOG_KB = 4
"""Of a task: three invocations, each with the runtime's lines and one or two structured ones."""
MODELS = 10
"""Items that the router reads of the models' states, and the sweep too."""
SWEEPS, LOOK_BACK_DAYS, SHARDS = 96 * DAYS, 3, 8


@dataclass(frozen=True, slots=True)
class Resources:
    """What the template deploys and AWS counts, whatever the traffic."""

    alarms: int
    metrics: int
    dashboards: int


def resources(template: Path) -> Resources:
    """Return the counts of a template. Metrics have one dimension set each; the log filters' has none."""
    text = template.read_text(encoding="utf-8")
    named = re.findall(r"Namespace: Pointsman(?:,|\n)\s+MetricName: (\w+)", text)
    return Resources(
        alarms=text.count("Type: AWS::CloudWatch::Alarm"),
        metrics=len(set(named)),
        dashboards=text.count("Type: AWS::CloudWatch::Dashboard"),
    )


def share(tier: Tier) -> Decimal:
    """Return the part of all tasks that are of the tier."""
    return TRAFFIC[tier] / sum(TRAFFIC.values())


def batch_size(tasks_per_day: int) -> Decimal:
    """Return the messages of a batch: one while the queue is empty between two, ten from ten a second on."""
    return min(Decimal(10), max(Decimal(1), Decimal(tasks_per_day) / DAY_SECONDS))


def cold(tasks_per_day: int) -> Decimal:
    """Return the share of invocations that start cold: all of them when tasks are minutes apart."""
    return Decimal(1) if tasks_per_day < 300 else Decimal("0.1") if tasks_per_day < 100_000 else Decimal("0.01")


def writes(tier: Tier) -> Decimal:
    """Return DynamoDB's write units of a task: those of a transaction count twice.

    Claim and start; reserve: intent, turn, and the model's slot or the month's counters; settle: outcome, the same
    again, and the answer; delivered.
    """
    guard = 1 if tier is Tier.ORCHESTRATION else MONTH_KB
    reserve = 2 * (1 + TASK_KB + guard)
    settle = 2 * (1 + guard + TASK_DONE_KB)
    return Decimal(TASK_KB + TASK_KB + reserve + settle + TASK_DONE_KB)


def reads(tasks_per_day: int) -> Decimal:
    """Return DynamoDB's read units of a task: the models' states once a batch; task, model, month; task."""
    return MODELS / batch_size(tasks_per_day) + 3 + 1


def units(tasks_per_day: int, deployed: Resources) -> dict[str, Decimal]:
    """Return a month's units by their names in prices.json."""
    tasks, per_batch = Decimal(tasks_per_day * DAYS), batch_size(tasks_per_day)
    batches, starts = tasks / per_batch, cold(tasks_per_day)
    rows = tasks * 2  # an intent and an outcome
    invocations = {
        "router": batches,
        "tier": tasks,
        "delivery": tasks,
        "sweep": Decimal(SWEEPS),
        "report": Decimal(DAYS),
    }
    return {
        # Sent once; received and deleted by the batch. What idle polling covers is not asked for twice.
        "sqs_requests": tasks + max(Decimal(IDLE_POLLS), batches) + batches,
        "lambda_requests": sum(invocations.values(), Decimal()),
        "lambda_gb_seconds": _seconds(tasks, batches, starts, rows) * MEMORY_GB,
        "transitions": tasks * TRANSITIONS,
        "dynamodb_writes": tasks * sum((share(tier) * writes(tier) for tier in Tier), Decimal()),
        "dynamodb_reads": tasks * reads(tasks_per_day) + _sweep_reads(rows) + _report_reads(rows),
        "dynamodb_gb": (rows * ROW_KB * ROW_DAYS + tasks * TASK_DONE_KB * ITEM_DAYS) / DAYS / 1_000_000,
        "backup_gb": rows * ROW_KB * ROW_DAYS / DAYS / 1_000_000,
        "s3_puts": tasks * (1 + LARGE_ANSWERS) + 6 * DAYS,
        "s3_gets": tasks * (1 + LARGE_ANSWERS) + DAYS,
        "s3_gb": tasks * (PROMPT_KB + LARGE_ANSWERS * 4 * ANSWER_KB) * KEPT_DAYS / DAYS / 1_000_000,
        "events": tasks,
        "schedules": Decimal(SWEEPS + DAYS),
        "sns_emails": Decimal(DAYS),
        "log_gb": (tasks * LOG_KB + SWEEPS) / 1_000_000,
        "log_gb_kept": (tasks * LOG_KB + SWEEPS) / 1_000_000,
        "metrics": Decimal(deployed.metrics),
        "alarms": Decimal(deployed.alarms),
        "dashboards": Decimal(deployed.dashboards),
        "traces": sum(map(_traced, invocations.values()), Decimal()),
        "kms_requests": tasks * starts,
        "transfer_gb": tasks * PROMPT_KB / 1_000_000,
    }


def _seconds(tasks: Decimal, batches: Decimal, starts: Decimal, rows: Decimal) -> Decimal:
    calls = sum((share(tier) * CALL_SECONDS[tier] for tier in Tier), Decimal())
    gemini = share(Tier.ORCHESTRATION)
    sdk = gemini * START["gemini"] + (1 - gemini) * START["claude"]
    router = batches * (AROUND["router"] + starts * START["router"])
    tier = tasks * (AROUND["tier"] + calls + starts * sdk)
    delivery = tasks * (AROUND["delivery"] + starts * START["delivery"])
    # The sweep and the report take a second and a half, and about 10 s for each 100,000 rows that they read.
    read = SWEEPS * rows / DAYS * LOOK_BACK_DAYS + DAYS * rows / 2
    return router + tier + delivery + (SWEEPS + DAYS) * Decimal("1.5") + read / 10_000


def _sweep_reads(rows: Decimal) -> Decimal:
    """Each sweep asks every shard of the days it looks back on, one unit at least; a unit reads 4 KB."""
    shards = (LOOK_BACK_DAYS + 1) * SHARDS
    seen = rows / DAYS * LOOK_BACK_DAYS * ROW_KB / 4
    return SWEEPS * (max(Decimal(shards), seen) + MODELS + 2)


def _report_reads(rows: Decimal) -> Decimal:
    """Each report reads its month so far: half of one on average."""
    return DAYS * max(Decimal(16 * SHARDS), rows / 2 * ROW_KB / 4)


def _traced(invocations: Decimal) -> Decimal:
    """Lambda samples one request a second, and a twentieth of the others; each function counts for itself."""
    first = min(invocations, Decimal(DAYS * DAY_SECONDS))
    return first + (invocations - first) / 20
