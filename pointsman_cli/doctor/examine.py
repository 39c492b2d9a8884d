"""Runs all checks in order. A check that fails to run becomes a finding, and the next one runs."""

from collections.abc import Callable, Iterator, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from pointsman.values.errors import OutdatedTableError
from pointsman_cli.doctor import deployment, lane, limits, models, tasks, traffic
from pointsman_cli.doctor.stack_probe import Finding, StackProbe, to_do, unchecked

type DoctorCheck = Callable[[StackProbe], Iterator[Finding]]

CHECKS: tuple[tuple[str, DoctorCheck], ...] = (
    ("account", models.account_findings),
    ("stack", deployment.stack_findings),
    ("drift", deployment.drift_findings),
    ("drift", deployment.config_findings),
    ("key", models.key_findings),
    ("key", models.webhook_key_findings),
    ("billing", models.billing_findings),
    ("model", models.model_findings),
    ("queue", traffic.queue_findings),
    ("queue", traffic.reply_queue_findings),
    ("tasks", tasks.task_findings),
    ("alarms", traffic.alarm_findings),
    ("alarms", traffic.subscription_findings),
    ("clock", deployment.clock_findings),
    ("concurrency", limits.concurrency_findings),
    ("quota", limits.quota_findings),
    ("budget", limits.budget_findings),
    ("lane", lane.lane_findings),
)


def examine(
    probe: StackProbe, on_check: Callable[[str], None], checks: Sequence[tuple[str, DoctorCheck]] | None = None
) -> Iterator[Finding]:
    """Yield the findings of all checks, or of some. `on_check` gets the name of each check before it runs."""
    for name, check in CHECKS if checks is None else checks:
        on_check(name)
        try:
            yield from check(probe)
        except OutdatedTableError as error:
            yield to_do(name, "", str(error), f"deploy this version: `{probe.connection.deploy_step}`")
        except ClientError as error:
            yield unchecked(name, "", f"AWS refused {error.operation_name}: {error.response['Error'].get('Code')}")
        except BotoCoreError as error:
            yield unchecked(name, "", f"cannot reach AWS: {type(error).__name__}")
