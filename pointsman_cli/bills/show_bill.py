"""Shows what the ledger and the providers' bills differ in."""

from typing import Any

from pointsman.report.bill.reconciliation import ReconciledLine, Reconciliation
from pointsman.report.render.formatting import plural
from pointsman.values.money import usd
from pointsman_cli import output

_MOST_LINES = 10
_WORDS = {
    "other_workspace": "another workspace or project",
    "other_key": "another API key",
    "credit": "credits",
    "tax": "tax",
    "late": "not on the bill yet",
    "midnight": "began before midnight UTC, ended after",
    "service_tier": "another service tier",
    "geography": "another geography",
    "price": "another price",
    "rounding": "rounding",
    "unknown_calls": "calls of unknown cost, as if not charged",
}


def provider_document(compared: Reconciliation) -> dict[str, Any]:
    """Return one provider's comparison for programs."""
    return {
        "provider": compared.provider,
        "until": compared.until.isoformat() if compared.until else None,
        "late_days": [day.isoformat() for day in sorted(compared.late)],
        "booked_nano_usd": compared.booked_nano,
        "billed_nano_usd": compared.billed_nano,
        "difference_nano_usd": compared.billed_nano - compared.booked_nano,
        "causes_nano_usd": {str(cause): nano for cause, nano in compared.causes.items()},
        "unknown_calls": compared.unknown_calls,
        "unknown_calls_nano_usd": compared.unknown_nano,
        "unexplained_nano_usd": compared.unexplained_nano,
        "least_unexplained_nano_usd": compared.least_unexplained_nano,
        "explained": compared.is_explained,
        "lines": [_line_document(line) for line in compared.lines],
    }


def _line_document(line: ReconciledLine) -> dict[str, Any]:
    return {
        **line.key._asdict(),
        "day": line.key.day.isoformat(),
        "booked_tokens": line.booked_tokens,
        "billed_tokens": line.billed_tokens,
        "booked_nano_usd": line.booked_nano,
        "billed_nano_usd": line.billed_nano,
        "difference_nano_usd": line.difference_nano,
        "causes_nano_usd": {str(cause): nano for cause, nano in line.causes.items()},
        "unexplained_nano_usd": line.unexplained_nano,
    }


def print_provider(document: dict[str, Any]) -> None:
    """Print one provider's comparison: its sums, the causes, and the lines that nothing explains."""
    until = f"until {document['until']}" if document["until"] else "no day is complete yet"
    print(f"{document['provider']}: {until}")
    rows = [("booked", document["booked_nano_usd"]), ("billed", document["billed_nano_usd"])]
    rows.append(("difference", document["difference_nano_usd"]))
    rows += [(f"  {_WORDS[cause]}", nano) for cause, nano in document["causes_nano_usd"].items()]
    rows.append(("unexplained", document["unexplained_nano_usd"]))
    output.print_table(("", "USD"), [(name, _exact(nano)) for name, nano in rows], right=(1,))
    if calls := document["unknown_calls"]:
        least = _exact(document["least_unexplained_nano_usd"])
        print(f"Cost not known of {plural(calls, 'call')}: with theirs, as little as ${least} is unexplained.")
    lines = [line for line in document["lines"] if line["unexplained_nano_usd"]]
    if lines:
        lines.sort(key=lambda line: -abs(line["unexplained_nano_usd"]))
        print()
        header = ("day", "model", "kind", "lane", "geography", "tokens booked", "billed", "unexplained")
        output.print_table(header, [_cells(line) for line in lines[:_MOST_LINES]], right=(5, 6, 7))
        if len(lines) > _MOST_LINES:
            print(f"{len(lines) - _MOST_LINES} more with --json")


def _cells(line: dict[str, Any]) -> tuple[str, ...]:
    where = tuple(line[name] for name in ("day", "model", "kind", "lane", "geography"))
    tokens = (f"{line['booked_tokens']:,}", f"{line['billed_tokens']:,}")
    return (*where, *tokens, _exact(line["unexplained_nano_usd"]))


def _exact(nano: int) -> str:
    return f"{usd(nano):.9f}"
