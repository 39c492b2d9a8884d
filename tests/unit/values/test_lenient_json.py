"""The reader of what models write as JSON."""

import json
import time
from contextlib import nullcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.values.lenient_json import UnreadableError, read_object
from pointsman.values.strict_json import DEEPEST

OBJECT = {"verdict": "ok", "items": [{"a": 1}, {"b": "},]"}]}
PLAIN = json.dumps(OBJECT)
KEYS = ("verdict", "items")


@pytest.mark.parametrize(
    "text",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        f"```json\n{PLAIN}\n```",
        f"```\n{PLAIN}\n```\nI hope that helps {{or not}}.",
        f'Here\'s the "JSON" that {{you}} asked for:\n\n{PLAIN}\n\nAnything else?',
        PLAIN.replace("}]", "},\n ]").replace('"ok"', '"ok"')[:-1] + ",}",
        f'Half a quote " and then {PLAIN[:-1]} , }}',
        PLAIN + PLAIN,
        json.dumps(OBJECT, indent=2).replace("\n", "\r\n"),
        f"{{}} {{'verdict'}} {PLAIN}",
    ],
)
def test_readable_object_is_read(text: str) -> None:
    assert read_object(text, KEYS) == OBJECT


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"words": "half \\ud83d"}', "half \ufffd"),
        ('{"words": "half \\ude00"}', "half \ufffd"),
        ('{"words": "whole \\ud83d\\ude00"}', "whole \U0001f600"),
        ('{"words": "half \ud83d"}', "half \ufffd"),
        ('{"words": "nul \\u0000"}', "nul \ufffd"),
        ('{"words": "two\nlines"}', "two\nlines"),
        ('{"words": "a, } and , ] in a text \\" , }",}', 'a, } and , ] in a text " , }'),
    ],
)
def test_text_is_storable_and_otherwise_untouched(text: str, words: str) -> None:
    assert read_object(text, ("words",)) == {"words": words}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no",
        "[]",
        '["verdict", "items"]',
        PLAIN[:-1],
        PLAIN[:-3],
        f"```json\n{PLAIN[:-2]}\n```",
        '{"verdict": "ok"}',
        '{"verdict": NaN, "items": []}',
        '{"verdict": "ok", "verdict": "not", "items": []}',
        '{"verdict": 1e400, "items": []}',
        '{"verdict": ' + "9" * 1_001 + ', "items": []}',
        '{"verdict": ' + '{"a":' * 2_000 + "1" + "}" * 2_000 + ', "items": []}',
        "{'verdict': 'ok', 'items': []}",
        PLAIN + json.dumps({"verdict": "other", "items": []}),
        "{" * 100_000,
        '{"a":' * 50_000,
        '{"' + '\\"' * 130_000,
        ",  " * 80_000 + '{"verdict": 1,',
    ],
    ids=lambda text: text[:40],
)
def test_what_is_not_surely_meant_is_unreadable(text: str) -> None:
    began = time.process_time()
    with pytest.raises(UnreadableError):
        read_object(text, KEYS)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(("depth", "read"), [(DEEPEST - 5, True), (DEEPEST + 5, False)])
@pytest.mark.parametrize(("opening", "inner", "closing"), [("[", "", "]"), ('{"a":', "1", "}")])
def test_nesting_is_bounded_whatever_the_interpreter_takes(
    depth: int, read: bool, opening: str, inner: str, closing: str
) -> None:
    text = '{"verdict": ' + opening * depth + inner + closing * depth + ', "items": []}'
    with nullcontext() if read else pytest.raises(UnreadableError):
        read_object(text, KEYS)


@given(st.text() | st.text(alphabet='{}[]",:\\ a1'))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        fields = read_object(text, ("a",))
    except UnreadableError:
        return
    json.dumps(fields, ensure_ascii=False).encode()


TEXTS = st.text(st.characters(exclude_characters="\x00"))
LEAVES = st.none() | st.booleans() | st.integers() | TEXTS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner),
    max_leaves=8,
)


@given(VALUES, st.sampled_from(["", "Sure: ", "```json\n", "\ufeff"]), st.booleans())
def test_valid_json_is_never_changed(value: Any, before: str, escaped: bool) -> None:
    text = before + json.dumps({"a": value}, ensure_ascii=escaped) + "\n```"
    assert read_object(text, ("a",)) == {"a": value}
