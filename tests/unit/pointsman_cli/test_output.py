"""Text from elsewhere (ids, metadata, reasons, answers) never controls the terminal."""

import ast
import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

import pytest

from pointsman_cli import output, spinner
from tests.support.paths import ROOT

CLI = ROOT / "pointsman_cli"
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
def test_row_prints_foreign_text_on_one_line_without_control(words: str) -> None:
    with terminal() as screen:
        output.print_table(("id", "reason"), [(words, words)])
        output.print_pairs([("reason", words), ("task", words)])
    shown = screen.getvalue()
    assert not OBEYED & set(shown)
    assert shown.count("\n") == 4
    if words.startswith("["):
        assert shown.count(words) == 4


LONG = ("pay-1234-parser", "a finding " * 20, 1_234_567)


def columns(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setenv("COLUMNS", str(count))


@pytest.mark.parametrize("width", [80, 60])
def test_table_fits_the_terminal_and_loses_nothing(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    columns(monkeypatch, width)
    with terminal() as screen:
        output.print_table(("task", "found", "tokens"), [LONG, ("x", "short", 5)], right=(2,))
    shown = screen.getvalue()
    assert max(map(len, shown.splitlines())) <= width
    assert shown.count("finding") == 20
    assert "1234567" in shown


def test_row_of_many_columns_becomes_a_block_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    columns(monkeypatch, 60)
    header = ("#", "model", "outcome", "ms", "tokens", "cost", "detail")
    fields = ("claude-sonnet-5-5", "rate_limited", 7_400, 12_000, "$0.01325", "a finding " * 9)
    rows = [(number, *fields) for number in (1, 2)]
    with terminal() as screen:
        output.print_table(header, rows, right=(0, 3, 4, 5))
    lines = screen.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert [line.split()[0] for line in lines if line and not line.startswith(" ")] == list(header) * 2
    assert screen.getvalue().count("finding") == 18


@pytest.mark.parametrize("width", [120, 80, 60])
def test_id_is_never_folded(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    columns(monkeypatch, width)
    task_id, model, at = "4e02a81e-9ddf-4859-9f1e-c3dbf067d38e", "gemini-3.5-flash-lite", "2026-11-28T12:25:07.092Z"
    row = (task_id, "test_coordination", model, "$0", "claude-sonnet-5-5", "answered", "$0.000606", at)
    with terminal() as screen:
        output.print_table(("task", "type", "by", "cost", "baseline", "outcome", "cost", "at"), [row], right=(3, 6))
    assert all(word in screen.getvalue() for word in (task_id, model, at))
    assert max(map(len, screen.getvalue().splitlines())) <= width


def test_spinner_shows_the_time_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spinner, "_SECONDS", 0.001)
    monkeypatch.delenv("TERM", raising=False)
    with terminal() as screen, spinner.spinner() as tell:
        tell("t-1: started, on claude-haiku-5-5")
        while "haiku" not in screen.getvalue():
            time.sleep(0.001)
    assert "0 s  t-1: started, on claude-haiku-5-5" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")
    assert (spinner.elapsed(8.9), spinner.elapsed(125)) == ("8 s", "2 min 05 s")


def test_pairs_fit_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    columns(monkeypatch, 60)
    with terminal() as screen:
        output.print_pairs([("because", "a finding " * 20), ("words", None)])
    shown = screen.getvalue().splitlines()
    assert max(map(len, shown)) <= 60
    assert [line[:9] for line in shown] == ["because  "] + [" " * 9] * (len(shown) - 1)
    assert screen.getvalue().count("finding") == 20


def test_progress_is_one_line_on_a_terminal_and_is_erased(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    columns(monkeypatch, 60)
    with terminal() as screen, output.progress() as tell:
        tell("adding up " * 20)
    assert screen.getvalue() == f"\r{('adding up ' * 20)[:59]}\x1b[K\r\x1b[K"
    with output.progress() as tell:
        tell("adding up")
    assert capsys.readouterr().err == ""


def test_very_narrow_terminal_still_gets_all_words(monkeypatch: pytest.MonkeyPatch) -> None:
    columns(monkeypatch, 10)
    with terminal() as screen:
        output.print_table(("task", "found", "tokens"), [LONG], right=(2,))
    assert screen.getvalue().count("finding") == 20


def test_row_is_one_line_in_a_pipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    columns(monkeypatch, 80)
    output.print_table(("task", "found", "tokens"), [LONG], right=(2,))
    assert capsys.readouterr().out.count("\n") == 2


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [({}, True), ({"NO_COLOR": ""}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_colours_follow_no_color_and_term(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], coloured: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with terminal() as screen:
        output.print_table(("state",), [(output.Coloured("ok", "green"),)])
    assert ("\x1b[32mok\x1b[0m" in screen.getvalue()) is coloured


def test_pipe_gets_no_colours(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    output.print_table(("state",), [(output.Coloured("ok", "green"),)])
    assert capsys.readouterr().out == "state\nok\n"


@pytest.mark.parametrize("words", HOSTILE)
def test_text_and_notes_are_printed_without_control(words: str) -> None:
    with terminal() as screen:
        output.print_text(words)
        output.print_note(words)
    assert not OBEYED & set(screen.getvalue())


@pytest.mark.parametrize("words", HOSTILE)
def test_json_escapes_control_characters_and_keeps_the_value(words: str) -> None:
    with terminal() as screen:
        output.print_document({words: [words]})
        output.print_json_line({words: words})
    whole, _, line = screen.getvalue().rstrip("\n").rpartition("\n")
    assert not OBEYED & set(whole + line)
    assert json.loads(whole) == {words: [words]}
    assert json.loads(line) == {words: words}


def test_text_in_a_pipe_is_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_text(HOSTILE[0])
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
