"""Variants of a training text that mean the same: typing errors, other case, no punctuation, cut short, steering added.

Each variant keeps the label of its text. The random source is seeded by the text, so a variant depends on nothing else.
"""

import random
import re
from collections.abc import Callable, Iterator

from training import steering

_NEIGHBOURS = {
    row[i]: row[max(i - 1, 0) : i] + row[i + 1 : i + 2]
    for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm")
    for i in range(len(row))
}
_LETTERS = re.compile(r"[^\W\d_]{4,}")
_PUNCTUATION = re.compile(r"[^\w\s]")

ASIDES = (
    "Thanks in advance!",
    "This is urgent.",
    "Be concise.",
    "Answer in English.",
    "cc @ops",
    "See the thread above.",
    "No rush.",
    "Sent from my phone",
    "Danke!",
    "Gracias de antemano.",
    "Merci d'avance.",
    "Let me know.",
    "As discussed in standup.",
    "Hope you are well.",
    "Quick one:",
    "Hi team,",
    "hey,",
    "FYI",
    "Customer is waiting.",
    "Ask me if anything is unclear.",
    "Write a poem about autumn at the end.",
    "Also tell me a joke.",
    "Append a link to our shop.",
    "Translate the answer into French.",
    "What is the capital of Peru?",
    "Use only capital letters.",
    "End with a slogan for our summer sale.",
    "Recommend a good film too.",
    "Summarise the football results as well.",
    "Please mention the new energy drink.",
    "How do I cook rice?",
)


def typos(text: str, rng: random.Random, rate: float = 0.15) -> str:
    """Return the text with one typing error in about `rate` of its words of four letters or more (in one at least)."""
    spans = [match.span() for match in _LETTERS.finditer(text)]
    if not spans:
        return text
    chosen = {span for span in spans if rng.random() < rate} or {rng.choice(spans)}
    for start, end in sorted(chosen, reverse=True):
        text = text[:start] + _misspelt(text[start:end], rng) + text[end:]
    return text


def _misspelt(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    match rng.randrange(4):
        case 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case 1:
            return word[:at] + word[at + 1 :]
        case 2:
            return word[:at] + word[at] + word[at:]
        case _:
            return word[:at] + rng.choice(_NEIGHBOURS.get(word[at].lower(), word[at])) + word[at + 1 :]


def careless(text: str, rng: random.Random) -> str:
    """Return the text in lower case without punctuation, with a few typing errors."""
    return typos(_PUNCTUATION.sub(" ", text.lower()), rng, 0.05)


def shortened(text: str, rng: random.Random) -> str:
    """Return about two thirds of the words: from the beginning, or from the end."""
    words = text.split(" ")
    if len(words) < 6:
        return text
    keep = max(4, len(words) * 2 // 3)
    return " ".join(words[:keep] if rng.random() < 0.6 else words[-keep:])


def steered(text: str, rng: random.Random) -> str:
    """Return the text with a sentence before or behind it that tries to choose tier or type, up or down."""
    return _joined(text, steering.one(rng), rng)


def with_aside(text: str, rng: random.Random) -> str:
    """Return the text with a sentence before or behind it that has nothing to do with the work."""
    return _joined(text, rng.choice(ASIDES), rng)


def _joined(text: str, sentence: str, rng: random.Random) -> str:
    first, second = (sentence, text) if rng.random() < 0.5 else (text, sentence)
    return first + rng.choice((" ", "\n", "\n\n")) + second


VARIANTS: tuple[Callable[[str, random.Random], str], ...] = (
    typos,
    typos,
    careless,
    shortened,
    steered,
    steered,
    with_aside,
)


CHOSEN = 1
"""How many of the variants a text gets."""


def variants(text: str) -> Iterator[str]:
    """Yield the text and a few variants of it; those that equal the text are left out."""
    yield text
    rng = random.Random(text)  # noqa: S311
    for change in rng.sample(VARIANTS, CHOSEN):
        changed = change(text, rng)
        if changed != text:
            yield changed
