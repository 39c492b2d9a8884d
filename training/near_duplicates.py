"""Finds texts of `field/` that are nearly a text on which routing is measured.

    python -m training.near_duplicates FILE...

The files hold one JSON object a line with a `text`. Prints the pairs; the exit code is 1 if there are any.
"""

import json
import re
import sys
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

FIELD = Path(__file__).parent / "field"
"""The training texts in the styles that people write in."""
SHINGLE = 5
"""Characters that are compared at a time."""
SIMILARITY = 0.6
"""From this share of common shingles (Jaccard) two texts are one. Two questions that begin alike stay below it."""
RUN = 10
"""So many words in a row are a quotation, however different the rest is; twice as many characters without spaces."""
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_WORDS = re.compile(rf"{_UNSPACED.pattern}|[^\W\u3040-\u30ff\u3400-\u9fff]+")
"""A word, or one character of a script that puts no spaces between words."""


class Pair(NamedTuple):
    """A training text and the measured text that it repeats."""

    text: str
    measured: str


def near_duplicates(texts: Iterable[str], measured: Iterable[str]) -> Iterator[Pair]:
    """Yield the texts that equal a measured text but for case and punctuation, resemble it closely, or quote it."""
    originals = [text for text in measured if _words(text)]
    by_words = {tuple(_words(text)): text for text in originals}
    quotable = {run: text for text in originals for run in _runs(text)}
    shingled = [_shingles(text) for text in originals]
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for number, shingles in enumerate(shingled):
        for shingle in shingles:
            holders[shingle].append(number)
    for text in texts:
        original = by_words.get(tuple(_words(text)))
        original = original or next((quotable[run] for run in _runs(text) if run in quotable), None)
        if original is None:
            shingles = _shingles(text)
            common = Counter(number for shingle in shingles for number in holders.get(shingle, ()))
            original = next(
                (
                    originals[number]
                    for number, count in common.items()
                    if count >= SIMILARITY * (len(shingles) + len(shingled[number]) - count)
                ),
                None,
            )
        if original is not None:
            yield Pair(text, original)


def texts_of(paths: Iterable[Path]) -> list[str]:
    """Return the texts of files with one JSON object a line; blank lines are skipped.

    Raises `KeyError` for an object without `text` and `ValueError` for a line that is no JSON.
    """
    lines = (line for path in paths for line in path.read_text(encoding="utf-8").split("\n"))
    return [json.loads(line)["text"] for line in lines if line.strip()]


def _words(text: str) -> list[str]:
    return _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())


def _runs(text: str) -> Iterator[tuple[str, ...]]:
    words = _words(text)
    lengths = (2 * RUN if _UNSPACED.match(word) else RUN for word in words)
    return (tuple(words[at : at + length]) for at, length in enumerate(lengths) if at + length <= len(words))


def _shingles(text: str) -> set[str]:
    joined = " ".join(_words(text))
    return {joined[at : at + SHINGLE] for at in range(max(len(joined) - SHINGLE + 1, 1))}


def main(paths: list[str]) -> int:
    """Print the field texts that are near-duplicates of a text of the files; return 1 if there are any."""
    measured = texts_of(map(Path, paths))
    pairs = list(near_duplicates(texts_of(sorted(FIELD.glob("*.jsonl"))), measured))
    for pair in pairs:
        print(f"{pair.text[:100]!r}\n  is nearly {pair.measured[:100]!r}")
    print(f"{len(pairs)} near-duplicates of {len(measured)} measured texts")
    return 1 if pairs else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
