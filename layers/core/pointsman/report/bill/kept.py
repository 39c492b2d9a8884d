"""What is kept of a month's reconciliation, for the reports to show."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:  # reports read what is kept, and compare nothing
    from pointsman.report.bill.reconciliation import Reconciliation

type KeptMonths = Mapping[str, Mapping[str, "KeptReconciliation"]]
"""By month, as 2026-11, and provider."""


@dataclass(frozen=True, slots=True)
class KeptReconciliation:
    """How far one provider's bill of a month has been held against the ledger, and what of it is unexplained."""

    month: str
    provider: str
    until: date | None
    """The last day up to which the bill was complete; None: not even the first was."""
    unexplained_nano: int
    least_unexplained_nano: int
    """If all calls of unknown cost were charged with what they reserved."""
    explained: bool
    """Whether no line needs another explanation than such a call."""

    @classmethod
    def of(cls, month: str, compared: "Reconciliation") -> Self:
        """Return what is kept of a comparison."""
        return cls(
            month,
            compared.provider,
            compared.until,
            compared.unexplained_nano,
            compared.least_unexplained_nano,
            compared.is_explained,
        )

    @classmethod
    def from_fields(cls, month: str, provider: str, fields: Mapping[str, Any]) -> Self:
        """Return what a manifest holds."""
        until = date.fromisoformat(fields["until"]) if fields["until"] else None
        numbers = (fields["unexplained_nano"], fields["least_unexplained_nano"])
        return cls(month, provider, until, *numbers, explained=fields["explained"])

    def as_fields(self) -> dict[str, Any]:
        """Return what a manifest is to hold, below month and provider."""
        fields = asdict(self)
        del fields["month"], fields["provider"]
        return fields | {"until": self.until.isoformat() if self.until else None}


def latest_kept(months: KeptMonths, month: str) -> tuple[KeptReconciliation, ...]:
    """Return each provider's latest reconciliation of the month or an earlier one."""
    latest: dict[str, KeptReconciliation] = {}
    for name in sorted(months):
        if name <= month:
            latest |= months[name]
    return tuple(latest[provider] for provider in sorted(latest))
