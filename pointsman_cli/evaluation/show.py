"""The figures as tables for people, and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.values.taxonomy import TaskType
from pointsman_cli import output
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
            "asking": own.asking,
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


def _main(own: Figures) -> list[tuple[str, ...]]:
    shares = {
        "right type": own.types_right,
        "right tier": own.forced.tier_accuracy,
        "too cheap a tier": own.forced.under_tiering,
        "too dear a tier": own.forced.over_tiering,
        f"sure (at {own.threshold:.2f})": own.at_threshold.coverage,
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
