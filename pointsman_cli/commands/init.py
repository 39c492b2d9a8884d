"""`pointsman init`: from nothing to a deployed stack."""

import re
import shlex
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from pointsman_cli import output
from pointsman_cli.errors import BadInputError, CommandError, Exit
from pointsman_cli.options import AsJson, Profile

if TYPE_CHECKING:
    from pointsman_cli.first_deploy.asking import Prompter
    from pointsman_cli.first_deploy.keys import Key
    from pointsman_cli.first_deploy.options import DeployOptions

EXAMPLES = """\b
Examples:
  pointsman init
  pointsman init --plan
  pointsman init --yes --region eu-central-1 --email team@example.com --budget 20
  pointsman init --keys-only --stack pointsman     store other keys"""
STACK = "pointsman"
_STACK_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,40}")
"""CloudFormation takes 128 letters; the functions' names, made of it, end at 64."""


def init(
    stack: Annotated[str | None, typer.Option("--stack", metavar="NAME", help="The stack's name.")] = None,
    region: Annotated[str | None, typer.Option("--region", metavar="NAME", help="The AWS region.")] = None,
    profile: Profile = None,
    email: Annotated[
        str | None, typer.Option("--email", metavar="ADDRESS", help="Gets the reports and alarms; none: '-'.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", metavar="USD", help="Most that models may cost a month; or none.")
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option("--time-zone", metavar="ZONE", help="Of report and budget, as Europe/Berlin.")
    ] = None,
    architecture: Annotated[
        str, typer.Option("--architecture", metavar="NAME", help="Processor: arm64 (a fifth cheaper) or x86_64.")
    ] = "arm64",
    keys_only: Annotated[bool, typer.Option("--keys-only", help="Store the keys and do nothing else.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be done, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: options, else defaults.")] = False,
    as_json: AsJson = False,
) -> int:
    """Deploy Pointsman to an AWS account, asking what it has to know.

    The keys are taken from GEMINI_API_KEY and ANTHROPIC_API_KEY or typed unseen, and stored as SecureStrings in SSM
    Parameter Store; there is no option for them. The budget is written into openclaw.json. Run again, it proposes what
    is deployed and changes what you change. Needs the checkout, `make setup` and AWS credentials.
    """
    import boto3

    from pointsman_cli.first_deploy import keys, steps
    from pointsman_cli.first_deploy.asking import of_terminal

    asking = of_terminal(yes=yes)
    where = asking.text("AWS region", boto3.Session(profile_name=profile).region_name or "us-east-1", _region, region)
    session = boto3.Session(profile_name=profile, region_name=where)
    account = session.client("sts").get_caller_identity()["Account"]
    wishes = _wishes(asking, session, profile, stack, email, budget, time_zone, architecture, keys_only=keys_only)
    ssm = session.client("ssm")
    missing_keys = [*keys.wanted(ssm, wishes.key_names, asking), *keys.for_webhooks(ssm, wishes.webhook_key)]
    todo = _plan(wishes, missing_keys, keys_only=keys_only)
    if plan:
        _show_plan(account, wishes, todo, as_json=as_json)
        return Exit.OK
    _tell(account, wishes, todo)
    if not asking.sure("Do it?", default=False):
        raise CommandError("nothing was done: run `pointsman init` again, or with --plan to see what it would do")
    for key in missing_keys:
        if key.value:
            keys.store(ssm, key)
    if not keys_only:
        steps.CONFIG.write_text(steps.with_budget(steps.CONFIG.read_text(), wishes.month_usd))
        steps.build_and_deploy(wishes)
    _show_end(wishes, account, as_json=as_json)
    return Exit.OK


def _wishes(
    asking: "Prompter",
    session: Any,
    profile: str | None,
    stack: str | None,
    email: str | None,
    budget: str | None,
    time_zone: str | None,
    architecture: str,
    *,
    keys_only: bool,
) -> "DeployOptions":
    """Return what options and answers say; what is deployed is the default."""
    from pointsman_cli.first_deploy import steps
    from pointsman_cli.first_deploy.asking import Prompter
    from pointsman_cli.first_deploy.options import DeployOptions, deployed, key_names, webhook_key_name

    name = asking.text("Name of the stack", STACK, _stack, stack)
    stack_there = deployed(session.client("cloudformation"), name)
    keys_asking = Prompter(False) if keys_only else asking
    cap = steps.budget_in(steps.CONFIG.read_text())
    return DeployOptions(
        stack=name,
        region=session.region_name,
        profile=profile,
        email=keys_asking.text(
            "E-mail for reports and alarms (- for none)", stack_there.get("AlarmEmail") or "-", _email, email
        ),
        zone=keys_asking.text("Time zone of the report", stack_there.get("ReportTimeZone") or "UTC", _zone, time_zone),
        month_usd=keys_asking.text("Budget for models, USD a month", "none" if cap is None else str(cap), _usd, budget),
        architecture=_architecture(architecture),
        key_names=key_names(name, stack_there),
        webhook_key=webhook_key_name(stack_there),
    )


def _plan(wishes: "DeployOptions", wanted: "list[Key]", *, keys_only: bool) -> list[str]:
    from pointsman_cli.first_deploy import steps

    todo = [key.words for key in wanted]
    if keys_only:
        return todo
    text = steps.CONFIG.read_text()
    if steps.with_budget(text, wishes.month_usd) != text:
        was, to_be = (_amount(amount) for amount in (steps.budget_in(text), wishes.month_usd))
        todo.append(f"set the month's budget in {steps.plan_text(steps.CONFIG)}: {was} becomes {to_be}")
    return [
        *todo,
        f"build functions and layers for {wishes.architecture}",
        f"run {shlex.join(steps.sam_deploy(wishes))}",
    ]


def _amount(usd: Decimal | None) -> str:
    return "no cap" if usd is None else f"${usd}"


def _tell(account: str, wishes: "DeployOptions", todo: list[str]) -> None:
    output.print_note(f"In account {account}, region {wishes.region}:")
    for number, words in enumerate(todo, 1):
        output.print_note(f"  {number}. {words}")


def _show_plan(account: str, wishes: "DeployOptions", todo: list[str], *, as_json: bool) -> None:
    if as_json:
        output.print_document({"account": account, "region": wishes.region, "stack": wishes.stack, "steps": todo})
        return
    print(f"In account {account}, region {wishes.region}, this would")
    for number, words in enumerate(todo, 1):
        output.print_text(f"  {number}. {words}")


def _show_end(wishes: "DeployOptions", account: str, *, as_json: bool) -> None:
    options = f"--stack {wishes.stack} --region {wishes.region}" + (
        f" --profile {wishes.profile}" if wishes.profile else ""
    )
    if as_json:
        keys = {str(provider): name for provider, name in wishes.key_names.items()}
        output.print_document({"account": account, "region": wishes.region, "stack": wishes.stack, "keys": keys})
        return
    output.print_pairs(
        [
            ("stack", f"{wishes.stack}, account {account}, {wishes.region}"),
            ("keys", ", ".join(wishes.key_names.values())),
            ("look", f"pointsman doctor {options}"),
            ("ask", f'pointsman submit "What can you do?" --wait {options}'),
        ]
    )
    if wishes.email:
        output.print_note(f"AWS sends {wishes.email} a mail to confirm: follow its link, else no alarm arrives.")


def _region(stated: str) -> str:
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", stated):
        raise BadInputError(f"--region: {stated!r} is no AWS region, as eu-central-1 is one")
    return stated


def _stack(stated: str) -> str:
    if not _STACK_NAME.fullmatch(stated):
        raise BadInputError("--stack: must be up to 41 letters, digits and hyphens, a letter first")
    return stated


def _email(stated: str) -> str:
    if stated in ("", "-"):
        return ""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", stated):
        raise BadInputError("--email: must be an address, or - for none")
    return stated


def _zone(stated: str) -> str:
    try:
        return ZoneInfo(stated).key
    except (LookupError, ValueError, OSError):
        raise BadInputError(f"--time-zone: {stated!r} is no IANA name, as Europe/Berlin is one") from None


def _usd(stated: str) -> Decimal | None:
    if stated == "none":
        return None
    try:
        amount = Decimal(stated.removeprefix("$"))
    except InvalidOperation:
        raise BadInputError("--budget: must be a number of dollars, or none") from None
    if not 0 <= amount <= 1_000_000:
        raise BadInputError("--budget: must be from 0 to 1,000,000 dollars")
    return amount


def _architecture(stated: str) -> str:
    if stated not in ("arm64", "x86_64"):
        raise BadInputError("--architecture: must be arm64 or x86_64")
    return stated
