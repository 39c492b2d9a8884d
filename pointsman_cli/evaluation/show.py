"""The figures as tables for people, and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from pointsman.report.figures.speed import percentile
from pointsman.values.taxonomy import TaskType
from pointsman_cli import output
from pointsman_cli.evaluation.acceptance import TASKS, Acceptance, Accepted
from pointsman_cli.evaluation.figures import Figures, Tiering
from pointsman_cli.evaluation.statistics import Proportion

CURVE_THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_SHARE = ("share", "95% interval", "texts")


def evaluation_document(own: Figures) -> dict[str, Any]:
    """Return a set's figures; shares are from 0 to 1, money in nano-dollars for all texts together."""
    document: dict[str, Any] = output.plain(
        {
            "set": own.name,
            "texts": own.texts,
            "type_accuracy": own.types_right,
            **output.plain(own.forced),
            "by_type": own.by_type,
            "by_tier": own.by_tier,
            "by_kind": own.by_kind,
            "confusion": own.confusion,
            "at_threshold": output.plain(own.at_threshold) | {"tiering": own.sure},
            "curve": own.curve,
            "calibration_error": own.calibration_error,
            "decided": {"tiering": own.decided, "sources": own.sources},
            "stability": own.stability,
            "steering": own.steering,
            "accepted": own.accepted,
            "asking": replace(own.asking, local_ms=(), asked_ms=()),
            "milliseconds": {
                name: {"p50": percentile(sorted(times), 50), "p95": percentile(sorted(times), 95)}
                for name, times in (("local", own.asking.local_ms), ("asked", own.asking.asked_ms))
            },
            "baselines": [
                {"name": baseline.name, "skipped": baseline.skipped, **(output.plain(baseline.tiering) or {})}
                for baseline in own.baselines
            ],
        }
    )
    return document


def print_evaluation(own: Figures, *, live: bool) -> None:
    """Print a set's figures."""
    print(f"== {own.name}: {own.texts} texts ==")
    _accepted(own.accepted)
    _section("Local classifier, every verdict forced", ("", *_SHARE), _main(own))
    _section("Right type, by type", ("type", *_SHARE), _named(own.by_type))
    _section("Right tier, by tier", ("tier", *_SHARE), _named(own.by_tier))
    if own.by_kind:
        _section("Right tier, by kind of text", ("kind", *_SHARE), _named(own.by_kind))
    _confusion(own)
    _section(
        "Coverage and precision by threshold",
        ("threshold", "coverage", "precision", "95% interval"),
        _thresholds(own),
    )
    _section(
        "Stability of the tier",
        ("change", "same tier", "95% interval", "right tier"),
        [
            (what, *_cells(stability.same_tier)[:2], _number(stability.tier_accuracy.value))
            for what, stability in own.stability.items()
        ],
    )
    if own.steering:
        moves = {
            "same tier": own.steering.same_tier,
            "dearer": own.steering.raised,
            "cheaper": own.steering.lowered,
            "another when sure": own.steering.moved_when_sure,
        }
        title = "Tier with an instruction in the text, against the same text without it"
        _section(title, ("", *_SHARE), _named(moves))
    _section(
        "Tiers against baselines",
        ("who", "right", "95% interval", "too cheap", "too dear"),
        _rivals(own, live),
    )
    for baseline in own.baselines:
        if baseline.skipped:
            print(f"{baseline.name}: skipped, {baseline.skipped}")
    print()
    output.print_pairs(_asking(own, live))
    print()


def _accepted(own: Accepted) -> None:
    whole = own.everything
    shares = {
        "acceptable": whole.acceptable,
        "too cheap": whole.too_cheap,
        "too dear": whole.too_dear,
        "acceptable where one tier is": whole.one_tier,
        "sure": whole.coverage,
        "acceptable when sure": whole.precision,
        "too cheap when sure": whole.too_cheap_when_sure,
        "sure of what asks for nothing": whole.vague_sure,
    }
    rows = [*_named(shares), ("calibration error", _number(own.calibration_error), "", str(whole.acceptable.of))]
    _section("Decisions without a model", ("", *_SHARE), rows)
    header = (
        "",
        "acceptable",
        "95% interval",
        "too cheap",
        "too dear",
        "sure",
        "precise",
        "95% interval",
        "vague",
        "texts",
    )
    for name, groups in (("source", own.by_source), ("length", own.by_length), ("language", own.by_language)):
        if len(groups) > 1:
            _section(f"By {name}", header, [(key, *_accepted_cells(value)) for key, value in groups.items()])
    kinds = [
        (
            prefer.prefer,
            *(
                _number(value.value)
                for value in (prefer.acceptable, prefer.too_cheap, prefer.too_dear, prefer.coverage)
            ),
            output.exact_dollars(prefer.cost_nano),
            output.exact_dollars(prefer.errors_nano),
        )
        for prefer in own.preferences
    ]
    columns = ("prefer", "acceptable", "too cheap", "too dear", "sure", f"{TASKS:,} tasks", "of it, wrong tiers")
    _section("By preference", columns, kinds)


def _accepted_cells(own: Acceptance) -> tuple[str, ...]:
    share, interval, texts = _cells(own.acceptable)
    rest = (_number(value.value) for value in (own.too_cheap, own.too_dear, own.coverage))
    vague = f"{own.vague_sure.count} of {own.vague_sure.of}" if own.vague_sure.of else ""
    return share, interval, *rest, *_cells(own.precision)[:2], vague, texts


def _main(own: Figures) -> list[tuple[str, ...]]:
    shares = {
        "right type": own.types_right,
        "right tier": own.forced.tier_accuracy,
        "too cheap a tier": own.forced.under_tiering,
        "too dear a tier": own.forced.over_tiering,
        "sure": own.at_threshold.coverage,
        "right tier when sure": own.at_threshold.precision,
        "too cheap when sure": own.sure.under_tiering,
    }
    return [*_named(shares), ("calibration error", _number(own.calibration_error), "", str(own.texts))]


def _named[Name: str](shares: Mapping[Name, Proportion]) -> list[tuple[str, ...]]:
    return [(str(name), *_cells(ratio)) for name, ratio in shares.items() if ratio.of]


def _thresholds(own: Figures) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for threshold in CURVE_THRESHOLDS:
        reached = [curve_point for curve_point in own.curve if curve_point.threshold >= threshold]
        if reached:
            precision = reached[-1].precision
            rows.append((f"{threshold:.2f}", _number(reached[-1].coverage.value), *_cells(precision)[:2]))
    return rows


def _confusion(own: Figures) -> None:
    numbers = {kind: str(number) for number, kind in enumerate(TaskType, 1)}
    rows = [
        (f"{numbers[true]} {true}", *(str(counts[predicted] or ".") for predicted in TaskType))
        for true, counts in own.confusion.items()
        if any(counts.values())
    ]
    _section("Confusion: true type by verdict", ("true type", *numbers.values()), rows)


def _rivals(own: Figures, live: bool) -> list[tuple[str, ...]]:
    decided = "decisions" if live else "decisions without a model"
    rows = [_rival("local verdicts", own.forced), _rival(decided, own.decided)]
    return rows + [_rival(baseline.name, baseline.tiering) for baseline in own.baselines if baseline.tiering]


def _rival(name: str, own: Tiering) -> tuple[str, ...]:
    share, interval, _ = _cells(own.tier_accuracy)
    return name, share, interval, _number(own.under_tiering.value), _number(own.over_tiering.value)


def _asking(own: Figures, live: bool) -> list[tuple[str, object]]:
    asking, texts = own.asking, own.texts
    per_task = f"{asking.requests / texts:.3f} per task"
    batches = (
        "" if asking.requests_in_batches is None else f", {asking.requests_in_batches / texts:.3f} in full batches"
    )
    rows: list[tuple[str, object]] = [
        ("requests booked" if live else "requests to expect", per_task + batches),
        ("decided by", ", ".join(f"{source} {count}" for source, count in own.sources.items())),
    ]
    for name, times in (("a local verdict takes", asking.local_ms), ("a request takes", asking.asked_ms)):
        if times:
            half, most = (percentile(sorted(times), percent) for percent in (50, 95))
            rows.append((name, f"{half:.1f} ms at the median, p95 {most:.1f} ms"))
    if not live:
        rows.append(("a request takes", "not known without --live"))
    for model, cost in asking.costs_nano.items():
        listed = asking.list_price_nano.get(model, cost)
        more = f" ({output.exact_dollars(listed // texts)} at list price)" if listed != cost else ""
        rows.append((f"cost by {model}", f"{output.exact_dollars(cost // texts)} per task{more}"))
    return rows


def _section(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(f"\n{title}")
    output.print_table(header, rows, right=range(1, len(header)))


def _cells(own: Proportion) -> tuple[str, str, str]:
    interval = f"{own.interval[0]:.3f} to {own.interval[1]:.3f}" if own.interval else ""
    return _number(own.value), interval, str(own.of)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
