"""Figures as an SVG of bars: the value over its peer, on one scale."""

from collections.abc import Iterable, Sequence
from html import escape

from benchmarks.figure import Figure

_INK, _OWN, _PEER = "#222222", "#1f5fa8", "#c9c9c9"
_NAMES, _PLOT, _ROW, _TOP = 270, 420, 34, 40


def bars(title: str, figures: Sequence[Figure]) -> str:
    """Return a picture with a pair of bars per figure."""
    longest = max(max(one.value, one.peer_value) for one in figures) or 1.0
    height = _TOP + _ROW * len(figures) + 12
    parts = [_text(12, 24, title, 14)]
    for row, one in enumerate(figures):
        parts += _pair(one, _TOP + row * _ROW, _PLOT / longest)
    width = _NAMES + _PLOT + 110
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" font-family="sans-serif">',
            '<rect width="100%" height="100%" fill="#ffffff"/>',
            *parts,
            "</svg>",
            "",
        ]
    )


def _pair(one: Figure, top: int, scale: float) -> Iterable[str]:
    yield _text(_NAMES - 8, top + 19, one.name, 12, "end")
    for place, value, colour, words in (
        (top + 4, one.value, _OWN, f"{one.value:,.1f} {one.unit}"),
        (top + 18, one.peer_value, _PEER, f"{one.peer_value:,.1f}"),
    ):
        tooltip = escape(f"{one.name}: {words}" if colour == _OWN else f"{one.peer}: {words}")
        yield (
            f'<rect x="{_NAMES}" y="{place}" width="{max(value * scale, 0.75):.1f}" height="12" fill="{colour}">'
            f"<title>{tooltip}</title></rect>"
        )
        yield _text(_NAMES + max(value * scale, 0.75) + 6, place + 10, words, 10)


def _text(x: float, y: float, words: str, size: int, anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{_INK}">{escape(words)}</text>'
    )
