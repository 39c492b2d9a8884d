"""What the local classifier sees of a text: weighted words, their character n-grams, word pairs, lead words and shapes.

Training and inference call the same functions here, so the two cannot drift apart. A change in this module changes the
meaning of the weights: train again.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

HEAD_CHARS = 600
TAIL_CHARS = 300
"""A long text counts by its beginning and end: instructions stand there, pasted material in between."""

UNIT = 0.2
"""Weights are whole numbers of this, so that they add up exactly."""
WORD_UNITS, GRAM_UNITS, PAIR_UNITS, LEAD_UNITS, SHAPE_UNITS = 5, 2, 4, 4, 3
MACHINE_UNITS = 2
"""Weight of a word from a log, diff, stack trace or JSON line: evidence, but not the request itself."""
SURFACE_CACHE_SIZE = 20_000

_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # Thai, kana, Han: no spaces between words
_MARKS = "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0951-\u0957\u064b-\u0652"  # inside words, yet not \w
_TOKEN = re.compile(rf"[{_UNSPACED}]+|[^\W\d_{_UNSPACED}]+(?:[{_MARKS}]+[^\W\d_{_UNSPACED}]*)*|\d+")
_UNSPACED_START = re.compile(rf"[{_UNSPACED}]")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+")
_BOUNDARY = re.compile(
    r"""(?<=[.!?;\u061f])\s+|(?<=[\u3002\uff01\uff1f\uff1b\u0964])|(?<=[)\]}])|(?:^|(?<=\s))(?=[(\[{])|(?<=["}\]]),(?=\s*")"""
)
_ACCENTS = re.compile("[\u0300-\u036f]+")
_MACHINE_LINE = re.compile(
    r"""^\s*(?:
        [+-]{3}\s|@@|[+-]\s*\S.*[;{}()=]|diff\s--git|index\s[0-9a-f]{6}          # diff
      | at\s[\w.$<>]+\(|File\s"|Traceback|goroutine\s|\.{3}\s\d+\smore           # stack trace
      | \[?\d{4}-\d\d-\d\d[T\s]\d\d:|\[?\d\d:\d\d:\d\d|[A-Z][a-z]{2}\s+\d+\s\d\d: # log with a time
      | \[?(?:INFO|WARN|WARNING|ERROR|DEBUG|FATAL|TRACE)\]?[\s:]                  # log with a level
      | (?:FAILED|PASSED|ok|not\sok)\s\S+[/:]                                     # test run
      | [{}\]]|\[\s*(?:[\[\]{"\d]|$)|"[\w.-]+"\s*:                                # JSON
    )""",
    re.VERBOSE,
)
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("diff", re.compile(r"^(?:diff --git|@@ |\+\+\+ |--- )", re.MULTILINE)),
    ("stack", re.compile(r"Traceback|^\s+at [\w.$<>]+\(|^\s*File \"|panic:|goroutine \d|Exception\b", re.MULTILINE)),
    ("log", re.compile(r"^\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d|\b(?:ERROR|WARN|INFO)\b", re.MULTILINE)),
    ("json", re.compile(r"[{,]\s*\"[\w.-]+\"\s*:")),
    ("question", re.compile(r"[?？\u061f]\s*$")),  # noqa: RUF001
    ("route", re.compile(r"\b(?:GET|POST|PUT|PATCH|DELETE)\s+/|(?:^|\s)/(?:api|v\d)/")),
    ("call", re.compile(r"(?<=\w)\(\)")),
    ("test_file", re.compile(r"\b[Tt]est(?:s?/|_\w)|[_.]test\.|\.spec\.")),
)


class Sentence(NamedTuple):
    """A piece of a text between full stops, brackets or line ends."""

    text: str
    words: tuple[tuple[str, str], ...]
    """In order of appearance, each as compared and as written."""
    pairs: tuple[str, ...]
    """Neighbours, as compared, with a space between them."""
    units: int
    """How much its words count: WORD_UNITS or MACHINE_UNITS."""


class Reading(NamedTuple):
    """A text as the classifier reads it."""

    words: Mapping[str, tuple[str, int]]
    """Distinct words as compared, in order of appearance; each as first written, and its largest weight in units."""
    pairs: Collection[str]
    extras: Collection[str]
    """Lead words (`^word`) and shapes (`#shape`)."""
    scale: float
    """What the summed scores are multiplied by, so that long texts do not outweigh short ones."""


def normalised(surface: str) -> str:
    """Return a word in lower case, compatibility form and without accents."""
    if surface.isascii():
        return surface.lower()
    decomposed = unicodedata.normalize("NFKD", surface.casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


@lru_cache(SURFACE_CACHE_SIZE)
def _pieces(surface: str) -> tuple[tuple[str, str], ...]:
    """Return (norm, surface) of each word in a run of letters or digits."""
    if surface[0].isdigit():  # HTTP errors keep their number
        return ((surface if len(surface) == 3 and surface[0] in "45" else "0", surface),)
    if _UNSPACED_START.match(surface):
        grams = (surface[start : start + size] for size in (1, 2, 3) for start in range(len(surface) - size + 1))
        return tuple((gram, gram) for gram in grams)
    if surface.islower() or surface.istitle() or surface.isupper():
        return ((normalised(surface), surface),)
    return tuple((normalised(part), part) for part in _CAMEL.findall(surface))


def excerpt(text: str) -> str:
    """Return at most HEAD_CHARS + TAIL_CHARS of a text: its head and its tail."""
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text
    return f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"


def sentences(text: str) -> list[Sentence]:
    """Return the sentences with at least one word of a text's head and tail."""
    sentences_found: list[Sentence] = []
    for line in excerpt(text).splitlines():
        units = MACHINE_UNITS if _MACHINE_LINE.match(line) else WORD_UNITS
        sentences_found += [part for text in _BOUNDARY.split(line) if (part := sentence(text, units)).words]
    return sentences_found


def sentence(text: str, units: int) -> Sentence:
    """Return a text as one sentence."""
    words = tuple([piece for surface in _TOKEN.findall(text) for piece in _pieces(surface)])
    return Sentence(text, words, word_pairs(words), units)


def word_pairs(words: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the neighbours among the words of a sentence."""
    return tuple(f"{first} {second}" for (first, _), (second, _) in pairwise(words))


def read_features(parts: Iterable[Sentence]) -> Reading:
    """Return what counts of a text that consists of these sentences."""
    parts = tuple(parts)
    words: dict[str, tuple[str, int]] = {}
    for part in parts:
        units = part.units
        for norm, surface in part.words:
            canonical = words.get(norm)
            if canonical is None or canonical[1] < units:
                words[norm] = surface, units
    neighbours = dict.fromkeys(pair for part in parts for pair in part.pairs)
    written = [part for part in parts if part.units == WORD_UNITS]
    extras = {f"^{norm}": None for part in (*written[:1], *written[1:][-1:]) for norm, _ in part.words[:3]}
    text = "\n".join(part.text for part in parts)
    extras |= {f"#{name}": None for name, pattern in _SHAPES if pattern.search(text)}
    scale = max(UNIT * sum(units for _, units in words.values()), 3.0) ** -0.5
    return Reading(words, neighbours, extras, scale)


def grams(norm: str) -> list[str]:
    """Return the character n-grams of a word, its two ends marked; none of a number, a long or an unspaced word."""
    if norm[0].isdigit() or len(norm) > 24 or _UNSPACED_START.match(norm):
        return []
    padded = f"<{norm}>"
    sizes = (2, 3) if "\uac00" <= norm[0] <= "\ud7a3" else (3, 4, 5)  # a Hangul syllable is two or three letters
    length = len(padded)
    return [padded[start : start + size] for size in sizes if size < length for start in range(length - size + 1)]
