"""Finds texts of `field/` that are nearly a text on which routing is measured.

    python -m training.near_duplicates FILE...

The files hold one JSON object a line with a `text`. Prints the pairs; the exit code is 1 if there are any.
"""

import json
import re
import sys
import unicodedata
from collections import defaultdict
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
    worded = [(text, words) for text in measured if (words := _words(text))]
    by_words = {tuple(words): text for text, words in worded}
    quotable = {run: text for text, words in worded for run in _runs(words)}
    similar = _Similar(worded)
    for text in texts:
        words = _words(text)
        original = by_words.get(tuple(words)) or next((quotable[run] for run in _runs(words) if run in quotable), None)
        original = original or similar.to(words)
        if original is not None:
            yield Pair(text, original)


class _Similar:
    """Measured texts by the character sequences that they hold."""

    def __init__(self, worded: Iterable[tuple[str, list[str]]]) -> None:
        self._texts = [(text, _shingles(words)) for text, words in worded]
        self._holders: defaultdict[str, list[int]] = defaultdict(list)
        for number, (_, shingles) in enumerate(self._texts):
            for shingle in shingles:
                self._holders[shingle].append(number)

    def to(self, words: list[str]) -> str | None:
        """Return a measured text that is similar enough, or None.

        Such a text lacks so few of the shingles that it holds one of the rarest: as many as it may lack, and one more.
        """
        shingles = _shingles(words)
        rarest = sorted(shingles, key=lambda shingle: len(self._holders.get(shingle, ())))
        may_miss = int(len(shingles) * (1 - SIMILARITY))
        numbers = {number for shingle in rarest[: may_miss + 1] for number in self._holders.get(shingle, ())}
        for number in sorted(numbers):
            text, others = self._texts[number]
            common = len(shingles & others)
            if common >= SIMILARITY * (len(shingles) + len(others) - common):
                return text
        return None


def texts_of(paths: Iterable[Path]) -> list[str]:
    """Return the texts of files with one JSON object a line; blank lines are skipped.

    Raises `KeyError` for an object without `text` and `ValueError` for a line that is no JSON.
    """
    lines = (line for path in paths for line in path.read_text(encoding="utf-8").split("\n"))
    return [json.loads(line)["text"] for line in lines if line.strip()]


def _words(text: str) -> list[str]:
    return _WORDS.findall(unicodedata.normalize("NFKC", text).casefold())


def _runs(words: list[str]) -> Iterator[tuple[str, ...]]:
    lengths = (2 * RUN if _UNSPACED.match(word) else RUN for word in words)
    return (tuple(words[at : at + length]) for at, length in enumerate(lengths) if at + length <= len(words))


def _shingles(words: list[str]) -> set[str]:
    joined = " ".join(words)
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
