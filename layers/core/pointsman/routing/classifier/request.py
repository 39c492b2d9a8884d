"""Finds what a text asks for among what was pasted with it: structure first, words after.

Fences, quotes, logs, diffs, stack traces, templates' headings and comments, signatures, mail headers and bots' JSON are
told from what a person wrote, line by line. Of a long text, the paragraph at its beginning or end that asks is the
request; the rest is material.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

SCANNED_CHARS = 2_000
"""Characters of each end of a long text that are looked at: requests stand there, pasted material in between."""
PASTED_CHARS = 3_600
"""A longer text consists of a request and something pasted."""
LONG_CHARS = 1_800
"""A text with more characters of prose is a document with a request, if one of its ends asks."""
SHORT_PARAGRAPH = 700
"""Characters of the longest paragraph that can be a request before or after a document."""
PLAIN_CHARS = 240
"""Characters of the longest paragraph that is taken for the request although nothing in it asks."""
CLEARLY = 2
"""One end of a long text asks so much more than the other, or the classifier chooses."""
NOTES_TITLE = 160
"""Characters of the longest title of an item of minutes."""
GREETING_CHARS = 24
"""Characters of the longest first paragraph that is passed over as a greeting."""
MATERIAL_CHARS = 300
"""Characters of the material that are read beside the request."""
ENVELOPE_CHARS = 6_000
"""A longer JSON text is material, not a message in an envelope."""
REFERENCES_CHARS = 400
"""The longest text that is looked at for being nothing but paths, file names and addresses."""
WORDLESS = 0.4
"""Share of digits and signs from which a line is a machine's."""

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|<details>.*?</details>", re.DOTALL)
_LINE = re.compile(
    r"""^\s*(?:
      (?P<fence>```|~~~)
    | (?P<quote>>)
    | (?P<diff>(?:[+-]{3}|@@)\s|[+-]\s*\S.*[;{}()=]|diff\s--git|index\s[0-9a-f]{6}|[+-]\s{2,}\S)
    | (?P<trace>at\s[\w.$<>]+\(|File\s"|Traceback\s|goroutine\s|\.{3}\s\d+\smore|Caused\sby:|\#\d+\s+0x|panic:
        |[\w.]+(?:Error|Exception):\s)
    | (?P<log>\[?\d{4}[-/]\d\d[-/]\d\d[T\s_]\d\d:|\[?\d\d:\d\d:\d\d|[A-Z][a-z]{2}\s+\d+\s\d\d:\d\d
        |\[?(?:INFO|WARN|WARNING|ERROR|DEBUG|FATAL|TRACE)\]?[\s:]|(?:FAILED|PASSED|ok|not\sok)\s\S+[/:]
        |\d{1,3}(?:\.\d{1,3}){3}\s|[\w.-]+\[\d+\]:\s|level=|ts=)
    | (?P<json>[{}\]],?\s*$|[{\[]\s*(?:[\[\]{"\d]|$)|"[\w.-]+"\s*:)
    | (?P<table>\|)
    | (?P<code>(?:import|from|def|class|function|const|let|var|public|private|static|package|using|namespace|return
        |\#include|func|fn|SELECT|INSERT|CREATE\sTABLE|resource|apiVersion:)\b[^.?!]*[\w(){};:='"]$
        |(?:\$|>>>|npm\s|\w+@[\w-]+[:~])\s|[\w.\[\]'"]+\s*[:+-]?=\s*[^=\s].*$|\}|<[/\w!][^>]*>
        |[\w.]+\(.*\)\s*[;{:]?$|.*[;{]$)
    | (?P<mail>commit\s[0-9a-f]{40}|Author:\s
        |(?:From|To|Cc|Bcc|Sent|Date|Reply-To|Message-ID|Von|An|Gesendet|De|Para|Enviado|À|Envoyé)\s?:\s
        |On\s.{5,80}\swrote:|Am\s.{5,80}\sschrieb)
    | (?P<signature>--\s?$|_{5,}$|-{5,}\s*(?:Original|Forwarded)|Sent\sfrom\smy
        |(?:(?:kind|best|many|warm)\s)?(?:regards|thanks|cheers|greetings)[,.!]?$|Mit\sfreundlichen|Viele\sGr)
    | (?P<agreement>[-*]\s\[[xX\s]\]\s(?:I\s|To\sthe\sbest|The\s(?:PR|feature|bug)|There\sis|My\scode|This\s(?:PR|issue)
        |Yes|No\b))
    | (?P<versions>[-*]?\s*\**(?:OS|Operating\sSystem|Version|.{0,20}\sVersion|Platform|Browser|Commit|Node|Python
        |Electron|Chrome(?:ium)?|V8|Architecture|Environment|Modes|User\sAgent|Type)\**\s?:)
    | (?P<heading>\#{1,6}\s|={4,}$|-{4,}$|\*\*[^*]{2,60}\*\*:?\s*$|[A-Z][\w\s'\u2019,/()-]{2,48}[:?]\s*$)
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_PATCH_START = re.compile(r"diff --git |@@ |commit [0-9a-f]{40}")
_PATCH = re.compile(r"[ +@\\-]|index |new file|deleted file|similarity|rename |Author:|Date:|Merge:|Binary ")
_FENCE = re.compile(r"^\s*(?:```|~~~)", re.MULTILINE)
_ITEM = re.compile(r"\s*[*+-]\s(?!\[)")
_NOTED = re.compile(r"\s{2,}[*+-]\s(?!\[)|\s*[*+-]\s@?[A-Z]\w+(?:\s(?:and\s)?[A-Z]\w+)*(?:[:,]|\s-)\s|\s{4,}\S")
_CASED = re.compile(r"^\s*(?:SELECT|INSERT|CREATE|FROM|from\s+[\w.]+\s+import|import\s+[\w.{*])")
_TEMPLATES = (
    ("bug", ("reproduc", "expected", "actual", "the bug", "what happened", "observed", "environment", "crash")),
    ("feature", ("feature", "motivation", "alternatives", "use case", "solution", "proposal", "acceptance criteria")),
    ("pull", ("checklist", "type of change", "pull request", "does this pr", "been tested", "contribut")),
)
_FIELDS = (
    *("title", "subject", "summary", "request", "prompt", "task", "question", "message", "text", "body"),
    *("description", "content", "detail", "details", "comment", "instructions", "event", "action", "alert", "name"),
    "reason",
)
"""What a bot's JSON says in words, the most telling first."""
_REFERENCE = re.compile(r"(?=.*(?:\w[/\\]\w|\w\.[a-z]\w{0,7}(?::\d+)*$))[\w./\\:@~#?=&%+-]+", re.ASCII)
"""A path, a file's name or an address."""
_QUESTION = re.compile(r"[?？؟](?:\s|$)")  # noqa: RUF001
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")  # noqa: RUF001
_SENTENCE_START = re.compile(r"(?:^|[.!:,]\s+)([^\W\d_]+)")
_WRITTEN_UP = re.compile(
    r"^(?:[*+|•-]|\d+[.)])\s|\]\(|``|https?://|^[A-Z]\w+-[A-Z]\w+:|^\W*(?:copyright|license|note:)", re.IGNORECASE
)
"""What stands in documents and notes more than in requests: list items, links, code in text, references."""


class Request(NamedTuple):
    """What a text asks for, and what else stands in it."""

    text: str
    """The lines that a person wrote, or of a long text the paragraph that asks."""
    material: str
    """The beginning of what was pasted; the whole text's ends where no request was found."""
    kinds: frozenset[str]
    """What the material is: `log`, `diff`, `trace`, `json`, `code`, `quote` and others; of a short text only, since the
    kind of a long paste says little of the task.
    """
    found: bool
    """Whether a request was found; false of a short text only where it is nothing but paths or addresses."""
    ends: tuple[str, ...] = ()
    """Where both ends of a long text may be the request: the two, for the classifier to choose from."""


def find_request(text: str) -> Request:
    """Return the request of a text; of a text that is all material, `text` is empty."""
    if len(text) <= REFERENCES_CHARS and all(map(_REFERENCE.fullmatch, text.split())):
        return Request(text, "", frozenset(), False)
    kinds: set[str] = set()
    shown = _ends(text)
    if "<" in shown:
        shown = _COMMENT.sub("\n", shown)
    if shown.lstrip()[:1] in "{[" and len(text) <= ENVELOPE_CHARS and (unpacked := _from_envelope(shown)):
        return Request(unpacked, shown[:MATERIAL_CHARS], frozenset(("bot",)), True)
    title, notes = _notes(shown) if len(text) <= LONG_CHARS else ("", "")
    if notes:
        return Request(notes, title, frozenset({*kinds, "notes"}), True)
    paragraphs, material = _told_apart(shown, kinds)
    prose, pasted = sum(map(len, paragraphs)), len(text) > PASTED_CHARS
    if not paragraphs:
        return Request("", material[:MATERIAL_CHARS], frozenset(kinds), not pasted)
    if not pasted and prose <= LONG_CHARS:
        return Request("\n\n".join(paragraphs), material[:MATERIAL_CHARS], frozenset(kinds), True)
    if pasted and prose <= PLAIN_CHARS:
        return Request("\n\n".join(paragraphs), "", frozenset(), True)
    (most, first), (least, second) = _asking(paragraphs)
    if not pasted and not most:
        return Request("\n\n".join(paragraphs), "", frozenset(kinds), True)
    unclear = (first, second) if first and second and most - least < CLEARLY else ()
    return Request(first or "\n\n".join((paragraphs[0], paragraphs[-1])), "", frozenset(), most > 0, unclear)


def _ends(text: str) -> str:
    """Return a text, or of a long one its beginning and its end, cut between lines, with fences in pairs."""
    if len(text) <= 2 * SCANNED_CHARS:
        return text
    head, tail = text[:SCANNED_CHARS], text[-SCANNED_CHARS:]
    head = head[: head.rfind("\n") + 1 or None]
    tail = tail[tail.find("\n") + 1 :]
    closing, opening = (len(_FENCE.findall(part)) % 2 * "```\n" for part in (head, tail))
    return f"{head}{closing}\n\n{opening}{tail}"


def _from_envelope(text: str) -> str:
    """Return what the fields of a bot's JSON say in words, most telling first; nothing if it is no JSON object."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    found: list[tuple[int, str]] = []
    _collect(fields, found, 0)
    return "\n".join(value for _, value in sorted(found, key=lambda pair: pair[0]))


def _collect(value: object, found: list[tuple[int, str]], depth: int) -> None:
    if isinstance(value, dict) and depth < 4:
        for name, inner in value.items():
            if isinstance(inner, str) and str(name).lower() in _FIELDS:
                found.append((_FIELDS.index(str(name).lower()), inner.replace(".", " ") if " " not in inner else inner))
            else:
                _collect(inner, found, depth + 1)
    elif isinstance(value, list) and depth < 4:
        for inner in value[:8]:
            _collect(inner, found, depth + 1)


def _notes(text: str) -> tuple[str, str]:
    """Return the topic and the notes of an item of minutes: a title, and only list items under it that are indented or
    begin with names. What was noted is the message, whatever the topic is.
    """
    title, _, rest = text.strip("\n").partition("\n")
    items = [line for line in rest.splitlines() if line.strip()]
    if not items or len(title) > NOTES_TITLE or _ITEM.match(title) or not _ITEM.match(items[0]):
        return "", ""
    noted = sum(bool(_NOTED.match(item)) for item in items)
    return (title, "\n".join(item.strip() for item in items)) if 2 * noted > len(items) else ("", "")


def _told_apart(text: str, kinds: set[str]) -> tuple[list[str], str]:
    """Return the paragraphs that a person wrote, and the material; add what that is to `kinds`."""
    paragraphs: list[str] = []
    lines: list[str] = []
    material: list[str] = []
    fenced = signed = patched = False
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped:
            _close(lines, paragraphs)
            continue
        match = _LINE.match(line)
        kind = match.lastgroup if match else None
        patched = bool((patched and _PATCH.match(line)) or _PATCH_START.match(line))
        kind = "diff" if patched else kind
        if kind == "fence":
            fenced = not fenced
            kinds.add("code")
            _close(lines, paragraphs)
            continue
        if fenced:
            material.append(line)
            kinds.add(kind if kind in ("diff", "trace", "log", "json") else "code")
            continue
        kind = kind if patched else _corrected(kind, stripped)
        if kind == "heading":
            for name, words in _TEMPLATES:
                if any(word in stripped.lower() for word in words):
                    kinds.add(name)
                    break
            else:
                lines.append(stripped.strip("#*=- "))
        elif kind == "signature" and (paragraphs or lines):
            signed = True
            kinds.add("mail")
        elif (kind == "signature" and stripped[0].isalpha()) or (kind is None and not signed):
            lines.append(stripped)
        elif kind is not None:
            kinds.add(kind)
            if kind not in ("agreement", "versions", "mail"):
                material.append(stripped)
            _close(lines, paragraphs)
    _close(lines, paragraphs)
    return paragraphs, "\n".join(material)


def _corrected(kind: str | None, line: str) -> str | None:
    """Return the kind of a line, once words are looked at: a sentence is none that only begins like code."""
    wordy = line.count(" ") >= 3 and line[-1] not in ";{}("
    if wordy and (
        (kind == "code" and line[0].isalpha() and not _CASED.match(line)) or (kind == "diff" and line[0] == "-")
    ):
        return None
    if kind == "log" and line.startswith("[") and len(line) < 12:
        return None
    if kind is None and len(line) > 30:
        signs = sum(not (char.isalpha() or char == " ") for char in line)
        if signs > WORDLESS * len(line):
            return "log"
    return kind


def _close(lines: list[str], paragraphs: list[str]) -> None:
    if lines:
        paragraphs.append("\n".join(lines))
        lines.clear()


def _asking(paragraphs: list[str]) -> tuple[tuple[int, str], tuple[int, str]]:
    """Return how much each end of a document asks, and its paragraph or line that does; the one that asks more first.

    An end that is too long for a request is empty.
    """
    first, last = paragraphs[0], paragraphs[-1]
    if len(first) <= GREETING_CHARS and len(paragraphs) > 2:
        first = paragraphs[1]
    head = _best(first.partition("\n")[0], first)
    tail = _best(last.rpartition("\n")[2], last)
    return (head, tail) if head[0] >= tail[0] else (tail, head)


def _best(line: str, paragraph: str) -> tuple[int, str]:
    """Return the outermost line of a paragraph, or the paragraph where it asks more or the line does not."""
    whole = _asks(paragraph) if len(paragraph) <= SHORT_PARAGRAPH else 0
    alone = _asks(line) if len(line) <= SHORT_PARAGRAPH else 0
    if alone > 0 and alone >= whole:
        return alone, line
    if whole > 0:
        return whole, paragraph
    plain = next((part for part in (paragraph, line) if len(part) <= PLAIN_CHARS), "")
    return 0, "" if _WRITTEN_UP.search(plain) else plain


def _asks(paragraph: str) -> int:
    """Return how much a paragraph looks like a request."""
    words, lower = _words(), f" {' '.join(_WORD.findall(paragraph.lower()))} "
    question = bool(_QUESTION.search(paragraph))
    starts = question and any(start in words["question"] for start in _SENTENCE_START.findall(paragraph.lower()))
    asks = starts or any(f" {phrase} " in lower for phrase in words["ask"])
    points = any(f" {phrase} " in lower for phrase in words["point"])
    score = 3 * _orders(lower.split()) + 2 * (asks or any(part in paragraph for part in words["ask_unspaced"]))
    score += 2 * question + (points or any(part in paragraph for part in words["point_unspaced"]))
    score -= 3 * bool(_WRITTEN_UP.search(paragraph))
    return score - (paragraph.count("\n") > 2) - 2 * (len(paragraph) > SHORT_PARAGRAPH // 2)


def _orders(written: list[str]) -> bool:
    """Tell whether a sentence begins with an order, after at most three words of address."""
    words = _words()
    for word in written[:4]:
        if word in words["order"] or word.startswith(words["order_stem"]):
            return True
        if word not in words["before_order"]:
            return False
    return False


@cache
def _words() -> Mapping[str, tuple[str, ...]]:
    """Return the words by which requests are told from documents, in the languages of the training texts."""
    text = (resources.files("pointsman") / "data" / "request_words.json").read_text(encoding="utf-8")
    return {kind: tuple(words) for kind, words in json.loads(text).items()}
