"""What is told of an answer without a model."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.execution.answer_checks import code_in, first_failed
from pointsman.routing.answer_rules import Checks


def failed(answer: str, *, truncated: bool = False, **stated: Any) -> str | None:
    return first_failed(Checks.model_validate(stated), answer, truncated=truncated)


def fenced(code: str, tag: str = "python") -> str:
    return f"Here it is:\n\n```{tag}\n{code}\n```\n\nDone."


def test_a_cut_answer_is_not_complete() -> None:
    assert failed("words", complete=True) is None
    assert failed("words", complete=True, truncated=True) == "complete"
    assert failed("words", min_chars=1, truncated=True) is None


@pytest.mark.parametrize(("length", "name"), [(2, "min_chars"), (3, None), (5, None), (6, "max_chars")])
def test_the_length_is_counted_without_the_blanks_around(length: int, name: str | None) -> None:
    assert failed(f"\n {'ä' * length} \n", min_chars=3, max_chars=5) == name


@pytest.mark.parametrize("line", ["## Usage", "USAGE:", "**Usage**", "3. Usage", "Usage\n-----", "> ### usage ###"])
def test_a_section_is_a_title_on_a_line_of_its_own(line: str) -> None:
    assert failed(f"Text.\n{line}\nMore.", sections=["Usage"]) is None


@pytest.mark.parametrize(
    "answer", ["Its usage is plain.", "Usage and limits", fenced("# Usage\nx = 1"), "", "## Use\n## age"]
)
def test_a_word_in_a_sentence_or_in_code_is_no_section(answer: str) -> None:
    assert failed(answer, sections=["Usage"]) == "sections"


def test_every_section_counts() -> None:
    assert failed("# Usage\n# Limits", sections=["Limits", "Usage"]) is None
    assert failed("# Usage", sections=["Usage", "Limits"]) == "sections"


GOOD_CODE = [
    fenced("def f() -> int:\n    return 1"),
    fenced("x = 1", "py") + fenced("no python at all", "sh"),
    fenced("x = 1", ""),
    fenced("    x = 1\n    y = 2"),
    "- item\n  ~~~python\n  x = 1\n  ~~~",
    "x = 1\n",
    "```python\nx = 1",
    "````python\ny = '''\n```\n'''\n````",
    fenced("import re\nre.compile('\\d')"),
]
BAD_CODE = [
    fenced("def f(:"),
    fenced("x = 1") + fenced("y ="),
    fenced("x = 1", "sh"),
    fenced("", "python"),
    "Certainly! Here is what you asked for.",
    "",
    fenced("(" * 5_000),
    fenced("x = '\0'"),
    fenced("-" * 100_000 + "1"),
]


@pytest.mark.parametrize("answer", GOOD_CODE)
def test_python_that_parses(answer: str) -> None:
    assert failed(answer, language="python") is None


@pytest.mark.parametrize("answer", BAD_CODE, ids=lambda answer: answer[:30])
def test_python_that_does_not(answer: str) -> None:
    assert failed(answer, language="python") == "language"


@pytest.mark.parametrize(
    ("language", "answer", "name"),
    [
        ("json", '{"a": 1}', None),
        ("json", fenced('{"a": 1}', "json"), None),
        ("json", fenced('{"a": NaN}', "json"), "language"),
        ("json", fenced("[" * 100_000, "json"), "language"),
        ("toml", fenced('[a]\nb = "c"', "toml"), None),
        ("toml", fenced("a = ", "toml"), "language"),
    ],
)
def test_other_languages(language: str, answer: str, name: str | None) -> None:
    assert failed(answer, language=language) == name


SCHEMA = {
    "type": "object",
    "properties": {"ids": {"type": "array", "items": {"$ref": "#/$defs/id"}, "minItems": 1, "default": ["x"]}},
    "required": ["ids"],
    "additionalProperties": False,
    "$defs": {"id": {"type": "string", "pattern": "^[a-z]+$"}},
}


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        ('{"ids": ["a"]}', None),
        (fenced('{"ids": ["a"]}', "json"), None),
        ('{"ids": []}', "json_schema"),
        ('{"ids": ["A"]}', "json_schema"),
        ('{"ids": ["a"], "more": 1}', "json_schema"),
        ("{}", "json_schema"),
        ("no JSON", "json_schema"),
        (fenced('{"ids": ["a"]}', "python"), "json_schema"),
    ],
)
def test_a_declared_schema(answer: str, name: str | None) -> None:
    assert failed(answer, json_schema=SCHEMA) == name


def test_the_first_that_fails_is_named() -> None:
    checks = {"complete": True, "min_chars": 9, "sections": ["Usage"], "language": "json", "json_schema": SCHEMA}
    assert failed("x", truncated=True, **checks) == "complete"
    assert failed("x", **checks) == "min_chars"
    assert failed("nothing of it", **checks) == "sections"
    assert failed("# Usage\n" + fenced("{", "json"), **checks) == "language"
    assert failed("# Usage\n" + fenced("{}", "json"), **checks) == "json_schema"


@given(st.text(alphabet="`~ \n\tpythonjs#*_:.1x=({[\"'\\", max_size=80), st.sampled_from(["python", "json", "toml"]))
def test_any_text_is_judged_and_never_raises(answer: str, language: str) -> None:
    name = failed(answer, language=language, sections=["x"], json_schema={"type": "object"})
    assert name in (None, "sections", "language", "json_schema")
    assert all(code.strip() for code in code_in(answer, language))


SLOW = ["#" * 160_000 + "x", "`" * 262_000, "```\n" * 65_000, "```x\n~~~\n" * 30_000, " " * 160_000, "`~" * 130_000]


@pytest.mark.parametrize("answer", SLOW, ids=lambda answer: answer[:8])
def test_time_grows_with_the_length_alone(answer: str) -> None:
    """Expressions that looked for an end from every beginning took a minute."""
    began = time.process_time()
    failed(answer, sections=["x"], language="python", json_schema={"type": "object"})
    assert time.process_time() - began < 5


def test_carriage_returns_end_a_block() -> None:
    assert code_in("```python\r\nx = 1\r\n```\r\nDone.", "python") == ["x = 1\r\n"]


@pytest.mark.parametrize("schema", [{"multipleOf": 0.01}, {"multipleOf": 7}, {"enum": [1]}])
@pytest.mark.parametrize("number", ["1e308", "-1e308", "9" * 308, "1e400", "1e-400", "-0.0"])
def test_number_of_any_size_is_checked_without_an_error(schema: dict[str, Any], number: str) -> None:
    assert failed(number, json_schema=schema) in (None, "json_schema")
