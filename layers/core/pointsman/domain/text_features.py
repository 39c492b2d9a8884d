"""What the local classifier sees of a text: weighted words, their character n-grams, word pairs, lead words and shapes.

Training and inference call the same functions here, so the two cannot drift apart. A change in this module changes the
meaning of the weights: train again.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from pointsman.domain.steering import without_steering

HEAD_CHARS = 1_000
TAIL_CHARS = 600
"""A long text counts by its beginning and end: instructions stand there, pasted material in between."""

MACHINE_WEIGHT = 0.35
"""Weight of a word from a log, diff, stack trace or JSON line: evidence, but not the request itself."""

WORD_WEIGHT, GRAM_WEIGHT, PAIR_WEIGHT, LEAD_WEIGHT, SHAPE_WEIGHT = 1.0, 0.4, 0.8, 0.8, 0.6

_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # Thai, kana, Han: no spaces between words
_MARKS = "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0951-\u0957\u064b-\u0652"  # inside words, yet not \w
_TOKEN = re.compile(rf"[{_UNSPACED}]+|[^\W\d_{_UNSPACED}]+(?:[{_MARKS}]+[^\W\d_{_UNSPACED}]*)*|\d+")
_UNSPACED_START = re.compile(rf"[{_UNSPACED}]")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+")
_ACCENTS = re.compile("[\u0300-\u036f]+")
_MACHINE_LINE = re.compile(
    r"""^\s*(?:
        [+-]{3}\s|@@|[+-]\s*\S.*[;{}()=]|diff\s--git|index\s[0-9a-f]{6}          # diff
      | at\s[\w.$<>]+\(|File\s"|Traceback|goroutine\s|\.{3}\s\d+\smore           # stack trace
      | \[?\d{4}-\d\d-\d\d[T\s]\d\d:|\[?\d\d:\d\d:\d\d|[A-Z][a-z]{2}\s+\d+\s\d\d: # log with a time
      | \[?(?:INFO|WARN|WARNING|ERROR|DEBUG|FATAL|TRACE)\]?[\s:]                  # log with a level
      | (?:FAILED|PASSED|ok|not\sok)\s\S+[/:]                                     # test run
      | [{}\[\]]|"[\w.-]+"\s*:                                                    # JSON
    )""",
    re.VERBOSE,
)
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("diff", re.compile(r"^(?:diff --git|@@ |\+\+\+ |--- )", re.MULTILINE)),
    ("stack", re.compile(r"Traceback|^\s+at [\w.$<>]+\(|^\s*File \"|panic:|goroutine \d|Exception\b", re.MULTILINE)),
    ("log", re.compile(r"^\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d|\b(?:ERROR|WARN|INFO)\b", re.MULTILINE)),
    ("json", re.compile(r"[{,]\s*\"[\w.-]+\"\s*:")),
    ("question", re.compile(r"[?？]\s*$")),  # noqa: RUF001
    ("route", re.compile(r"\b(?:GET|POST|PUT|PATCH|DELETE)\s+/|(?:^|\s)/(?:api|v\d)/")),
    ("call", re.compile(r"\b\w+\(\)")),
    ("test_file", re.compile(r"\btests?/|\btest_\w+|_test\.|\.spec\.|\.test\.", re.IGNORECASE)),
)


class Word(NamedTuple):
    """One word of a text: as compared (`norm`), as written (`surface`), and how much it counts."""

    norm: str
    surface: str
    weight: float


class Reading(NamedTuple):
    """A text as the classifier reads it."""

    words: tuple[Word, ...]
    """Distinct words, in order of appearance, each with its largest weight."""
    pairs: tuple[tuple[str, str], ...]
    extras: tuple[str, ...]
    """Lead words (`^word`) and shapes (`#shape`)."""
    scale: float
    """What the summed scores are multiplied by, so that long texts do not outweigh short ones."""
    steered: bool
    """Whether the text does little else than say how it is to be classified or which model is to serve it."""


def normalised(surface: str) -> str:
    """Return a word in lower case, compatibility form and without accents."""
    if surface.isascii():
        return surface.lower()
    decomposed = unicodedata.normalize("NFKD", surface.casefold())
    return unicodedata.normalize("NFC", _ACCENTS.sub("", decomposed))


def _pieces(line: str) -> Iterator[tuple[str, str]]:
    """Yield (norm, surface) for each word of a line."""
    for surface in _TOKEN.findall(line):
        if surface[0].isdigit():
            yield (
                (surface if len(surface) == 3 and surface[0] in "45" else "0"),
                surface,
            )  # HTTP errors keep their number
        elif _UNSPACED_START.match(surface):
            for size in (1, 2, 3):
                for start in range(len(surface) - size + 1):
                    gram = surface[start : start + size]
                    yield gram, gram
        elif surface.islower() or surface.istitle() or surface.isupper():
            yield normalised(surface), surface
        else:
            for part in _CAMEL.findall(surface):
                yield normalised(part), part


def excerpt(text: str) -> str:
    """Return at most HEAD_CHARS + TAIL_CHARS of a text: its head and its tail."""
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text
    return f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"


def read(text: str) -> Reading:
    """Read a text; what addresses the classifier instead of describing the work is left out."""
    text, steered = without_steering(excerpt(text))
    words: dict[str, Word] = {}
    pairs: dict[tuple[str, str], None] = {}
    leads: list[list[str]] = []
    for line in text.splitlines():
        weight = MACHINE_WEIGHT if _MACHINE_LINE.match(line) else 1.0
        previous = ""
        norms: list[str] = []
        for norm, surface in _pieces(line):
            known = words.get(norm)
            if known is None or known.weight < weight:
                words[norm] = Word(norm, surface, weight)
            if previous:
                pairs[(previous, norm)] = None
            previous = norm
            norms.append(norm)
        if norms and weight == 1.0:
            leads.append(norms[:3])
    extras: dict[str, None] = {}
    for lead in [*leads[:1], *leads[1:][-1:]]:
        for norm in lead:
            extras[f"^{norm}"] = None
    for name, pattern in _SHAPES:
        if pattern.search(text):
            extras[f"#{name}"] = None
    total = sum(word.weight for word in words.values())
    scale = max(total, 3.0) ** -0.5
    return Reading(tuple(words.values()), tuple(pairs), tuple(extras), scale, steered)


def word_features(norm: str) -> list[tuple[str, float]]:
    """Return the features of one word with their weights: the word itself and its character n-grams."""
    padded = f"<{norm}>"
    features = [(padded, WORD_WEIGHT)]
    if norm[0].isdigit() or len(norm) > 24 or _UNSPACED_START.match(norm):
        return features
    sizes = (2, 3) if "\uac00" <= norm[0] <= "\ud7a3" else (3, 4, 5)  # a Hangul syllable is two or three letters
    length = len(padded)
    for size in sizes:
        if size < length:
            features += [(padded[start : start + size], GRAM_WEIGHT) for start in range(length - size + 1)]
    return features
