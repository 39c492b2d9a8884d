"""What the local classifier sees of a text: weighted words, their character n-grams, word pairs, lead words and shapes.

Training and inference call the same functions here, so the two cannot drift apart. A change in this module changes the
meaning of the weights: train again.
"""

import re
import unicodedata
from bisect import bisect
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from pointsman.routing.classifier.request import Request

HEAD_CHARS = 600
TAIL_CHARS = 300
"""A long request counts by its beginning and end."""

UNIT = 0.2
"""Weights are whole numbers of this, so that they add up exactly."""
WORD_UNITS, GRAM_UNITS, PAIR_UNITS, LEAD_UNITS, SHAPE_UNITS = 5, 2, 4, 4, 3
MACHINE_UNITS = 2
"""Weight of a word from the material: evidence, but not the request itself."""
LENGTHS = (12, 30, 70, 150, 400)
"""Characters of the request at which its length class changes."""
SURFACE_CACHE_SIZE = 20_000

_UNSPACED = "\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"  # Thai, kana, Han: no spaces between words
_MARKS = "\u0300-\u036f\u0900-\u0903\u093a-\u094f\u0951-\u0957\u064b-\u0652"  # inside words, yet not \w
_TOKEN = re.compile(rf"[{_UNSPACED}]+|[^\W\d_{_UNSPACED}]+(?:[{_MARKS}]+[^\W\d_{_UNSPACED}]*)*|\d+")
_CAMEL = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+")
_BOUNDARY = re.compile(
    r"""(?<=[.!?;\u061f])\s+|(?<=[\u3002\uff01\uff1f\uff1b\u0964])|(?<=[)\]}])|(?:^|(?<=\s))(?=[(\[{])|(?<=["}\]]),(?=\s*")"""
)
_ACCENTS = re.compile("[\u0300-\u036f]+")
_SHAPES: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("error", re.compile(r"\b\w*(?:Error|Exception)\b|\b(?:ERROR|panic)\b")),
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
    """Lead words (`^word`), and shapes, kinds of material and length class (`#shape`)."""
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
    if _is_unspaced(surface[0]):
        grams = (surface[start : start + size] for size in (1, 2, 3) for start in range(len(surface) - size + 1))
        return tuple((gram, gram) for gram in grams)
    if surface.islower() or surface.istitle() or surface.isupper():
        return ((normalised(surface), surface),)
    return tuple((normalised(part), part) for part in _CAMEL.findall(surface))


def _is_unspaced(char: str) -> bool:
    """Tell whether a character is of `_UNSPACED`."""
    return char >= "\u0e00" and (
        char <= "\u0e7f" or "\u3040" <= char <= "\u30ff" or "\u3400" <= char <= "\u9fff" or "\uf900" <= char <= "\ufaff"
    )


def excerpt(text: str) -> str:
    """Return at most HEAD_CHARS + TAIL_CHARS of a text: its head and its tail."""
    if len(text) <= HEAD_CHARS + TAIL_CHARS:
        return text
    return f"{text[:HEAD_CHARS]}\n{text[-TAIL_CHARS:]}"


def sentences(request: Request) -> list[Sentence]:
    """Return the sentences with at least one word of a request's head and tail, and of the material's beginning."""
    written, pasted = excerpt(request.text), request.material
    return [*_sentences(written, WORD_UNITS), *_sentences(pasted, MACHINE_UNITS)]


def _sentences(text: str, units: int) -> list[Sentence]:
    return [
        part for line in text.splitlines() for piece in _BOUNDARY.split(line) if (part := sentence(piece, units)).words
    ]


def sentence(text: str, units: int) -> Sentence:
    """Return a text as one sentence."""
    words = tuple([piece for surface in _TOKEN.findall(text) for piece in _pieces(surface)])
    return Sentence(text, words, word_pairs(words), units)


def word_pairs(words: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Return the neighbours among the words of a sentence."""
    return tuple(f"{first} {second}" for (first, _), (second, _) in pairwise(words))


def read_features(parts: Iterable[Sentence], kinds: Collection[str] = ()) -> Reading:
    """Return what counts of a text that consists of these sentences and holds material of these kinds."""
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
    extras |= {f"#{kind}": None for kind in sorted(kinds)}
    extras[f"#length{bisect(LENGTHS, sum(len(part.text) for part in written))}"] = None
    scale = max(UNIT * sum(units for _, units in words.values()), 3.0) ** -0.5
    return Reading(words, neighbours, extras, scale)


def grams(norm: str) -> list[str]:
    """Return the character n-grams of a word, its two ends marked; none of a number, a long or an unspaced word."""
    if norm[0].isdigit() or len(norm) > 24 or _is_unspaced(norm[0]):
        return []
    padded = f"<{norm}>"
    sizes = (2, 3) if "\uac00" <= norm[0] <= "\ud7a3" else (3, 4, 5)  # a Hangul syllable is two or three letters
    length = len(padded)
    return [padded[start : start + size] for size in sizes if size < length for start in range(length - size + 1)]
