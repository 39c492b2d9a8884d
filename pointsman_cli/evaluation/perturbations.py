"""The same text as a hasty writer would send it: what it asks for stays, and so should its tier.

The random source is seeded by the text, so that every run changes a text in the same way.
"""

import random
import re
from collections.abc import Callable, Mapping

_WORD = re.compile(r"[^\W\d_]{4,}")
WORDS_PER_ERROR = 8
"""One word of so many, of four letters or more, gets a typing error; at least one does."""


def with_typing_errors(text: str) -> str:
    """Return the text with letters swapped, left out or doubled."""
    words = list(_WORD.finditer(text))
    source = random.Random(f"typing errors:{text}")  # noqa: S311  (repeatable on purpose)
    count = min(len(words), max(1, len(words) // WORDS_PER_ERROR))
    for word in sorted(source.sample(words, count), key=lambda word: -word.start()):
        text = text[: word.start()] + _misspelt(word[0], source) + text[word.end() :]
    return text


def _misspelt(word: str, source: random.Random) -> str:
    place = source.randrange(1, len(word) - 1)
    kind = source.randrange(3)
    if kind == 0:
        return word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    if kind == 1:
        return word[:place] + word[place + 1 :]
    return word[:place] + word[place] + word[place:]


PERTURBATIONS: Mapping[str, Callable[[str], str]] = {
    "typing errors": with_typing_errors,
    "lower case": str.lower,
    "capitals": str.upper,
}
