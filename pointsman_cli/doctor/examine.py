"""All checks in order; one that cannot be made says so, and the others go on."""

from collections.abc import Callable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from pointsman_cli.doctor import deployment, limits, models, traffic
from pointsman_cli.doctor.finding import Finding, unchecked
from pointsman_cli.doctor.stack_probe import StackProbe

type DoctorCheck = Callable[[StackProbe], Iterator[Finding]]

CHECKS: tuple[tuple[str, DoctorCheck], ...] = (
    ("stack", deployment.stack_findings),
    ("drift", deployment.drift),
    ("drift", deployment.configuration),
    ("key", models.keys),
    ("key", models.webhook_key_findings),
    ("model", models.model_findings),
    ("queue", traffic.queues),
    ("alarms", traffic.alarms),
    ("alarms", traffic.told),
    ("clock", deployment.clock),
    ("quota", limits.quotas),
    ("budget", limits.budget_findings),
)


def examine(patient: StackProbe, tell: Callable[[str], None]) -> Iterator[Finding]:
    """Yield the findings of all checks; `tell` is given the name of each before it is made."""
    for name, check in CHECKS:
        tell(name)
        try:
            yield from check(patient)
        except ClientError as error:
            yield unchecked(name, "", f"AWS refuses {error.operation_name}: {error.response['Error'].get('Code')}")
        except BotoCoreError as error:
            yield unchecked(name, "", f"AWS is not reached: {type(error).__name__}")
