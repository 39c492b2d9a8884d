"""`pointsman budget`: what is left for whom, and raises for a time."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from pointsman.execution.sender_limits import Raise
from pointsman.routing.limit_rules import Bounds, LimitKind, LimitSubject, counted_sender
from pointsman.values.taxonomy import Tier
from pointsman.values.times import to_text
from pointsman_cli import output
from pointsman_cli.errors import BadInputError
from pointsman_cli.options import AsJson, StackOptions

HELP = "Show what is left under each limit; raise a limit."
_LONGEST_REASON = 500


def show_budget(stack: StackOptions, context: typer.Context, as_json: AsJson = False) -> None:
    """Show what is left under the stack's own caps, and for each sender, agent and ticket with a limit.

    Limits come from `pointsman.limits` of the openclaw.json in use, from `pointsman key create --limit`, and from
    raises that have not ended.
    """
    if context.invoked_subcommand:
        return
    from pointsman_cli.limits import budget_document

    connection = stack.connect()
    document = budget_document(connection.runtime, datetime.now(UTC))
    if as_json:
        output.print_document(document)
        return
    connection.say_stand_in()
    rows = [("stack", *_money(cap)) for cap in document["caps"]]
    for subject in document["limits"]:
        who = _who(subject)
        rows += [(who, *_money(cap)) for cap in subject["caps"]]
        rows += [(who, *_pace(name, subject[name])) for name in ("rpm", "in_flight") if subject[name]]
        if subject["highest_tier"]:
            rows.append((who, "highest tier", "", subject["highest_tier"], "", ""))
    rows.append(("subtasks of one answer", "total", "", output.exact_dollars(document["split_nano_usd"]), "", ""))
    output.print_table(("who", "limit", "left", "of", "spent", "reserved"), rows, right=(2, 3, 4, 5))
    raises = [(_who(it), granted) for it in document["limits"] for granted in it["raises"]]
    if raises:
        print()
        header = ("raised for", "to", "until", "reason", "at", "by")
        output.print_table(header, [_raised(who, granted) for who, granted in raises])


def _who(subject: dict[str, Any]) -> str:
    kind = next(kind for kind in LimitKind if kind in subject)
    return f"{kind} {subject[kind]}"


def _money(cap: dict[str, Any]) -> tuple[str, ...]:
    names = ("left", "limit", "spent", "reserved")
    return cap["cap"], *(output.exact_dollars(cap[f"{name}_nano_usd"]) for name in names)


def _pace(name: str, pace: dict[str, int]) -> tuple[str, ...]:
    left = max(pace["limit"] - pace["used"], 0)
    words = "tasks a minute" if name == "rpm" else "tasks in flight"
    return words, str(left), str(pace["limit"]), str(pace["used"]), ""


def _raised(who: str, granted: dict[str, Any]) -> tuple[str, ...]:
    bounds = [f"{name}={granted[name]}" for name in Bounds.model_fields if name in granted]
    until = granted["until"] if granted["holds"] else f"{granted['until']} (ended)"
    return who, ", ".join(bounds), until, granted["reason"], granted["at"], granted["by"]


def raise_limit(
    stack: StackOptions,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for the record.")],
    sender: Annotated[str | None, typer.Option(metavar="NAME", help="Of a sender, such as key:ci.")] = None,
    agent: Annotated[str | None, typer.Option(metavar="NAME", help="Of an agent.")] = None,
    ticket: Annotated[str | None, typer.Option(metavar="NAME", help="Of a ticket.")] = None,
    day_usd: Annotated[str | None, typer.Option(metavar="USD", help="Dollars a day.")] = None,
    month_usd: Annotated[str | None, typer.Option(metavar="USD", help="Dollars a month.")] = None,
    rpm: Annotated[int | None, typer.Option(metavar="N", help="Tasks that may begin in a minute.")] = None,
    in_flight: Annotated[int | None, typer.Option(metavar="N", help="Tasks under way at once.")] = None,
    highest_tier: Annotated[Tier | None, typer.Option(help="The highest tier.")] = None,
    days: Annotated[int | None, typer.Option(metavar="N", min=1, max=366, help="Days until the raise ends.")] = None,
    hours: Annotated[int | None, typer.Option(metavar="N", min=1, max=8784, help="Hours until it ends.")] = None,
    as_json: AsJson = False,
) -> None:
    """Raise a limit to a higher one for a time. It holds at once, also for tasks under way, and ends by itself.

    Whatever limits hold for the sender, agent or ticket, the tightest is taken for what is given here until the end.
    Who raised it and why stays on record, in the stack's limit table. The stack's own caps are raised in openclaw.json.
    """
    from pointsman_cli.limits import bounds_document, read_bounds

    subject = _subject(sender, agent, ticket)
    stated = {"day_usd": day_usd, "month_usd": month_usd, "rpm": rpm, "in_flight": in_flight}
    bounds = read_bounds({**stated, "highest_tier": highest_tier})
    if not bounds.bounds():
        raise BadInputError("give what to raise: --day-usd, --month-usd, --rpm, --in-flight or --highest-tier")
    if (days is None) == (hours is None):
        raise BadInputError("give when it ends: --days or --hours")
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise BadInputError(f"--reason: must be 1 to {_LONGEST_REASON} characters")
    now, connection = datetime.now(UTC), stack.connect()
    until = now + (timedelta(days=days) if days else timedelta(hours=hours or 0))
    by = str(connection.clients.client("sts").get_caller_identity()["Arn"])
    granted = Raise(bounds, to_text(until), reason.strip(), to_text(now), by)
    connection.runtime.stores.grants.add_raise(subject.name, granted)
    raised = bounds.model_dump(mode="json", exclude_none=True)
    if as_json:
        amounts = bounds_document(bounds)
        document = {str(subject.kind): subject.value, **amounts, "until": granted.until, "reason": granted.reason}
        output.print_document({**document, "at": granted.at, "by": by})
    else:
        words = ", ".join(f"{name}={value}" for name, value in raised.items())
        output.print_pairs([("raised", subject.name), ("to", words), ("until", granted.until), ("by", by)])


def _subject(sender: str | None, agent: str | None, ticket: str | None) -> LimitSubject:
    named = {LimitKind.SENDER: sender, LimitKind.AGENT: agent, LimitKind.TICKET: ticket}
    stated = [LimitSubject(kind, value) for kind, value in named.items() if value]
    if len(stated) != 1:
        raise BadInputError("give whose limit it is: one of --sender, --agent and --ticket")
    (subject,) = stated
    if subject.kind is not LimitKind.SENDER:
        return subject
    if subject.value.partition(":")[0] not in ("key", "role", "service"):
        raise BadInputError("--sender: must be like key:NAME, role:ID or service:NAME, as `pointsman budget` shows it")
    return LimitSubject(LimitKind.SENDER, counted_sender(subject.value))


BARE = show_budget
"""What `pointsman budget` does without a further command."""
COMMANDS = {"raise": raise_limit}
