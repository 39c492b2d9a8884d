"""How commands print: results on stdout, everything else on stderr, nothing of a task's text as terminal control."""

import json
import sys
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from pointsman.domain.money import usd

_SHOWN = {"\n", "\t"}


def document(value: Any) -> None:
    """Print a value as one JSON document."""
    print(dumped(value))


def dumped(value: Any) -> str:
    """Return a value as JSON for people; what a terminal would obey is escaped, as JSON can."""
    return _escaped(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def json_line(value: Any) -> None:
    """Print a value as one line of JSON, at once: whoever reads the pipe need not wait for the next."""
    print(json.dumps(value, allow_nan=False), flush=True)


def text(words: str) -> None:
    """Print text that others wrote; on a terminal without its control characters."""
    print(_shown(words) if sys.stdout.isatty() else words)


def pairs(rows: Iterable[tuple[str, object]]) -> None:
    """Print names and values, aligned; a value that is None is left out."""
    stated = [(name, value) for name, value in rows if value is not None]
    width = max((len(name) for name, _ in stated), default=0)
    for name, value in stated:
        print(f"{name:<{width}}  {_on_one_line(value)}")


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, right: Iterable[int] = ()) -> None:
    """Print rows in aligned columns under a header; those in `right` are numbers."""
    cells = [list(header), *([_on_one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    for row in cells:
        padded = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(padded).rstrip())


def note(words: str) -> None:
    """Tell the user something beside the result, on stderr."""
    print(_shown(words), file=sys.stderr, flush=True)


def dollars(nano_usd: int) -> str:
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
