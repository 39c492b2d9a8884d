"""Past tasks worth a look: those that only the most expensive tier did well, and those that a cheaper one could do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pointsman.execution.outcome import GOOD, Outcome
from pointsman.report.figures.ledger_entries import LedgerEntry
from pointsman.routing.classifier.verdict import reweighed
from pointsman.routing.policy import RoutingPolicy
from pointsman.values.taxonomy import TaskType, Tier
from pointsman_cli.tuning.effects import as_booked, at_tier
from pointsman_cli.tuning.evidence import TaskOutcome, dearer, fell_short
from pointsman_cli.tuning.rules import Rules

SHORT = 400
"""Tokens of an answer, thinking left out, up to which it may well have been a simple task."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A task, and what speaks for another tier."""

    task_id: str
    type: TaskType
    tier: Tier
    """Where it was sent."""
    to: Tier
    """Where it belongs, by what is said."""
    why: str
    text: str
    booked_nano: int
    there_nano: int | None
    """What its answer's tokens cost on that tier; None: it has none, or no model may serve it there."""


def only_reasoning(seen: Sequence[TaskOutcome], serves: Mapping[str, Tier], policy: RoutingPolicy) -> list[Candidate]:
    """Return the tasks that were sent to a cheaper tier and needed reasoning."""
    candidates = []
    for task in seen:
        if why := _needed_reasoning(task, serves):
            candidates.append(_candidate(task, Tier.REASONING, why, policy))
    return candidates


def could_go_down(seen: Sequence[TaskOutcome], rules: Rules, policy: RoutingPolicy) -> list[Candidate]:
    """Return the tasks that a cheaper tier than theirs could take over, the largest saving first."""
    candidates = [
        _candidate(task, to, why, policy)
        for task in seen
        for to, why in (_corrected_down(task) or _looks_simple(task, rules),)
        if to
    ]
    return sorted(candidates, key=lambda each: each.there_nano is None or each.there_nano - each.booked_nano)


def _needed_reasoning(seen: TaskOutcome, serves: Mapping[str, Tier]) -> str | None:
    short = fell_short(seen, serves)
    if short and seen.answer and serves[seen.answer.billed_model] is Tier.REASONING:
        answer = seen.answer
        tried = ", ".join(dict.fromkeys(_shortcoming(attempt, answer) for attempt in short))
        return f"{tried}; then answered by {answer.billed_model}"
    if seen.corrected and seen.corrected[1] is Tier.REASONING and dearer(Tier.REASONING, seen.tier):
        return f"corrected from {seen.type} to {seen.corrected[0]}"
    return None


def _shortcoming(attempt: LedgerEntry, answer: LedgerEntry) -> str:
    if attempt.outcome in GOOD:
        reason = f" ({answer.previous_outcome})" if answer.previous_outcome else ""
        return f"answer by {attempt.billed_model} not accepted{reason}"
    return f"{attempt.outcome} by {attempt.billed_model}"


def _corrected_down(seen: TaskOutcome) -> tuple[Tier, str] | None:
    if seen.corrected and dearer(seen.tier, seen.corrected[1]):
        return seen.corrected[1], f"corrected from {seen.type} to {seen.corrected[0]}"
    return None


def _looks_simple(seen: TaskOutcome, rules: Rules) -> tuple[Tier | None, str]:
    """Return the tier that the classifier is sure of, if it is cheaper, and the first answer was short and enough."""
    classification, answer = reweighed(seen.verdict, rules.weights), seen.answer
    sure = (
        classification.tier_probability >= rules.needed(classification.tier)
        and dearer(seen.tier, classification.tier)
        and not seen.corrected
    )
    if not sure or answer is None or answer is not seen.attempts[0] or answer.outcome != Outcome.ANSWERED:
        return None, ""
    words = answer.usage.output - answer.usage.thinking
    if words > SHORT:
        return None, ""
    certainty = f"the classifier is sure of {classification.type} ({classification.tier_probability:.2f})"
    said = f"answered in {words} tokens; {certainty}"
    return (
        classification.tier,
        f"{said}, {f'{seen.source} said {seen.type}' if seen.classified else 'its sender chose the tier'}",
    )


def _candidate(seen: TaskOutcome, to: Tier, why: str, policy: RoutingPolicy) -> Candidate:
    there = at_tier(seen, seen.answer, to, policy) if seen.answer else None
    return Candidate(
        seen.task_id,
        seen.type,
        seen.tier,
        to,
        why,
        seen.text,
        as_booked(seen, policy).billed,
        there.billed if there else None,
    )
