"""Prints results on stdout and everything else on stderr. Text of tasks never reaches a terminal as control codes."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, TextIO

from pointsman.values.money import usd
from pointsman_cli.errors import CommandError

_HARMLESS = {"\n", "\t"}
_GAP = "  "
_NARROWEST = 12
"""Characters. A column is not folded below this width."""
_LONGEST_WHOLE = 36
"""Characters of a word that is not folded: an id stays whole, so that it can be copied."""
type Colour = Literal["plain", "green", "yellow"]
_CODES: dict[Colour, str] = {"plain": "", "green": "32", "yellow": "33"}


@dataclass(frozen=True, slots=True)
class Coloured:
    """A cell with a colour on a terminal."""

    text: str
    colour: Colour

    def __str__(self) -> str:
        return self.text


def print_document(value: Any) -> None:
    """Print a value as one JSON document."""
    print(json_text(value))


def plain(value: Any) -> Any:
    """Return a value as JSON has it: a dataclass, also within it, by its `as_dict` or else by its fields."""
    if is_dataclass(value):
        own = getattr(value, "as_dict", None)
        value = own() if own else {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    return [plain(entry) for entry in value] if isinstance(value, list | tuple) else value


def json_text(value: Any) -> str:
    """Return a value as indented JSON, with control characters escaped."""
    return _escaped(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


def print_json_line(value: Any) -> None:
    """Print a value as one line of JSON and flush it, so that a reader of the pipe need not wait for the next."""
    print(json.dumps(value, allow_nan=False), flush=True)


def print_text(text: str) -> None:
    """Print text from elsewhere, on a terminal without its control characters."""
    print(harmless(text) if sys.stdout.isatty() else text)


def write(text: str, into: Path | None, *, make_folder: bool = False) -> None:
    """Write text to a file, or print it without one.

    Raises:
        CommandError: The file cannot be written.
    """
    if into is None:
        print(text.rstrip("\n"))
        return
    try:
        if make_folder:
            into.parent.mkdir(parents=True, exist_ok=True)
        into.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--output: {error.strerror}: {into}") from None
    print_note(f"Wrote {into}")


def print_pairs(rows: Iterable[tuple[str, object]]) -> None:
    """Print names and values in two columns, folded to a terminal's width. Skips values that are None."""
    pairs = [(name, _on_one_line(value)) for name, value in rows if value is not None]
    width = max((len(name) for name, _ in pairs), default=0)
    room = shutil.get_terminal_size().columns - width - len(_GAP) if sys.stdout.isatty() else None
    for name, value in pairs:
        first, *more = [value] if room is None else _folded(value, max(room, _NARROWEST))
        print(f"{name:<{width}}{_GAP}{first}")
        for line in more:
            print(f"{'':<{width}}{_GAP}{line}")


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]], *, right: Iterable[int] = ()) -> None:
    """Print rows in columns under a header. Columns in `right` are right-aligned numbers.

    On a terminal, columns of text are folded until the rows fit; where they cannot, each row is a block of lines.
    Elsewhere each row is one line.
    """
    numbers, cells = set(right), [list(header), *([_on_one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns
        narrowest = [_narrowest([row[column] for row in cells]) for column in range(len(header))]
        widths = _fitted(widths, narrowest, numbers, room)
        if sum(widths) + len(_GAP) * (len(widths) - 1) > room:
            _print_blocks(header, rows)
            return
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


def _print_blocks(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print each row as names and values, below one another."""
    for number, row in enumerate(rows):
        if number:
            print()
        print_pairs((name or "#", cell) for name, cell in zip(header, row, strict=True) if str(cell))


def _narrowest(cells: Iterable[str]) -> int:
    """Return the width below which a column would cut words that are to stay whole."""
    return max((len(word) for cell in cells for word in cell.split() if len(word) <= _LONGEST_WHOLE), default=0)


def _fitted(widths: list[int], narrowest: list[int], numbers: Collection[int], available: int) -> list[int]:
    """Return the widths with the widest text columns narrowed, until all fit or none can be narrower."""
    fitted, room = list(widths), available - len(_GAP) * (len(widths) - 1)
    foldable = [column for column in range(len(fitted)) if column not in numbers]
    while sum(fitted) > room:
        foldable = [column for column in foldable if fitted[column] > max(narrowest[column], _NARROWEST)]
        if not foldable:
            break
        fitted[max(foldable, key=fitted.__getitem__)] -= 1
    return fitted


def _folded(cell: str, width: int) -> list[str]:
    return [cell] if len(cell) <= width else textwrap.wrap(cell, width, break_on_hyphens=False)


def _supports_colour(stream: TextIO) -> bool:
    """Return whether to use colours: on a terminal, unless NO_COLOR or TERM=dumb is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _painted(cell: str, content: object) -> str:
    if isinstance(content, Coloured) and (code := _CODES[content.colour]) and _supports_colour(sys.stdout):
        text = cell.strip()
        return cell.replace(text, f"\x1b[{code}m{text}\x1b[0m") if text else cell
    return cell


def paint_screen(screen: str) -> None:
    """Write a terminal's screen with its control sequences; text in it must be free of them."""
    sys.stdout.write(screen)
    sys.stdout.flush()


def print_note(text: str) -> None:
    """Print a note to the user on stderr, beside the result."""
    print(harmless(text), file=sys.stderr, flush=True)


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Yield a function that shows progress on one line of stderr, on terminals only. The line is erased at the end."""
    if not shows_progress():
        yield lambda _: None
        return

    def show(step: str) -> None:
        room = shutil.get_terminal_size().columns - 1
        print(f"\r{harmless(step)[:room]}\x1b[K", end="", file=sys.stderr, flush=True)

    try:
        yield show
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def text_width(most: int) -> int:
    """Return how many columns a text may have: at most so many, and no more than a terminal has."""
    return min(most, shutil.get_terminal_size().columns) if sys.stdout.isatty() else most


def shows_progress() -> bool:
    """Return whether stderr is a terminal whose line can be written anew."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def exact_dollars(nano_usd: int) -> str:
    """Return an amount in dollars. Small amounts keep all their digits, so they never round to zero."""
    amount = usd(nano_usd)
    if amount == 0:
        return "$0"
    return f"${amount:.4f}" if amount >= Decimal("0.01") else f"${amount.normalize():f}"


def short_dollars(nano_usd: int) -> str:
    """Return an amount in dollars for a narrow column: four digits that say something, `<` before what is less."""
    amount = usd(nano_usd)
    if 0 < amount < Decimal("0.000001"):
        return "<$0.000001"
    return "$0" if not amount else f"${amount:.2f}" if amount >= 1 else f"${amount:.6f}".rstrip("0")


def harmless(text: str) -> str:
    """Return text without control characters."""
    return "".join(
        character if character.isprintable() or character in _HARMLESS else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )


def _on_one_line(value: object) -> str:
    """Return a cell's text without line breaks: text from elsewhere must not start a row."""
    return " ".join(harmless(str(value)).split("\n")).replace("\t", " ")


def _escaped(document: str) -> str:
    """Return JSON with its invisible characters escaped. Outside of strings it has none but newlines."""
    return "".join(
        character if character.isprintable() or character == "\n" else json.dumps(character)[1:-1]
        for character in document
    )
