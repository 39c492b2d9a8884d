"""A tuning as JSON."""

from dataclasses import asdict
from typing import Any

from pointsman_cli.tuning.candidates import Candidate
from pointsman_cli.tuning.effects import Effects
from pointsman_cli.tuning.evidence import SILENCE
from pointsman_cli.tuning.proposal import LEAST, LEAST_TO_RAISE, TARGET, At, Rate, ThresholdFinding, TypeFinding
from pointsman_cli.tuning.tuned import Tuned

CLIPPED = 200
"""Characters of a task's text that are shown."""


def tuning_document(own: Tuned, since: str, until: str) -> dict[str, Any]:
    """Return it all; shares are from 0 to 1, money in nano-dollars, texts clipped."""
    return {
        "from": since,
        "to": until,
        "tasks": own.tasks,
        "stated_by_sender": own.stated,
        "unreadable": own.unreadable,
        "classified": {str(ground): count for ground, count in own.grounds.items()},
        "booked_nano_usd": own.booked_nano,
        "target": TARGET,
        "labels": own.proposal.labels,
        "labels_needed": {"threshold": LEAST, "cheaper_tier": LEAST, "dearer_tier": LEAST_TO_RAISE},
        "weight_of_silence": SILENCE,
        "proposed": not own.empty,
        "threshold": _threshold(own.proposal.threshold),
        "types": [_type(type_finding) for type_finding in own.proposal.types],
        "effects": _effects(own.effects),
        "thinking": [{**asdict(finding), "share": finding.share} for finding in own.thinking],
        "only_reasoning": [_candidate(candidate) for candidate in own.only_reasoning],
        "could_go_down": [_candidate(candidate) for candidate in own.could_go_down],
        "diff": own.diff,
    }


def clipped(text: str, most: int) -> str:
    """Return a text on one line, at most so long."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _threshold(found: ThresholdFinding | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"now": _at(found.now), "proposed": _at(found.proposed) if found.proposed else None, "why": found.why}


def _at(own: At) -> dict[str, Any]:
    return {
        "threshold": own.threshold,
        "coverage": own.coverage.as_dict(),
        "precision": _rate(own.precision),
    }


def _rate(own: Rate) -> dict[str, Any]:
    low, high = own.interval
    return {"share": own.value, "low": low, "high": high, "weight": own.of, "labels": own.labels}


def _type(own: TypeFinding) -> dict[str, Any]:
    return {
        "type": own.type,
        "tier": own.tier,
        "tasks": own.tasks,
        "cheaper_would_do": _rate(own.cheaper),
        "needed_dearer": _rate(own.dearer),
        "proposed": own.proposed,
        "why": own.why,
    }


def _effects(own: Effects | None) -> dict[str, Any] | None:
    if own is None:
        return None
    before, after, priced = own.priced()
    return {
        "moved": [{"from": old, "to": new, "tasks": count} for (old, new), count in own.counts().items()],
        "moved_to_what_was_needed": sum(move.needed is move.after for move in own.moves),
        "moved_away_from_what_was_needed": sum(move.needed is move.before for move in own.moves),
        "asked_before": own.asked_before,
        "asked_after": own.asked_after,
        "spared_requests_nano_usd": own.spared_nano,
        "priced_tasks": priced,
        "cost_nano_usd": {"before": before.billed, "after": after.billed},
        "list_price_nano_usd": {"before": before.listed, "after": after.listed},
        "tasks": [asdict(move) for move in own.moves],
    }


def _candidate(own: Candidate) -> dict[str, Any]:
    return {**asdict(own), "text": clipped(own.text, CLIPPED)}
