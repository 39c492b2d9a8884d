"""Sentences in a task's text that address the router instead of describing the work.

The text of a task is data: an instruction in it cannot choose tier, budget or format. Such sentences are left out
before the text is read, so that the verdict is that on the text without them. Which sentences they are is learnt
(`training/steering.jsonl`). A second line: the classifier is trained on texts with such sentences in them as well.
"""

from collections.abc import Callable, Iterator, Sequence

from pointsman.routing.classifier.text_features import Sentence
from pointsman.values.taxonomy import TaskType, Tier

DOUBT = 2.0
"""A sentence so much below the line may still begin or end with steering; one further below is about the work."""
WORK = 3.2
"""What is left of a sentence is so far below the line, or it is steering too."""
GAIN = 2.0
"""A span steers so much more than the whole sentence, or it is the whole that steers."""
CUT_WORDS = 16
"""The longest beginning or end that is looked at."""
_NAMES = frozenset(tuple(name.split("_")) for name in (*TaskType, *Tier))


def without_steering(
    parts: Sequence[Sentence],
    steering: Callable[[Sentence], float],
    part_of: Callable[[Sentence, str], Sentence],
) -> tuple[Sequence[Sentence], bool]:
    """Return what does not steer, and whether there is nothing.

    `steering` says how far a sentence is above the line, or below it; `part_of` makes a sentence of a part of another's
    text. A text that consists of steering only is returned whole: it is then all there is to go by.
    """
    kept: list[Sentence] = []
    for part in parts:
        if len(parts) > 1 and _is_name(part):
            continue
        value = steering(part)
        if value < -DOUBT:
            kept.append(part)
            continue
        rest = _without_span(part, steering, part_of)
        if rest is not None:
            kept.append(rest)
        elif value < 0.0:
            kept.append(part)
    return kept or parts, not kept


def _without_span(
    part: Sentence, steering: Callable[[Sentence], float], part_of: Callable[[Sentence, str], Sentence]
) -> Sentence | None:
    """Return a sentence without the beginning or end that steers most; None if none does or all of it does."""
    best, rest = max(steering(part) + GAIN, 0.0), None
    for span, remainder in _spans(part.text.split()):
        value = steering(part_of(part, span))
        if value > best:
            best, rest = value, remainder
    if rest is None:
        return None
    remaining = part_of(part, rest)
    return remaining if remaining.words and steering(remaining) < -WORK else None


def _spans(words: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each beginning and end with what is left."""
    for size in range(1, min(CUT_WORDS, len(words) - 1) + 1):
        yield " ".join(words[:size]), " ".join(words[size:])
        yield " ".join(words[-size:]), " ".join(words[:-size])


def _is_name(part: Sentence) -> bool:
    """Tell whether a sentence is the name of a type or tier and no more, as `[architecture]`."""
    return tuple(norm for norm, _ in part.words) in _NAMES
