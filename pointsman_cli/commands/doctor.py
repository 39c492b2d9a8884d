"""`pointsman doctor`: what needs attention."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pointsman_cli import output
from pointsman_cli.errors import Exit, UnreachableError
from pointsman_cli.options import AsJson, Config, StackOptions

if TYPE_CHECKING:
    from pointsman_cli.doctor.stack_probe import Finding

_COLOURS: dict[str, output.Colour] = {"ok": "green", "to do": "yellow", "not checked": "plain"}


def doctor(
    stack: StackOptions,
    drift: Annotated[
        bool,
        typer.Option("--drift", help="Compare the resources with the template (CloudFormation, about a minute)."),
    ] = False,
    ask: Annotated[
        bool,
        typer.Option("--ask/--no-ask", help="Ask the providers whether they accept the keys and serve the models."),
    ] = True,
    as_json: AsJson = False,
    config: Config = None,
) -> int:
    """Check keys, models, stack, queues, alarms, quotas and budget.

    Each line says `ok`, `to do` with the next step, or `not checked` with the reason, which never counts as ok. Doctor
    costs nothing, and changes nothing but the mark of a retired model whose provider serves it again. Exits with 5 if
    there is something to do.
    """
    findings = list(_findings(stack, config, ask_providers=ask, detect_drift=drift))
    counts = Counter(finding.state for finding in findings)
    to_do = sum(finding.state == "to do" for finding in findings)
    if as_json:
        output.print_document({"ok": not to_do, "findings": [asdict(finding) for finding in findings]})
    else:
        output.print_table(("check", "subject", "state", "finding"), [_row(finding) for finding in findings])
        print()
        print(", ".join(f"{count} {state}" for state, count in counts.items()))
    return Exit.TO_DO if to_do else Exit.OK


def _findings(
    stack: StackOptions, config: Path | None, *, ask_providers: bool, detect_drift: bool
) -> "Iterator[Finding]":
    from pointsman_cli import stacks
    from pointsman_cli.doctor import examine, models, stack_probe
    from pointsman_cli.doctor.stack_probe import to_do, unchecked

    now = datetime.now(UTC)
    try:
        connection = stack.connect(config)
    except UnreachableError as error:
        yield to_do("stack", stack.stack or "local", error.problem, error.step)
        yield from models.lifetime_findings(stacks.offline_runtime(config).context.policy, now, set(), {})
        yield unchecked("all others", "", "no stack to check")
        return
    connection.say_stand_in()
    probe = stack_probe.StackProbe(connection, now, ask_providers, detect_drift)
    with output.progress() as tell:
        yield from examine.examine(probe, lambda check: tell(f"checking {connection.name}: {check}"))


def _row(finding: "Finding") -> tuple[object, ...]:
    sentence = f"{finding.says}: {finding.do}" if finding.do else finding.says
    return finding.check, finding.subject, output.Coloured(finding.state, _COLOURS[finding.state]), sentence
