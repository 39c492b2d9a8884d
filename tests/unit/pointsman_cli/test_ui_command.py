"""`pointsman ui`: what it prints, what it may change, and that no other command imports what it needs."""

import hashlib
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from pointsman_cli import stacks
from pointsman_cli.main import main
from pointsman_cli.ui import ui_server
from pointsman_cli.ui.ui_context import UiContext
from tests.support.paths import ROOT


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[UiContext]:
    windows: list[UiContext] = []

    def serve(window: UiContext, listener: Any) -> None:
        windows.append(window)
        listener.close()

    monkeypatch.setattr(ui_server, "serve_pages", serve)
    monkeypatch.setattr("webbrowser.open", lambda _: pytest.fail("the browser must stay closed"))
    return windows


def stack(monkeypatch: pytest.MonkeyPatch, *, local: bool) -> None:
    monkeypatch.setattr(stacks, "connect", lambda *_: SimpleNamespace(name="stack x", is_local=local))


@pytest.mark.parametrize(
    ("local", "options", "changes", "seconds"),
    [(True, (), True, 5), (False, (), False, 15), (False, ("--allow-changes",), True, 15)],
)
def test_deployed_stack_is_read_only_unless_allowed(
    monkeypatch: pytest.MonkeyPatch,
    served: list[UiContext],
    local: bool,
    options: tuple[str, ...],
    changes: bool,
    seconds: int,
) -> None:
    stack(monkeypatch, local=local)
    assert main(["ui", "--no-open", *options, *(() if local else ("--stack", "x"))]) == 0
    (window,) = served
    assert (window.changes, window.seconds) == (changes, seconds)


def test_json_prints_the_address_with_its_secret(
    monkeypatch: pytest.MonkeyPatch, served: list[UiContext], capsys: pytest.CaptureFixture[str]
) -> None:
    stack(monkeypatch, local=True)
    assert main(["ui", "--no-open", "--json", "--port", "0"]) == 0
    url = json.loads(capsys.readouterr().out)["url"]
    assert url.startswith("http://127.0.0.1:")
    assert url.endswith(f"/open?secret={served[0].session.secret}")
    assert len(served[0].session.secret) >= 43


def test_taken_port_is_an_error_of_one_line(
    monkeypatch: pytest.MonkeyPatch, served: list[UiContext], capsys: pytest.CaptureFixture[str]
) -> None:
    stack(monkeypatch, local=True)
    with ui_server.listening_socket(0) as taken:
        port = taken.getsockname()[1]
        assert main(["ui", "--no-open", "--port", str(port)]) == 2
    assert capsys.readouterr().err == f"pointsman: --port: Address already in use: {port}\n"
    assert not served


def test_ctrl_c_ends_it_with_0_and_a_pipe_gets_the_address_at_once() -> None:
    script = """
from types import SimpleNamespace
from pointsman_cli import main, stacks
stacks.connect = lambda *_: SimpleNamespace(name="stack x", is_local=True)
main.run_command()
"""
    command = [sys.executable, "-c", script, "ui", "--no-open"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        address = process.stdout.readline().split()[1]
        assert process.stderr.readline() == "The address works once. Stop with Ctrl-C.\n"
        _await_server(address)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def _await_server(address: str) -> None:
    """Wait until the pages are served: from then on the signal is the server's."""
    request = urllib.request.Request(address.partition("/open")[0])
    with suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=20):
        pass


def test_no_other_command_imports_what_the_pages_need() -> None:
    script = "import sys, pointsman_cli.app; print([m for m in ('jinja2', 'starlette', 'uvicorn') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_shipped_htmx_is_the_release_that_the_decisions_name() -> None:
    folder = ROOT / "pointsman_cli/ui/static"
    digest = hashlib.sha256((folder / "htmx.min.js").read_bytes()).hexdigest()
    assert digest == "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717", "htmx 2.0.11, as npm has it"
    assert "Zero-Clause BSD" in (folder / "htmx.LICENSE.txt").read_text()
