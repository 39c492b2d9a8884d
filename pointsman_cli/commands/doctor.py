"""`pointsman doctor`: is all well, and what is to be done if not?"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman_cli import output
from pointsman_cli.errors import Exit, UnreachableError
from pointsman_cli.options import AsJson, Config, Profile, Region, Stack

if TYPE_CHECKING:
    from pointsman_cli.doctor.finding import Finding

EXAMPLES = """\b
Examples:
  pointsman doctor
  pointsman doctor --stack pointsman --profile team --drift
  pointsman doctor --json | jq '.findings[] | select(.state == "to do")'"""


def doctor(
    drift: Annotated[
        bool, typer.Option("--drift", help="Have CloudFormation compare the resources; about a minute on AWS.")
    ] = False,
    ask: Annotated[
        bool,
        typer.Option("--ask/--no-ask", help="Ask the providers for their models, to see keys accepted; costs nothing."),
    ] = True,
    as_json: AsJson = False,
    config: Config = None,
    stack: Stack = None,
    profile: Profile = None,
    region: Region = None,
) -> int:
    """Look at keys, models, stack, queues, alarms, clock, quotas and budget.

    Each line says ok, what to do, or why it was not checked; the latter is never taken for ok. Nothing is changed.
    Exits with 5 if there is something to do.
    """
    findings = list(_findings(stack, profile, region, config, asks=ask, compares=drift))
    counts = Counter(finding.state for finding in findings)
    to_do = sum(finding.state == "to do" for finding in findings)
    if as_json:
        output.print_document({"ok": not to_do, "findings": [asdict(finding) for finding in findings]})
    else:
        output.print_table(("check", "of", "state", "found"), [_row(finding) for finding in findings])
        print()
        print(", ".join(f"{count} {state}" for state, count in counts.items()))
    return Exit.TO_DO if to_do else Exit.OK


def _findings(
    stack: str | None, profile: str | None, region: str | None, config: Path | None, *, asks: bool, compares: bool
) -> "Iterator[Finding]":
    from pointsman_cli import stacks
    from pointsman_cli.doctor import examine, models, stack_probe
    from pointsman_cli.doctor.finding import to_do, unchecked

    now = datetime.now(UTC)
    try:
        connection = stacks.connect(stack, profile, region, config)
    except UnreachableError as error:
        yield to_do("stack", stack or "local", error.problem, error.step)
        yield from models.of_points(stacks.offline_runtime(config).context.policy, now, set(), {})
        yield unchecked("the rest", "", "there is no stack to look at")
        return
    connection.say_stand_in()
    with output.progress() as tell:
        yield from examine.examine(
            stack_probe.StackProbe(connection, now, asks, compares),
            lambda name: tell(f"looking at {connection.name}: {name}"),
        )


def _row(finding: "Finding") -> tuple[object, ...]:
    sentence = f"{finding.says}: {finding.do}" if finding.do else finding.says
    return finding.check, finding.subject, output.Coloured(finding.state, _COLOURS[finding.state]), sentence


_COLOURS: dict[str, output.Colour] = {"ok": "green", "to do": "yellow", "not checked": "plain"}
