"""Whether an answer is what its task type declares in `pointsman.verify`: what can be told without a model."""

import ast
import re
import textwrap
import tomllib
import warnings
from collections.abc import Callable
from typing import Any

from pointsman.routing.config import Checks
from pointsman.values import json_schema, strict_json

_FENCED = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]*)[^\n]*\n(.*?)(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL
)
_TAGS = {"python": ("python", "py", "python3"), "json": ("json",), "toml": ("toml",)}
_BEFORE_TITLE, _BEHIND_TITLE = re.compile(r"^[\s#>*_.)\d]+"), re.compile(r"[\s#*_:]+$")


def first_failed(checks: Checks, answer: str, *, truncated: bool) -> str | None:
    """Return the first check that the answer does not pass, by its name in `openclaw.json`; None: it passes all."""
    if checks.complete and truncated:
        return "complete"
    length = len(answer.strip())
    if checks.min_chars is not None and length < checks.min_chars:
        return "min_chars"
    if checks.max_chars is not None and length > checks.max_chars:
        return "max_chars"
    if not _has_sections(answer, checks.sections):
        return "sections"
    if checks.language and not _all(answer, checks.language, _PARSERS[checks.language]):
        return "language"
    if checks.json_schema is not None:
        valid = json_schema.compiled(checks.json_schema)
        if not _all(answer, "json", lambda text: valid(strict_json.loads(text))):
            return "json_schema"
    return None


def _all(answer: str, language: str, parse: Callable[[str], object]) -> bool:
    """Return whether there is something in that language, and all of it is accepted."""
    snippets = code_in(answer, language)
    return bool(snippets) and all(_accepted(parse, text) for text in snippets)


def _accepted(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # the last two: nested deeper than a parser goes
        return False
    return True


def code_in(answer: str, language: str) -> list[str]:
    """Return what an answer has in a language: the fenced blocks that name it, else those that name none.

    An answer without any fenced block is code as a whole. Blank blocks are left out.
    """
    blocks = [(tag.lower(), body) for _, tag, body in _FENCED.findall(answer)] or [("", answer)]
    named = [body for tag, body in blocks if tag in _TAGS[language]]
    chosen = named or [body for tag, body in blocks if not tag]
    return [textwrap.dedent(body) for body in chosen if body.strip()]


def _has_sections(answer: str, titles: tuple[str, ...]) -> bool:
    """Return whether each title stands alone on a line of the prose, however it is marked as a heading."""
    if not titles:
        return True
    lines = {_title(line) for line in _FENCED.sub("", answer).splitlines()}
    return all(_title(title) in lines for title in titles)


def _title(line: str) -> str:
    return _BEHIND_TITLE.sub("", _BEFORE_TITLE.sub("", line)).casefold()


def _python(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its style, as an invalid escape
        return ast.parse(text)


_PARSERS: dict[str, Callable[[str], object]] = {"python": _python, "json": strict_json.loads, "toml": tomllib.loads}
