"""Finds the known word that a misspelt one was meant to be."""

from collections.abc import Callable, Iterable

MIN_LETTERS, MAX_LETTERS = 4, 16


class Spelling:
    """Known words by their forms with one letter left out; a first letter's words are indexed when they are asked for.

    Two words that share such a form are one letter apart (too few, too many, another, or two swapped) or nearly so, and
    finding them takes one look-up per letter. The first letter is taken to be right.
    """

    def __init__(self, known: Callable[[str], Iterable[str]]) -> None:
        """`known` returns the known words that begin with a letter."""
        self._known = known
        self._forms: dict[str, dict[str, list[str]]] = {}

    def nearest(self, word: str) -> str:
        """Return the likeliest known word one error away, or the word itself."""
        if not MIN_LETTERS - 1 <= len(word) <= MAX_LETTERS + 1 or not word.isalpha():
            return word
        forms = self._indexed(word[0])
        candidates = {candidate for form in _forms(word) for candidate in forms.get(form, ())}
        return min(candidates, key=lambda known: (*_unlikeness(word, known), known), default=word)

    def _indexed(self, first: str) -> dict[str, list[str]]:
        forms = self._forms.get(first)
        if forms is None:
            self._forms[first] = forms = {}
            for word in self._known(first):
                if MIN_LETTERS <= len(word) <= MAX_LETTERS and word.isalpha():
                    for form in _forms(word):
                        forms.setdefault(form, []).append(word)
        return forms


def _forms(word: str) -> set[str]:
    return {word} | {word[:at] + word[at + 1 :] for at in range(1, len(word))}


def _unlikeness(word: str, known: str) -> tuple[bool, int]:
    """Rank an error: swapped letters are likeliest, then those that leave the length alone."""
    return sorted(word) != sorted(known), abs(len(word) - len(known))
