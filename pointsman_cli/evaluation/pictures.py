"""The figures as SVG: coverage against precision, and the confusion matrix; PNG beside it where a converter is."""

import shutil
import subprocess
from collections.abc import Iterable
from html import escape
from pathlib import Path

from pointsman.values.taxonomy import TIER_OF, TaskType
from pointsman_cli.evaluation.figures import Figures
from pointsman_cli.evaluation.statistics import Point

CONVERTER = "rsvg-convert"
_INK, _FAINT, _LINE, _MARK = "#222222", "#dddddd", "#1f5fa8", "#c2410c"
_PLOT = 360
"""Pixels of a plot's side."""
_LEFT, _TOP = 70, 50
_LOWEST = 0.5
"""Where the axis of precision begins."""
_CELL = 34
_NAMES = 140
"""Pixels for the types' names."""


def draw(own: Figures, directory: Path) -> list[Path]:
    """Write a set's pictures; return their files."""
    directory.mkdir(parents=True, exist_ok=True)
    files = []
    for what, picture in (("coverage", coverage(own)), ("confusion", confusion(own))):
        file = directory / f"{own.name}-{what}.svg"
        file.write_text(picture, encoding="utf-8")
        files += [file, *_converted(file)]
    return files


def coverage(own: Figures) -> str:
    """Return the curve of coverage against precision, with the threshold's place on it."""
    path = " ".join(
        f"{_x(curve_point):.1f},{_y(curve_point):.1f}"
        for curve_point in own.curve
        if curve_point.precision.value is not None
    )
    here = own.at_threshold
    parts = [
        _text(_LEFT, 24, f"{own.name}: precision of the tier by coverage, {own.texts} texts", size=14),
        *_axes(),
        f'<polyline points="{path}" fill="none" stroke="{_LINE}" stroke-width="2"/>',
    ]
    if here.precision.value is not None:
        label = f"sure: {here.coverage.value:.3f} at {here.precision.value:.3f}"
        parts.append(f'<circle cx="{_x(here):.1f}" cy="{_y(here):.1f}" r="5" fill="{_MARK}"/>')
        parts.append(_text(_LEFT + 10, _TOP + _PLOT - 12, label, colour=_MARK))
    return _svg(_LEFT + _PLOT + 30, _TOP + _PLOT + 60, parts)


def confusion(own: Figures) -> str:
    """Return the confusion matrix; a cell is the darker the greater its share of the row, frames are the tiers."""
    side = len(TaskType) * _CELL
    parts = [_text(16, 24, f"{own.name}: true type (rows) by verdict (columns), {own.texts} texts", size=14)]
    for row, true in enumerate(TaskType):
        total = sum(own.confusion[true].values())
        top = _NAMES + 30 + row * _CELL
        parts.append(_text(_NAMES + 8, top + 22, true, anchor="end"))
        parts.append(_text(0, 0, true, turned=(_NAMES + 16 + row * _CELL + 22, _NAMES + 22)))
        for column, predicted in enumerate(TaskType):
            count = own.confusion[true][predicted]
            parts += _cell(_NAMES + 16 + column * _CELL, top, count, count / total if total else 0.0)
    for start, length in _tier_spans():
        x, y, size = _NAMES + 16 + start * _CELL, _NAMES + 30 + start * _CELL, length * _CELL
        parts.append(f'<rect x="{x}" y="{y}" width="{size}" height="{size}" fill="none" stroke="{_INK}"/>')
    return _svg(_NAMES + side + 40, _NAMES + side + 50, parts)


def _axes() -> Iterable[str]:
    bottom, right = _TOP + _PLOT, _LEFT + _PLOT
    for tenth in range(0, 11, 2):
        x = _LEFT + _PLOT * tenth / 10
        yield f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{bottom}" stroke="{_FAINT}"/>'
        yield _text(x, bottom + 18, f"{tenth / 10:.1f}", anchor="middle")
    for tenth in range(5, 11):
        y = bottom - _PLOT * (tenth / 10 - _LOWEST) / (1 - _LOWEST)
        yield f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{_FAINT}"/>'
        yield _text(_LEFT - 8, y + 4, f"{tenth / 10:.1f}", anchor="end")
    yield _text(_LEFT + _PLOT / 2, bottom + 40, "coverage (share of texts decided locally)", anchor="middle")
    yield _text(0, 0, "precision (share of right tiers)", turned=(22, _TOP + _PLOT / 2 + 90))


def _x(own: Point) -> float:
    return _LEFT + _PLOT * (own.coverage.value or 0.0)


def _y(own: Point) -> float:
    return _TOP + _PLOT - _PLOT * (max(own.precision.value or 0.0, _LOWEST) - _LOWEST) / (1 - _LOWEST)


def _cell(x: int, y: int, count: int, part: float) -> Iterable[str]:
    yield (
        f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" fill="{_LINE}" fill-opacity="{part:.2f}" '
        f'stroke="{_FAINT}"/>'
    )
    if count:
        yield _text(x + _CELL / 2, y + 22, str(count), anchor="middle", colour="#ffffff" if part > 0.5 else _INK)


def _tier_spans() -> Iterable[tuple[int, int]]:
    """Yield where each tier's types begin in the matrix, and how many they are."""
    tiers = [TIER_OF[kind] for kind in TaskType]
    for tier in dict.fromkeys(tiers):
        yield tiers.index(tier), tiers.count(tier)


def _text(
    x: float,
    y: float,
    words: str,
    *,
    size: int = 12,
    anchor: str = "start",
    colour: str = _INK,
    turned: tuple[float, float] | None = None,
) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}"'
    if turned:
        place = f'transform="translate({turned[0]:.1f} {turned[1]:.1f}) rotate(-90)"'
    return f'<text {place} font-size="{size}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def _svg(width: int, height: int, parts: Iterable[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif">'
    )
    return "\n".join([head, '<rect width="100%" height="100%" fill="#ffffff"/>', *parts, "</svg>", ""])


def _converted(file: Path) -> list[Path]:
    converter = shutil.which(CONVERTER)
    if converter is None:
        return []
    picture = file.with_suffix(".png")
    run = subprocess.run([converter, "-o", picture, file], capture_output=True, check=False, timeout=60)
    return [picture] if run.returncode == 0 else []
