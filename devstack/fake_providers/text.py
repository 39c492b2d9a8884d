"""Plain answers that depend on the prompt, and token counts that depend on the text."""

import re

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


def tokens(text: str) -> int:
    """Count about one token for four UTF-8 bytes: none for no text, else at least one."""
    return -(-len(text.encode()) // _BYTES_PER_TOKEN)


def cut(text: str, max_tokens: int | None) -> tuple[str, bool]:
    """Cut a text to `max_tokens`, and say whether anything went; a character is never split."""
    if max_tokens is None or tokens(text) <= max_tokens:
        return text, False
    return text.encode()[: max_tokens * _BYTES_PER_TOKEN].decode(errors="ignore"), True


def first_words(text: str, count: int = 10) -> str:
    """Return the first words of a text on one line, at most 80 characters."""
    return " ".join(text.split(maxsplit=count)[:count])[:80]


def listed(text: str) -> list[str]:
    """Return the lines of a text that begin as an item of a list does: `-`, `*` or a number."""
    return re.findall(r"^[ \t]*(?:[-*]|\d+[.)])[ \t]+(\S.*?)[ \t]*$", text, re.MULTILINE)


def compose(model: str, prompt: str) -> str:
    """Answer a prompt: the same prompt always gets the same text, and the text says who gave it."""
    body = next((body for words, body in _BODIES if re.search(words, prompt, re.IGNORECASE)), _DEFAULT_BODY)
    return f"[stand-in {model}] On “{first_words(prompt)}”: {body}"


def filler(model: str, size: int) -> str:
    """Return an answer of exactly `size` ASCII bytes: for answers too large for an event."""
    return (f"[stand-in {model}] " + "A long answer, line after line. " * (size // 32 + 1))[:size]
