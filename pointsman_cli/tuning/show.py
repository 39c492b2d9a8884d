"""A tuning for people, and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from textwrap import fill
from typing import Any

from pointsman.report.figures.ledger_entries import grouped
from pointsman.values.taxonomy import Tier
from pointsman_cli import output
from pointsman_cli.tuning.candidates import Candidate
from pointsman_cli.tuning.effects import Effects
from pointsman_cli.tuning.evidence import SILENCE, Ground
from pointsman_cli.tuning.proposal import At, ThresholdFinding, TypeFinding
from pointsman_cli.tuning.rate import LEAST, LEAST_TO_RAISE, TARGET, Rate
from pointsman_cli.tuning.thinking import ThinkingFinding
from pointsman_cli.tuning.tuned import Tuned
from pointsman_cli.tuning.weights import WeightsFinding

_CANDIDATES_SHOWN = 3
"""Texts of a type; `--json` has all."""
_WIDTH = 100
_CLIPPED = 200
"""Characters of a task's text in JSON."""


def tuning_document(own: Tuned, since: str, until: str) -> dict[str, Any]:
    """Return it all; shares are from 0 to 1, money in nano-dollars, texts clipped."""
    document: dict[str, Any] = output.plain(
        {
            "from": since,
            "to": until,
            "tasks": own.tasks,
            "stated_by_sender": own.stated,
            "unreadable": own.unreadable,
            "classified": own.grounds,
            "booked_nano_usd": own.booked_nano,
            "target": TARGET,
            "labels": own.proposal.labels,
            "labels_needed": {"threshold": LEAST, "cheaper_tier": LEAST, "dearer_tier": LEAST_TO_RAISE},
            "weight_of_silence": SILENCE,
            "proposed": not own.empty,
            "threshold": own.proposal.threshold,
            "weights": _weights_document(own.proposal.weights) if own.proposal.weights else None,
            "types": own.proposal.types,
            "effects": _effects_document(own.effects) if own.effects else None,
            "thinking": [{**asdict(finding), "share": finding.share} for finding in own.thinking],
            "only_reasoning": own.only_reasoning,
            "could_go_down": own.could_go_down,
            "diff": own.diff,
        }
    )
    for candidate in document["only_reasoning"] + document["could_go_down"]:
        candidate["text"] = _clipped(candidate["text"], _CLIPPED)
        candidate |= {f"{name}_nano_usd": candidate[f"{name}_nano"] for name in ("booked", "there")}
    for move in document["effects"]["tasks"] if document["effects"] else ():
        for cost in filter(None, (move["cost_before"], move["cost_after"])):
            cost |= {f"{name}_nano_usd": cost[name] for name in ("billed", "listed")}
    return document


def _effects_document(own: Effects) -> dict[str, Any]:
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
        "tasks": own.moves,
    }


def _clipped(text: str, most: int) -> str:
    """Return a text on one line, at most so long."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def print_tuning(own: Tuned, since: str, until: str) -> None:
    """Print it; the diff comes last, as `patch` takes it from such a text."""
    print(f"== Evidence from {since} to {until} ==\n")
    output.print_pairs(_evidence(own))
    _types(own.proposal.types)
    _weights(own.proposal.weights)
    _threshold(
        own.proposal.threshold,
        ruled=replace(own.proposal.rules, threshold=own.proposal.now.threshold) != own.proposal.now,
    )
    _thinking(own.thinking)
    if own.effects:
        _effects(own.effects)
    _candidates("These needed reasoning", own.only_reasoning)
    _candidates("A cheaper tier could take these over", own.could_go_down)
    print("\n== Proposal ==\n")
    if own.empty:
        print("None: openclaw.json stays as it is.")
    else:
        print(f"Nothing has been changed. What follows is for `patch {own.file}`.\n")
        output.print_text(own.diff.rstrip("\n"))


def _evidence(own: Tuned) -> list[tuple[str, object]]:
    grounds = own.grounds
    labels = grounds[Ground.CORRECTED] + grounds[Ground.ESCALATED]
    unknown = own.tasks - own.stated - sum(grounds.values())
    return [
        ("tasks", f"{own.tasks}, booked at {output.exact_dollars(own.booked_nano)}"),
        ("chosen by their senders", own.stated),
        ("labels", f"{labels} ({grounds[Ground.CORRECTED]} corrected, {grounds[Ground.ESCALATED]} escalated)"),
        ("without a word", f"{grounds[Ground.SILENCE]}, each counting {SILENCE} for the way it went"),
        ("not known", f"{unknown} (not answered, or guessed)" if unknown else None),
        ("not readable", f"{own.unreadable} (record or text is gone)" if own.unreadable else None),
    ]


def _threshold(found: ThresholdFinding | None, *, ruled: bool) -> None:
    print(f"\n== Threshold of the local classifier{', with these tiers and weights' if ruled else ''} ==\n")
    if found is None:
        print("None: a model is asked about every task.")
        return
    header = ("", "threshold", "decided locally", f"right tier (target {TARGET})", "95% interval", "labels")
    rows = [("now", *_at(found.now))]
    if found.proposed:
        rows.append(("proposed", *_at(found.proposed)))
    output.print_table(header, rows, right=range(1, len(header)))
    print(f"{'Proposed' if found.proposed else 'Stays'}: {found.why}.")


def _weights_document(own: WeightsFinding) -> dict[str, Any]:
    return {**asdict(own), "better": own.better.as_dict() if own.better else None}


def _weights(found: WeightsFinding | None) -> None:
    if found is None:
        return
    print("\n== Weights of the tiers ==\n")
    pairs: list[tuple[str, object]] = [("now", _weighed(found.now))]
    if found.proposed is not None:
        pairs.append(("proposed", _weighed(found.proposed)))
    if found.better and found.harm_now is not None:
        pairs += [
            ("harm by a decision", f"{found.harm_now:.3f} now, {found.harm_then:.3f} by weights learnt from others"),
            ("better of the changed", _with_interval(found.better) or "none changes"),
        ]
    if found.own_now and found.own_then and found.own_now.of:
        own = f"{found.own_now.value:.3f} acceptable now, {found.own_then.value:.3f} then, of {found.own_now.of}"
        pairs.append(("the project's own texts", own))
    output.print_pairs(pairs)
    print(f"{'Proposed' if found.proposed is not None else 'Stay'}: {found.why}.")


def _weighed(weights: Mapping[Tier, float]) -> str:
    return ", ".join(f"{tier} {weight:g}" for tier, weight in weights.items()) or "each tier 1"


def _at(own: At) -> tuple[str, ...]:
    share = own.coverage.value
    covered = "" if share is None else f"{own.coverage.count} of {own.coverage.of} ({share:.3f})"
    level = "by preference" if own.threshold is None else f"{own.threshold:.2f}"
    return level, covered, *_rate(own.precision), str(own.precision.labels)


def _rate(own: Rate) -> tuple[str, str]:
    if own.value is None:
        return "", ""
    low, high = own.interval
    return f"{own.value:.3f}", f"{low:.3f} to {high:.3f}"


def _types(found: Sequence[TypeFinding]) -> None:
    labelled = [finding for finding in found if finding.needed_dearer.labels]
    if not found:
        return
    print("\n== Types ==\n")
    if labelled:
        header = ("type", "goes to", "tasks", "labels", "needed dearer", "cheaper would do", "")
        output.print_table(header, [_type(finding) for finding in labelled], right=(2, 3))
    if bare := [f"{finding.type} {finding.tasks}" for finding in found if not finding.needed_dearer.labels]:
        print(fill(f"Without a label: {', '.join(bare)}.", _WIDTH))


def _type(own: TypeFinding) -> tuple[object, ...]:
    said = f"proposed: {own.proposed}, {own.why}" if own.proposed else own.why
    return (
        own.type,
        own.tier,
        own.tasks,
        own.needed_dearer.labels,
        _with_interval(own.needed_dearer),
        _with_interval(own.cheaper_would_do),
        said,
    )


def _with_interval(own: Rate) -> str:
    share, interval = _rate(own)
    return f"{share} ({interval})" if own.hits else share


def _thinking(found: Sequence[ThinkingFinding]) -> None:
    if not found:
        return
    print("\n== Thinking ==\n")
    header = ("type", "model", "answers", "of the output", "at list price", "effort", "")
    rows = [
        (
            finding.type,
            finding.model,
            finding.answers,
            f"{finding.share:.3f}",
            output.exact_dollars(finding.thinking_nano),
            finding.effort,
            f"proposed: {finding.proposed}, {finding.why}" if finding.proposed else finding.why,
        )
        for finding in found
    ]
    output.print_table(header, rows, right=(2, 3, 4))


def _effects(own: Effects) -> None:
    print("\n== What it would have changed ==\n")
    before, after, priced = own.priced()
    right = sum(move.needed is move.after for move in own.moves)
    wrong = sum(move.needed is move.before for move in own.moves)
    silent = sum(move.needed is None for move in own.moves)
    said = f"{right} to the tier they needed, {wrong} away from it, {silent} of which nobody said a word"
    moved = [(f"{old} to {new}", count) for (old, new), count in own.counts().items()]
    output.print_pairs(
        [
            *moved,
            ("moved", f"{len(own.moves)}: {said}" if moved else "none"),
            ("a model is asked", f"about {own.asked_after} tasks instead of {own.asked_before}"),
            ("requests spared", output.exact_dollars(own.spared_nano) if own.spared_nano else None),
            ("cost of the moved", _cost(before.billed, after.billed, priced) if priced else None),
            ("at list price", _cost(before.listed, after.listed, priced) if priced else None),
        ]
    )


def _cost(before: int, after: int, tasks: int) -> str:
    word = "saved" if after <= before else "more"
    change = f"{output.exact_dollars(abs(before - after))} {word}"
    costs = f"{output.exact_dollars(before)} before, {output.exact_dollars(after)} after"
    return f"{costs} ({change}, {tasks} tasks' own tokens)"


def _candidates(title: str, found: Sequence[Candidate]) -> None:
    if not found:
        return
    print(f"\n== {title} ==")
    groups = grouped(found, lambda candidate: (candidate.type, candidate.tier, candidate.to))
    for (kind, tier, to), some in sorted(groups.items(), key=lambda group: -len(group[1])):
        booked = sum(candidate.booked_nano for candidate in some if candidate.there_nano is not None)
        there = sum(candidate.there_nano for candidate in some if candidate.there_nano is not None)
        costs = f"booked {output.exact_dollars(booked)}, there {output.exact_dollars(there)}"
        print(f"\n{kind} ({tier}) to {to}: {len(some)}, {costs}")
        for candidate in some[:_CANDIDATES_SHOWN]:
            output.print_pairs(
                [(f"  {candidate.task_id}", candidate.why), ("", f"  {_clipped(candidate.text, _WIDTH)}")]
            )
        if len(some) > _CANDIDATES_SHOWN:
            print(f"  and {len(some) - _CANDIDATES_SHOWN} more")
