"""Which of two answers a stand-in finds better: the longer one, and neither of the same text."""

import json

WORDS = frozenset({"first", "second", "same"})


def better_answer(prompt: str) -> str | None:
    """Return the word on the two answers in a prompt; None: there are not two."""
    _, _, data = prompt.partition("\n")
    try:
        shown = json.loads(data)
        first, second = str(shown["first_answer"]), str(shown["second_answer"])
    except (ValueError, KeyError, TypeError):
        return None
    if first == second:
        return "same"
    return "first" if (len(first), first) > (len(second), second) else "second"
