"""Whether an answer is what its task type declares in `pointsman.verify`: what can be told without a model."""

import ast
import re
import textwrap
import tomllib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pointsman.routing.answer_rules import Checks
from pointsman.values import json_schema, strict_json

OUTPUT_SCHEMA = "output_schema"
"""The name of the check by a task's own schema."""
_OPENING = re.compile(r"[ \t]*(`{3,}|~{3,})[ \t]*([\w+#.-]*)")
_TAGS = {"python": ("python", "py", "python3"), "json": ("json",), "toml": ("toml",)}
_BEFORE_TITLE, _BEHIND_TITLE = frozenset("#>*_.)"), frozenset("#*_:")


@dataclass(frozen=True, slots=True)
class _Parts:
    """An answer's fenced blocks, and what stands around them."""

    prose: list[str]
    """Lines."""
    blocks: list[tuple[str, str]]
    """Each block's tag and content."""


def declared(checks: Checks) -> bool:
    """Return whether there is anything to check here: a judge is asked elsewhere."""
    return any(True for _ in _declared(checks, "", truncated=False))


def first_failed(checks: Checks, answer: str, *, truncated: bool) -> str | None:
    """Return the first check that the answer does not pass, by its name in `openclaw.json`; None: it passes all.

    A check that raises, whatever it is, is not passed.
    """
    name = None
    try:
        for name, passes in _declared(checks, answer, truncated=truncated):
            if not passes():
                return name
    except Exception:  # noqa: BLE001  (the answer decides what parsers, schemas and their patterns meet)
        return name
    return None


def failed_schema(schema: dict[str, Any], answer: str) -> str | None:
    """Return `OUTPUT_SCHEMA` unless the whole answer is JSON under the schema, which is its task's own."""
    try:
        json_schema.compiled(schema)(strict_json.loads(answer))
    except Exception:  # noqa: BLE001  (the answer decides what parsers, schemas and their patterns meet)
        return OUTPUT_SCHEMA
    return None


def _declared(checks: Checks, answer: str, *, truncated: bool) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Yield the declared checks in their order, by name."""
    if checks.complete:
        yield "complete", lambda: not truncated
    if checks.min_chars is not None:
        fewest = checks.min_chars
        yield "min_chars", lambda: len(answer.strip()) >= fewest
    if checks.max_chars is not None:
        most = checks.max_chars
        yield "max_chars", lambda: len(answer.strip()) <= most
    if checks.sections:
        yield "sections", lambda: _has_sections(answer, checks.sections)
    if language := checks.language:
        yield "language", lambda: _all(answer, language, _PARSERS[language])
    if (schema := checks.json_schema) is not None:
        yield "json_schema", lambda: _follows(answer, schema)


def _follows(answer: str, schema: dict[str, Any]) -> bool:
    valid = json_schema.compiled(schema)
    return _all(answer, "json", lambda text: valid(strict_json.loads(text)))


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
    blocks = [(tag.lower(), body) for tag, body in _parts(answer).blocks] or [("", answer)]
    named = [body for tag, body in blocks if tag in _TAGS[language]]
    chosen = named or [body for tag, body in blocks if not tag]
    return [textwrap.dedent(body) for body in chosen if body.strip()]


def _parts(answer: str) -> _Parts:
    """Return an answer in parts, line by line: an expression for a whole block would look for its end from each fence.

    A block ends with a line that begins with its own fence and has nothing else, or with the answer.
    """
    parts, fence, tag, inside = _Parts([], []), "", "", list[str]()
    lines = answer.split("\n")
    for number, line in enumerate(lines):
        if not fence:
            opening = _OPENING.match(line)
            if opening and number < len(lines) - 1:
                fence, tag, inside = opening[1], opening[2], []
            else:
                parts.prose.append(line)
        elif (end := line.strip(" \t\r")).startswith(fence) and not end.strip("`~"):
            parts.blocks.append((tag, "".join(inside)))
            fence = ""
        else:
            inside.append(f"{line}\n")
    if fence:
        parts.blocks.append((tag, "".join(inside).removesuffix("\n")))
    return parts


def _has_sections(answer: str, titles: tuple[str, ...]) -> bool:
    """Return whether each title stands alone on a line of the prose, however it is marked as a heading."""
    lines = {_title(line) for line in "\n".join(_parts(answer).prose).splitlines()}
    return all(_title(title) in lines for title in titles)


def _title(line: str) -> str:
    start, end = 0, len(line)
    while start < end and (line[start].isspace() or line[start].isdecimal() or line[start] in _BEFORE_TITLE):
        start += 1
    while start < end and (line[end - 1].isspace() or line[end - 1] in _BEHIND_TITLE):
        end -= 1
    return line[start:end].casefold()


def _python(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its style, as an invalid escape
        return ast.parse(text)


_PARSERS: dict[str, Callable[[str], object]] = {"python": _python, "json": strict_json.loads, "toml": tomllib.loads}
