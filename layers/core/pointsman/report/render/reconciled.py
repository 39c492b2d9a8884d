"""How far the providers' bills have been held against the ledger, in words and as a section of the page."""

from pointsman.report.bill.kept import KeptReconciliation
from pointsman.report.figures.report import Report
from pointsman.report.render.components import money, table_section
from pointsman.report.render.formatting import rounded_dollars
from pointsman.report.render.markup import Child, Markup, join


def reconciled_section(report: Report) -> Markup | None:
    """Return the section; None: no bill has been compared."""
    if not report.reconciled:
        return None
    rows: list[list[Child]] = [
        [kept.provider.capitalize(), kept.until.isoformat() if kept.until else "no day yet", _unexplained(kept)]
        for kept in report.reconciled
    ]
    return table_section(
        "reconciled",
        "Reconciled with the bill",
        "How far each provider's bill has been held against the ledger",
        ["Provider", "Reconciled until", "Unexplained"],
        rows,
    )


def _unexplained(kept: KeptReconciliation) -> Child:
    if kept.least_unexplained_nano == kept.unexplained_nano:
        return money(kept.unexplained_nano)
    return join(money(kept.least_unexplained_nano), " to ", money(kept.unexplained_nano))


def reconciled_words(kept: KeptReconciliation) -> str:
    """Return how far one provider's bill has been compared, and what of it is unexplained."""
    name = kept.provider.capitalize()
    if kept.until is None:
        return f"{name}: no day of {kept.month} is complete"
    amount = rounded_dollars(kept.unexplained_nano)
    if kept.least_unexplained_nano != kept.unexplained_nano:
        amount = f"{rounded_dollars(kept.least_unexplained_nano)} to {amount}"
    return f"{name} reconciled until {kept.until}, unexplained {amount}"
