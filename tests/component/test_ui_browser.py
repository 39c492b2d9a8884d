"""The pages of `pointsman ui` in a real browser: readable, by keyboard, on a phone, deaf to hostile text and pages."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from pointsman.entrypoints.replay import build_replay
from pointsman.execution.records import AuditedAnswer, Payload
from pointsman_cli.stacks import NoLocalStackError
from pointsman_cli.ui.browser_session import BrowserSession
from pointsman_cli.ui.ui_context import StackLink, UiContext
from tests.support.browser import BROWSER
from tests.support.paths import ROOT
from tests.support.ui_tour import PAGES, Tour, served, tour
from tests.support.ui_window import attempt_rows, put_task

SHOTS = ROOT / "build/ui-pages"
AXE = ROOT / ".tools/axe/axe.min.js"
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no browser to look at the pages with")
AUDIT = """axe.run(document).then(({violations, passes}) => ({passed: passes.length, broken: violations.map(
  v => [v.id, v.impact, v.nodes.map(n => n.html.slice(0, 120))])}))"""
PAYLOADS = (
    "<script>window.ran=1</script>",
    "<img src=x onerror=window.ran=1>",
    "<svg onload=window.ran=1>",
    '"><script>window.ran=1</script>',
    "' onmouseover='window.ran=1",
    "javascript:window.ran=1",
    "[click](javascript:window.ran=1)",
    "[click](JaVaScRiPt:window.ran=1)",
    "[click](data:text/html,<script>window.ran=1</script>)",
    '![x](x" onerror="window.ran=1)',
    "<a href='javascript:window.ran=1'>click</a>",
    "```html\n</code></pre><script>window.ran=1</script>\n```",
    "</textarea><script>window.ran=1</script>",
    "</title><script>window.ran=1</script>",
    "{{ 7 * 7 }}{% raw %}<script>window.ran=1</script>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<div hx-get='/tasks' hx-trigger='load' hx-on:load='window.ran=1'>x</div>",
    "<style>@import 'javascript:window.ran=1'</style>",
    "&lt;script&gt;window.ran=1&lt;/script&gt;",
    "<math><mtext><table><mglyph><style><img src=x onerror=window.ran=1>",
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tour]:
    with tour(tmp_path_factory.mktemp("ui")) as made:
        yield made


@pytest.fixture(autouse=True)
def no_errors(pages: Tour) -> Iterator[None]:
    pages.tab.console.clear()
    pages.show(1100, "light")
    yield
    assert pages.tab.console == []


@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core in .tools/axe; `make setup` fetches it")
@pytest.mark.parametrize(("width", "scheme"), [(1100, "light"), (1100, "dark"), (390, "dark")])
def test_pages_fit_and_pass_the_accessibility_audit(pages: Tour, width: int, scheme: str) -> None:
    pages.show(width, scheme)
    audit = AXE.read_text(encoding="utf-8")
    for name, path in PAGES.items():
        pages.open(path)
        assert pages.tab.run("document.documentElement.scrollWidth - innerWidth") <= 0, name
        pages.tab.picture(SHOTS / f"{name}-{width}-{scheme}.png")
        pages.tab.run(audit + ";0")
        result = pages.tab.run(AUDIT)
        assert result["broken"] == [], name
        assert result["passed"] > 15, name


def test_by_keyboard_alone_from_the_first_page_to_the_answer_and_back(pages: Tour) -> None:
    tab = pages.tab
    pages.open("/")
    focused = "document.activeElement.getAttribute('href')"
    for _ in range(12):
        tab.press("Tab")
        if tab.run(focused) == "/submit":
            break
    assert tab.run(focused) == "/submit"
    tab.press("Enter")
    tab.until("document.activeElement.name === 'prompt'")
    tab.type("Design the storage of our audit trail, and weigh two alternatives")
    tab.until("document.getElementById('estimate').textContent.includes('$')")
    tab.press("Enter", ctrl=True)
    tab.until(
        "location.pathname.startsWith('/tasks/') && document.body.textContent.includes('has not received it yet')"
    )
    task_id = tab.run("location.pathname").removeprefix("/tasks/")
    put_task(
        pages.aws, task_id, "Design it", answer=Payload(inline="Use **one** table."), cost_nano=12_000_000,
        model="claude-sonnet-5-5", ended_at="2026-11-28T10:00:00.000Z",
    )  # fmt: skip
    tab.until("document.querySelector('.answer strong')?.textContent === 'one'")
    assert "$0.012" in tab.run("document.body.textContent")
    tab.until("document.getElementById('news').textContent === 'completed'")
    tab.run("history.back()")
    tab.until("location.pathname === '/submit' && document.querySelector('textarea[name=prompt]')")


def put_hostile_repairs(pages: Tour) -> tuple[str, ...]:
    """Store a dead letter and an audit with every payload; return their pages."""
    payloads, at = "\n\n".join(PAYLOADS), datetime.now(UTC)
    stated = {"code": "invalid_task", "reason": payloads[:500], "task_id": "d-hostile", "message_id": "m-hostile"}
    dead_letters = pages.connection.runtime.part(build_replay).dead_letters
    dead_letters.put(json.dumps({"task_id": "d-hostile", "tier": "best", "prompt": payloads}), stated, "m-hostile")
    key = attempt_rows(pages.aws, "x-audit", at, 9, model="claude-sonnet-5-5", purpose="audit")
    audit = AuditedAnswer(key, "claude-sonnet-5-5", key.began_at, "answered", 1, Payload(inline=payloads))
    put_task(pages.aws, "x-audit", payloads, answer=Payload(inline=payloads), audit=audit)
    return "/dead-letters", "/dead-letters/d-hostile", "/audit", "/audit/x-audit"


def test_hostile_text_never_runs(pages: Tour) -> None:
    tab = pages.tab
    for number, payload in enumerate(PAYLOADS):
        told = {"metadata": {"ticket": payload, "agent": payload, "file": payload}, "sender": payload, "model": payload}
        put_task(pages.aws, f"x-{number}", payload, answer=Payload(inline=payload), reason=payload, **told)
    tasks = [f"/tasks/x-{number}" for number in range(len(PAYLOADS))]
    for path in ("/", "/tasks", *tasks, "/tasks/x-0/rerun", "/tasks/x-0/correct", *put_hostile_repairs(pages)):
        pages.open(path)
        assert tab.run("[...document.querySelectorAll('.answer a')].every(a => /^(https?|mailto):/.test(a.href))"), path
        assert tab.run("document.querySelectorAll('#content iframe, #content script, #content [onload]').length") == 0
        assert tab.run("window.ran === undefined"), path


def test_stack_that_goes_away_is_said_and_looked_for(pages: Tour) -> None:
    tab, link = pages.tab, pages.window.link
    pages.open("/")
    connect = link._connect

    def gone() -> Any:
        raise NoLocalStackError("no local stack is running", "start one with `pointsman up`")

    link._connect = gone
    link.drop()
    tab.until("document.getElementById('live').textContent.includes('no local stack is running')")
    link._connect = connect
    tab.until("document.getElementById('live').textContent.includes('Under way')")
    tab.until("document.getElementById('news').textContent.includes('under way')")
    assert any("503" in line for line in tab.console), "the browser notes what it did not get"
    tab.console.clear()


def test_page_says_that_its_server_has_stopped(pages: Tour) -> None:
    tab = pages.tab
    window = UiContext(StackLink(lambda: pages.connection), BrowserSession(), "another window", (), seconds=1)
    with served(window) as address:
        tab.open(address)
        tab.until("document.title.startsWith('Now')")
        assert tab.run("document.getElementById('gone').hidden")
    tab.until("!document.getElementById('gone').hidden")
    pages.open("/")
    tab.console.clear()


@contextmanager
def other_page(target: str) -> Iterator[str]:
    """Serve a page of another port, which browsers take for the same site, that tries to read and to act."""
    html = f"""<!DOCTYPE html><title>other</title><link rel=icon href="data:,"><iframe name=hidden></iframe>
<form method=post action="{target}/tasks/t-new/cancel" target=hidden><input name=token value=guess></form>
<script>const get = mode => fetch("{target}/tasks", {{credentials: "include", mode}}).then(r => r.text());
window.read = Promise.allSettled([get("cors"), get("no-cors")]);
document.forms[0].submit();</script>"""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(html.encode())

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def test_page_of_another_port_gets_and_does_nothing(pages: Tour) -> None:
    tab = pages.tab
    with other_page(pages.origin) as other:
        tab.open(other)
        answers = tab.run("window.read")
    assert [answer["status"] for answer in answers] == ["rejected", "rejected"], json.dumps(answers)
    record = pages.connection.client.read("t-new")
    assert record
    assert record.status == "claimed"
    pages.open("/")
    tab.console.clear()


def test_name_that_is_rebound_to_this_machine_gets_nothing(pages: Tour) -> None:
    tab = pages.tab
    for path in ("/tasks", f"/open?secret={pages.window.session.secret}"):
        tab.open(pages.origin.replace("127.0.0.1", "evil.example") + path)
        assert tab.run("document.body.textContent").strip() == "The host is not this page's."
    pages.open("/")
    tab.console.clear()


def test_phone_has_every_page_in_reach(pages: Tour) -> None:
    pages.show(390, "light")
    for path in PAGES.values():
        pages.open(path)
        links = pages.tab.run(
            "[...document.querySelectorAll('nav.pages a')].map(a => a.getBoundingClientRect())"
            ".map(box => box.right <= innerWidth && box.height > 0)"
        )
        assert len(links) >= 6, path
        assert all(links), path


def test_pictures_are_kept(pages: Tour, tmp_path: Path) -> None:
    pages.open("/")
    pages.tab.picture(tmp_path / "now.png")
    assert (tmp_path / "now.png").stat().st_size > 10_000
