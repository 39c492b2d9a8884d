"""Foreign text on a terminal: ids, metadata, reasons and answers are shown, never obeyed."""

import ast
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from pointsman_cli import output

CLI = Path(__file__).parents[2] / "pointsman_cli"
HOSTILE = (
    "\x1b[31mred\x1b[0m",
    "\x9b2J",
    "\x07\x08",
    "[red]markup[/red]",
    "[link=http://x]y[/link]",
    "a\rb",
    "\u202eright to left",
    "\x1b]8;;http://x\x07link\x1b]8;;\x07",
    "row\nforged  row",
    "tab\tulated",
)
OBEYED = {"\x1b", "\x9b", "\x07", "\x08", "\r", "\u202e"}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@contextmanager
def terminal() -> Iterator[Terminal]:
    """A screen that takes what is printed within the block."""
    screen = Terminal()
    with redirect_stdout(screen), redirect_stderr(screen):
        yield screen


@pytest.mark.parametrize("words", HOSTILE)
def test_rows_show_foreign_text_on_their_own_line(words: str) -> None:
    with terminal() as screen:
        output.table(("id", "reason"), [(words, words)])
        output.pairs([("reason", words), ("task", words)])
    shown = screen.getvalue()
    assert not OBEYED & set(shown)
    assert shown.count("\n") == 4
    if words.startswith("["):
        assert shown.count(words) == 4


@pytest.mark.parametrize("words", HOSTILE)
def test_answers_and_notes_are_shown_without_control(words: str) -> None:
    with terminal() as screen:
        output.text(words)
        output.note(words)
    assert not OBEYED & set(screen.getvalue())


@pytest.mark.parametrize("words", HOSTILE)
def test_json_escapes_and_keeps_the_value(words: str) -> None:
    with terminal() as screen:
        output.document({words: [words]})
        output.json_line({words: words})
    whole, _, line = screen.getvalue().rstrip("\n").rpartition("\n")
    assert not OBEYED & set(whole + line)
    assert json.loads(whole) == {words: [words]}
    assert json.loads(line) == {words: words}


def test_an_answer_in_a_pipe_is_what_was_answered(capsys: pytest.CaptureFixture[str]) -> None:
    output.text(HOSTILE[0])
    assert capsys.readouterr().out == HOSTILE[0] + "\n"


def test_rich_markup_is_read_in_the_demo_alone_and_of_our_own_words() -> None:
    """`rich` reads [red] in what it prints; commands print by `output`, which does not."""
    importing = {
        path.relative_to(CLI).as_posix()
        for path in CLI.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom | ast.Import)
        and any(
            (name or "").split(".")[0] == "rich"
            for name in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        )
    }
    assert importing <= {"demo/__main__.py", "demo/progress.py"}
