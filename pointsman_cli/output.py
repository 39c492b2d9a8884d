"""How commands print: results on stdout, everything else on stderr, nothing of a task's text as terminal control."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal, TextIO

from pointsman.values.money import usd

_SHOWN = {"\n", "\t"}
_GAP = "  "
_NARROWEST = 12
"""Letters below which a column is not folded."""
type Colour = Literal["plain", "green", "yellow"]
_CODES: dict[Colour, str] = {"plain": "", "green": "32", "yellow": "33"}


@dataclass(frozen=True, slots=True)
class Coloured:
    """A cell that has a colour on a terminal."""

    words: str
    colour: Colour

    def __str__(self) -> str:
        return self.words


def print_document(value: Any) -> None:
    """Print a value as one JSON document."""
    print(dumped(value))


def dumped(value: Any) -> str:
    """Return a value as JSON for people; what a terminal would obey is escaped, as JSON can."""
    return _escaped(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def json_line(value: Any) -> None:
    """Print a value as one line of JSON, at once: whoever reads the pipe need not wait for the next."""
    print(json.dumps(value, allow_nan=False), flush=True)


def print_text(words: str) -> None:
    """Print text that others wrote; on a terminal without its control characters."""
    print(_shown(words) if sys.stdout.isatty() else words)


def print_pairs(rows: Iterable[tuple[str, object]]) -> None:
    """Print names and values, aligned, on a terminal folded to fit it; a value that is None is left out."""
    pairs_shown = [(name, _on_one_line(value)) for name, value in rows if value is not None]
    width = max((len(name) for name, _ in pairs_shown), default=0)
    room = shutil.get_terminal_size().columns - width - len(_GAP) if sys.stdout.isatty() else None
    for name, value in pairs_shown:
        first, *more = [value] if room is None else _folded(value, max(room, _NARROWEST))
        print(f"{name:<{width}}{_GAP}{first}")
        for line in more:
            print(f"{'':<{width}}{_GAP}{line}")


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]], *, right: Iterable[int] = ()) -> None:
    """Print rows in aligned columns under a header; those in `right` are numbers.

    On a terminal, columns of text are folded until the rows fit; elsewhere each row is one line.
    """
    numbers, cells = set(right), [list(header), *([_on_one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    if sys.stdout.isatty():
        widths = _fitted(widths, numbers, shutil.get_terminal_size().columns)
    for row, cell_texts in zip(cells, [header, *rows], strict=True):
        folded = [_folded(cell, width) for cell, width in zip(row, widths, strict=True)]
        for line in range(max(map(len, folded), default=0)):
            shown = []
            for column, width in enumerate(widths):
                cell = folded[column][line] if line < len(folded[column]) else ""
                shown.append(
                    _painted(cell.rjust(width) if column in numbers else cell.ljust(width), cell_texts[column])
                )
            print(_GAP.join(shown).rstrip())


def _fitted(widths: list[int], numbers: Collection[int], available: int) -> list[int]:
    """Return the widths, the widest columns of text narrowed until all fit or can be narrowed no more."""
    fitted, room = list(widths), available - len(_GAP) * (len(widths) - 1)
    while sum(fitted) > room:
        widest = max((column for column in range(len(fitted)) if column not in numbers), key=fitted.__getitem__)
        if fitted[widest] <= _NARROWEST:
            break
        fitted[widest] -= 1
    return fitted


def _folded(cell: str, width: int) -> list[str]:
    return [cell] if len(cell) <= width else textwrap.wrap(cell, width, break_on_hyphens=False)


def colours(stream: TextIO) -> bool:
    """Return whether what is printed there may have colours: on a terminal, unless NO_COLOR or TERM=dumb forbids it."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _painted(cell: str, stated: object) -> str:
    if isinstance(stated, Coloured) and (code := _CODES[stated.colour]) and colours(sys.stdout):
        words = cell.strip()
        return cell.replace(words, f"\x1b[{code}m{words}\x1b[0m") if words else cell
    return cell


def print_note(words: str) -> None:
    """Tell the user something beside the result, on stderr."""
    print(_shown(words), file=sys.stderr, flush=True)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Yield what tells how far a command is: on one line of stderr, gone afterwards, and only on a terminal."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield lambda _: None
        return

    def tell(words: str) -> None:
        room = shutil.get_terminal_size().columns - 1
        print(f"\r{_shown(words)[:room]}\x1b[K", end="", file=sys.stderr, flush=True)

    try:
        yield tell
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def exact_dollars(nano_usd: int) -> str:
    """Return nano-dollars for people: in cents' fractions where it is little, never rounded to nothing."""
    amount = usd(nano_usd)
    if amount == 0:
        return "$0"
    return f"${amount:.4f}" if amount >= Decimal("0.01") else f"${amount.normalize():f}"


def _shown(words: str) -> str:
    return "".join(
        letter if letter.isprintable() or letter in _SHOWN else "\N{REPLACEMENT CHARACTER}" for letter in words
    )


def _on_one_line(value: object) -> str:
    """Return what is shown in a row, where foreign text may not begin another."""
    return " ".join(_shown(str(value)).split("\n")).replace("\t", " ")


def _escaped(document: str) -> str:
    """Return the JSON with every character escaped that is not seen; outside of strings it has none but newlines."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in document
    )
