"""Finds the known word that a misspelt one was meant to be."""

from collections.abc import Iterable

MIN_LETTERS, MAX_LETTERS = 4, 16


class Spelling:
    """An index of known words by their forms with one letter left out.

    Two words that share such a form are one letter apart (too few, too many, another, or two swapped) or nearly so, and
    finding them takes one look-up per letter.
    """

    def __init__(self, known: Iterable[str]) -> None:
        self._words: dict[str, list[str]] = {}
        for word in known:
            if MIN_LETTERS <= len(word) <= MAX_LETTERS and word.isalpha():
                for form in (word, *_shortened(word)):
                    self._words.setdefault(form, []).append(word)

    def nearest(self, word: str) -> str:
        """Return the likeliest known word one error away, or the word itself."""
        if not MIN_LETTERS <= len(word) <= MAX_LETTERS or not word.isalpha():
            return word
        candidates = {known for form in (word, *_shortened(word)) for known in self._words.get(form, ())}
        return min(candidates, key=lambda known: (*_unlikeness(word, known), known), default=word)


def _shortened(word: str) -> set[str]:
    return {word[:at] + word[at + 1 :] for at in range(len(word))}


def _unlikeness(word: str, known: str) -> tuple[bool, bool, int]:
    """Rank an error: swapped letters are likeliest, then those that leave the first letter and the length alone."""
    return sorted(word) != sorted(known), word[0] != known[0], abs(len(word) - len(known))
