"""The training texts in the styles that people write in: well formed, and none of them measured on."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from training.near_duplicates import FIELD, near_duplicates, texts_of

FILES = sorted(FIELD.glob("*.jsonl"))
EVALUATED = [ROOT / "tests/data" / f"{name}.jsonl" for name in ("hard", "independent", "injection", "injection_more")]
HUMAN_TEXT = "POINTSMAN_HUMAN_TEXT"
"""Names the folder of texts that people wrote, which are measured on and stand in no repository."""


@pytest.fixture(scope="module")
def rows() -> list[tuple[str, dict[str, str]]]:
    return [(path.stem, json.loads(line)) for path in FILES for line in path.read_text("utf-8").split("\n") if line]


def test_each_text_is_labelled_by_its_file(rows: list[tuple[str, dict[str, str]]]) -> None:
    assert len(rows) >= 1_500
    for label, row in rows:
        assert set(row) == {"text", "kind", "lang", "style"}, row
        assert row["kind"] == label
        assert row["text"] == row["text"].strip() != ""


def test_no_text_stands_twice(rows: list[tuple[str, dict[str, str]]]) -> None:
    counts = Counter(" ".join(row["text"].casefold().split()) for _, row in rows)
    assert [text for text, count in counts.items() if count > 1] == []


def test_languages_and_labels_are_spread(rows: list[tuple[str, dict[str, str]]]) -> None:
    languages = Counter(row["lang"] for _, row in rows)
    assert len(languages) >= 13
    assert 0.5 < languages["en"] / len(rows) < 0.7
    assert min(Counter(label for label, _ in rows).values()) >= 20


def test_no_text_is_nearly_one_of_the_evaluation_sets() -> None:
    assert list(near_duplicates(texts_of(FILES), texts_of(EVALUATED))) == []


def test_no_text_is_nearly_one_that_people_wrote() -> None:
    folder = os.environ.get(HUMAN_TEXT, "")
    if not folder:
        pytest.skip(f"{HUMAN_TEXT} does not name a folder of texts that people wrote")
    measured = texts_of(sorted(Path(folder).glob("*.jsonl")))
    assert len(measured) > 0
    assert list(near_duplicates(texts_of(FILES), measured)) == []


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("Login fails with 401!", "login fails with 401"),
        ("The export of the monthly report fails since May", "Export of the monthly report fails since May."),
        ("Bitte prüfen: die Rechnung wird doppelt gebucht", "bitte prüfen, die rechnung wird doppelt gebucht"),
        ("导出按钮点击之后没有任何反应", "导出按钮点击后没有任何反应"),
        (
            "As said: when I press save the app closes and nothing is stored in the database. Any hints?",
            "When I press save the app closes and nothing is stored in the database at all, " * 2,
        ),
    ],
)
def test_near_duplicate_is_detected(text: str, measured: str) -> None:
    assert [(pair.text, pair.measured) for pair in near_duplicates([text], ["Something else", measured])] == [
        (text, measured)
    ]


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("What is a kernel?", "What is a camel?"),
        ("Login fails with 401", "Login fails after the session was renewed"),
        ("", "..."),
        ("继续", "继续修改配置文件"),
    ],
)
def test_texts_that_only_begin_alike_pass(text: str, measured: str) -> None:
    assert list(near_duplicates([text], [measured])) == []
