"""Plain answers that depend on the prompt alone, and token counts."""

import re
from collections.abc import Iterable

_BYTES_PER_TOKEN = 4

_BODIES: tuple[tuple[str, str], ...] = (
    (
        r"secur|vulnerab|threat|attack",
        "check who may call it, what it trusts in its input, and where it keeps secrets.",
    ),
    (
        r"architect|design|trade-?off|scal(e|ing)",
        "one owner per piece of state, small contracts between parts; measure first.",
    ),
    (
        r"debug|race|deadlock|leak|intermittent",
        "reproduce it under load, write down the order of events, halve the suspects.",
    ),
    (r"\btests?\b|\bsuites?\b", "start with the plain path, then the edges, then one failure of each dependency."),
    (
        r"document|readme|docstring|changelog",
        "what it is for, how to start it, what it returns, and what can go wrong.",
    ),
    (
        r"\bcode\b|function|implement|write|endpoint|refactor",
        "a first version:\n\n```python\ndef answer() -> int:\n    return 42\n```",
    ),
    (
        r"plan|schedul|split|steps|priorit",
        "1. settle what done means. 2. do the riskiest part first. 3. check and report.",
    ),
    (r"status|health|progress", "nothing reported as failing; one item is still open."),
)
_DEFAULT_BODY = "go ahead, the smallest step first."


def count_tokens(text: str) -> int:
    """Return the number of tokens: one for every four UTF-8 bytes, rounded up."""
    return -(-len(text.encode(errors="surrogatepass")) // _BYTES_PER_TOKEN)


def cut_to_tokens(text: str, max_tokens: int | None) -> tuple[str, bool]:
    """Return a text cut to `max_tokens`, and whether anything was cut; a character is never split."""
    if max_tokens is None or count_tokens(text) <= max_tokens:
        return text, False
    return text.encode(errors="surrogatepass")[: max_tokens * _BYTES_PER_TOKEN].decode(errors="ignore"), True


def cut_before(text: str, stops: Iterable[str]) -> tuple[str, str | None]:
    """Return a text up to the first of `stops` in it, and which one that is."""
    first = min((stop for stop in stops if stop in text), key=text.index, default=None)
    return (text, None) if first is None else (text[: text.index(first)], first)


def first_words(text: str, count: int = 10) -> str:
    """Return the first words of a text on one line, at most 80 characters."""
    return " ".join(text.split(maxsplit=count)[:count])[:80]


def list_items(text: str) -> list[str]:
    """Return the text of the lines that are list items: they begin with `-`, `*` or a number."""
    return re.findall(r"^[ \t]*(?:[-*]|\d+[.)])[ \t]+(\S.*?)[ \t]*$", text, re.MULTILINE)


def plain_answer(model: str, prompt: str) -> str:
    """Return the answer to a prompt; it names the stand-in, and is the same for the same prompt."""
    body = next((body for pattern, body in _BODIES if re.search(pattern, prompt, re.IGNORECASE)), _DEFAULT_BODY)
    return f"[stand-in {model}] On “{first_words(prompt)}”: {body}"


def text_of_size(model: str, size: int) -> str:
    """Return an answer of exactly `size` ASCII bytes: too large for an event, if need be."""
    return (f"[stand-in {model}] " + "A long answer, line after line. " * (size // 32 + 1))[:size]
