import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.values.strict_json import NotStrictJson, dumps, loads, portable

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**308), 10**308)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=15,
)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "syntax error at line 1, column 1"),
        ("{'a': 1}", "syntax error"),
        ('{"a": 1,}', "syntax error"),
        ('\ufeff{"a": 1}', "syntax error"),
        ("NaN", "NaN and Infinity"),
        ('{"a": -Infinity}', "NaN and Infinity"),
        ('{"a": 1, "a": 1}', "a key is given twice"),
        ('[{"b": {"a": 1, "\\u0061": 2}}]', "a key is given twice"),
        (r'"\ud800"', "lone surrogate"),
        (r'{"\udfff": 1}', "lone surrogate"),
        (r'{"a": ["\u0000"]}', "NUL"),
        (r'{"a\u0000": 1}', "NUL"),
        ("[" * 200_000, "nested too deeply"),
        ("[" * 200_000 + "]" * 200_000, "nested too deeply"),
        ('{"a":' * 200_000 + "1" + "}" * 200_000, "nested too deeply"),
    ],
    ids=lambda value: value[:20] if value.isprintable() else None,
)
def test_invalid_json_is_rejected_by_its_rule(text: str, rule: str) -> None:
    with pytest.raises(NotStrictJson, match=rule):
        loads(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (r'"\ud83d\ude00"', "😀"),
        ('{"A": 1, "a": 2}', {"A": 1, "a": 2}),
        (" [1.5, -0, 1E2]\n", [1.5, 0, 100.0]),
        ("[" * 500 + "]" * 500, json.loads("[" * 500 + "]" * 500)),
    ],
    ids=str,
)
def test_strict_json_is_read(text: str, value: Any) -> None:
    assert loads(text) == value


@given(JSON)
def test_written_json_reads_back_the_same(value: Any) -> None:
    written = dumps(value)
    assert loads(written) == value
    assert dumps(loads(written)) == written
    written.encode()


@given(st.dictionaries(TEXT, st.integers(), max_size=5))
def test_equal_values_give_equal_bytes(value: dict[str, int]) -> None:
    assert dumps(value) == dumps(dict(reversed(value.items())))


@given(st.text() | st.text(alphabet='[]{}",:-+.eE0123456789', max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        value = loads(text)
    except NotStrictJson:
        return
    assert not isinstance(value, float) or math.isfinite(value)
    dumps(value)


@pytest.mark.parametrize("number", ["1e400", "-1e999", "9" * 309, "9" * 1_001, "-" + "9" * 5_000])
def test_number_beyond_a_double_is_no_json(number: str) -> None:
    """It would be written as Infinity, or arithmetic with fractions would raise on it."""
    with pytest.raises(NotStrictJson, match="a number is too large"):
        loads(f'{{"field": {number}}}')


def test_largest_numbers_are_kept_exact() -> None:
    assert loads("[1.7976931348623157e308, -1e308, " + "9" * 308 + "]") == [1.7976931348623157e308, -1e308, 10**308 - 1]


def test_what_is_read_can_be_written_however_deep() -> None:
    """The parser goes deeper than the writer, so that a text could be taken and then fail to be stored."""
    assert dumps(loads("[" * 500 + "]" * 500)) == "[" * 500 + "]" * 500
    for text in ("[" * 501 + "]" * 501, '{"a":' * 500 + "[]" + "}" * 500):
        with pytest.raises(NotStrictJson, match="nested too deeply"):
            loads(text)


@pytest.mark.parametrize("value", [{"\ufffe": ["a\uffff", "\\\uffff", "\ufffd\x7f\U0001fffe"]}, "\uffff"])
def test_portable_json_means_the_same_in_characters_that_sqs_takes(value: Any) -> None:
    """Amazon SQS takes #x9, #xA, #xD, #x20 to #xD7FF, #xE000 to #xFFFD and #x10000 to #x10FFFF."""
    text = portable(dumps(value))
    assert loads(text) == value
    assert not re.search("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
