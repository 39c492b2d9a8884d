"""`pointsman init`: the first deployment."""

import shlex
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer
from botocore.exceptions import BotoCoreError, ClientError

from pointsman_cli import aws_errors, output
from pointsman_cli.errors import BadInputError, CommandError
from pointsman_cli.options import AsJson, Profile

if TYPE_CHECKING:
    from pointsman_cli.first_deploy.keys import KeyPlan
    from pointsman_cli.first_deploy.options import DeployOptions, Prompter

_DEFAULT_STACK = "pointsman"


def init(
    stack: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the stack.")] = None,
    region: Annotated[str | None, typer.Option(metavar="NAME", help="AWS region.")] = None,
    profile: Profile = None,
    email: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Recipient of reports and alarms; - for none.")
    ] = None,
    budget: Annotated[str | None, typer.Option(metavar="USD", help="Monthly budget for models, or none.")] = None,
    time_zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Time zone of report and budget, such as Europe/Berlin.")
    ] = None,
    architecture: Annotated[
        str, typer.Option(metavar="NAME", help="Lambda architecture: arm64 (20% cheaper) or x86_64.")
    ] = "arm64",
    keys_only: Annotated[bool, typer.Option("--keys-only", help="Only store the keys.")] = False,
    update: Annotated[
        bool, typer.Option("--update", help="Deploy openclaw.json and this version as they are; change nothing else.")
    ] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print the steps without running them; works without credentials.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not prompt: use the options and the defaults.")] = False,
    as_json: AsJson = False,
) -> None:
    """Deploy Pointsman to an AWS account, step by step.

    Reads the provider keys from GEMINI_API_KEY and ANTHROPIC_API_KEY, or prompts for them without echo, and stores them
    as SecureStrings in SSM Parameter Store. No option takes a key. Writes the budget to openclaw.json. Run it again to
    change a deployment: the deployed values are the defaults, and --update asks for none of them. Needs AWS
    credentials, and in a checkout `make setup`.
    """
    import boto3

    from devstack.project import unpack_project
    from devstack.toolchain import ROOT
    from pointsman_cli.first_deploy import keys, steps
    from pointsman_cli.first_deploy.options import parse_region, terminal_prompter

    if update and (keys_only or budget or email or time_zone):
        raise BadInputError("--update keeps budget, e-mail, time zone and keys: leave those options out")
    prompter = terminal_prompter(yes=yes or plan)
    unpack_project(ROOT)
    default_region = boto3.Session(profile_name=profile).region_name or "us-east-1"
    region_name = prompter.ask("AWS region", default_region, parse_region, region)
    session = boto3.Session(profile_name=profile, region_name=region_name)
    account = _account(session, needed=not plan)
    asks = not (keys_only or update)
    reached = session if account else None
    options = _options(
        prompter, reached, region_name, profile, stack, email, budget, time_zone, architecture, asks=asks
    )
    if account and not keys_only and (step := _step_before(session, options)):
        raise CommandError(f"{step}, then run `pointsman init` again")
    ssm = session.client("ssm") if account else None
    key_plans = [] if update else keys.plan_provider_keys(ssm, options.key_names, prompter)
    key_plans += [] if update else keys.plan_webhook_key(ssm, options.webhook_key)
    todo = _steps(options, key_plans, keys_only=keys_only)
    if plan:
        _print_plan(account, options, todo, as_json=as_json)
        return
    _note_plan(account, options, todo)
    if not prompter.confirm("Continue?", default=False):
        raise CommandError("nothing was changed: run `pointsman init` again, or preview it with --plan")
    for key in key_plans:
        if key.value:
            keys.store_key(ssm, key)
    if not keys_only:
        steps.CONFIG.write_text(steps.with_budget(steps.CONFIG.read_text(), options.month_usd))
        try:
            steps.build_and_deploy(options)
        except CommandError as error:
            step = _step_before(session, options)
            raise CommandError(f"{error}; {f'{step}, then' if step else 'then'} run `pointsman init` again") from None
    _print_outcome(options, account, as_json=as_json)


def _account(session: Any, *, needed: bool) -> str | None:
    """Return the account of the credentials; None if there are none that AWS takes and they are not needed."""
    try:
        return str(session.client("sts").get_caller_identity()["Account"])
    except (BotoCoreError, ClientError) as error:
        if needed:
            raise
        output.print_note(f"Planned without AWS, as for a first deployment: {aws_errors.aws_problem(error)}")
        return None


def _options(
    prompter: "Prompter",
    session: Any,
    region: str,
    profile: str | None,
    stack: str | None,
    email: str | None,
    budget: str | None,
    time_zone: str | None,
    architecture: str,
    *,
    asks: bool,
) -> "DeployOptions":
    """Return the deployment that options and answers describe. The deployed values are the defaults."""
    from pointsman_cli.first_deploy import options as deploy_options
    from pointsman_cli.first_deploy import steps

    name = prompter.ask("Stack name", _DEFAULT_STACK, deploy_options.parse_stack_name, stack)
    deployed = deploy_options.deployed_parameters(session.client("cloudformation"), name) if session else {}
    asker = prompter if asks else deploy_options.Prompter(interactive=False)
    cap = steps.budget_in(steps.CONFIG.read_text())
    default_email, default_zone = deployed.get("AlarmEmail") or "-", deployed.get("ReportTimeZone") or "UTC"
    default_budget = "none" if cap is None else str(cap)
    return deploy_options.DeployOptions(
        stack=name,
        region=region,
        profile=profile,
        email=asker.ask("E-mail for reports and alarms (- for none)", default_email, deploy_options.parse_email, email),
        zone=asker.ask("Time zone of the report", default_zone, deploy_options.parse_time_zone, time_zone),
        month_usd=asker.ask("Monthly budget for models in USD", default_budget, deploy_options.parse_budget, budget),
        architecture=deploy_options.parse_architecture(architecture),
        key_names=deploy_options.key_names(name, deployed),
        webhook_key=deploy_options.webhook_key_name(deployed),
    )


def _step_before(session: Any, options: "DeployOptions") -> str | None:
    """Return what must happen before CloudFormation can deploy the stack."""
    from pointsman_cli.first_deploy.options import step_before_deployment

    account = f" --region {options.region}" + (f" --profile {options.profile}" if options.profile else "")
    return step_before_deployment(session.client("cloudformation"), options.stack, account)


def _steps(options: "DeployOptions", key_plans: "list[KeyPlan]", *, keys_only: bool) -> list[str]:
    from pointsman_cli.first_deploy import steps

    todo = [key.step for key in key_plans]
    if keys_only:
        return todo
    text = steps.CONFIG.read_text()
    if steps.with_budget(text, options.month_usd) != text:
        before, after = _amount(steps.budget_in(text)), _amount(options.month_usd)
        file = steps.relative_to_checkout(steps.CONFIG)
        todo.append(f"change the monthly budget in {file} from {before} to {after}")
    return [
        *todo,
        f"build functions and layers for {options.architecture}",
        f"run {shlex.join(steps.sam_deploy_command(options))}",
    ]


def _amount(usd: Decimal | None) -> str:
    return "no cap" if usd is None else f"${usd}"


def _note_plan(account: str | None, options: "DeployOptions", todo: list[str]) -> None:
    output.print_note(f"In account {account}, region {options.region}:")
    for number, step in enumerate(todo, 1):
        output.print_note(f"  {number}. {step}")


def _print_plan(account: str | None, options: "DeployOptions", todo: list[str], *, as_json: bool) -> None:
    if as_json:
        output.print_document({"account": account, "region": options.region, "stack": options.stack, "steps": todo})
        return
    where = f"account {account}" if account else "the account of your credentials"
    print(f"In {where}, region {options.region}, init would")
    for number, step in enumerate(todo, 1):
        output.print_text(f"  {number}. {step}")


def _print_outcome(options: "DeployOptions", account: str | None, *, as_json: bool) -> None:
    if as_json:
        names = {str(provider): name for provider, name in options.key_names.items()}
        output.print_document({"account": account, "region": options.region, "stack": options.stack, "keys": names})
        return
    arguments = f"--stack {options.stack} --region {options.region}"
    arguments += f" --profile {options.profile}" if options.profile else ""
    output.print_pairs(
        [
            ("stack", f"{options.stack}, account {account}, {options.region}"),
            ("keys", ", ".join(options.key_names.values())),
            ("check it", f"pointsman doctor {arguments}"),
            ("try it", f'pointsman submit "What can you do?" --wait {arguments}'),
        ]
    )
    if options.email:
        output.print_note(f"AWS sends a mail to {options.email}: follow its link, or no alarm will arrive.")
