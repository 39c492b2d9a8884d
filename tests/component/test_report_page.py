"""The day's page in a browser, if one is installed: no error, no overflow, readable in light and dark, audited."""

import html
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pointsman.report.figures import history
from pointsman.report.render.html import render_html
from pointsman.report.render.index import render_index
from pointsman_cli.statement.page import render_statement
from tests.support import pages
from tests.support.kinds_of_day import kinds_of_day
from tests.support.paths import ROOT
from tests.support.statement_month import statement_month

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
SHOTS = ROOT / "build/report-page"
AXE = ROOT / ".tools/axe/axe.min.js"
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"no browser to look at the page with ({', '.join(BROWSERS)})")

HARNESS_HEAD = '<!DOCTYPE html><html><body style="margin:0">'
HARNESS_TAIL = """<pre id="result"></pre><script>
const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const look = async (doc, view) => { SCRIPT };
onload = async () => {
  const found = {};
  for (const frame of document.querySelectorAll("iframe"))
    found[frame.id] = await look(frame.contentDocument, frame.contentWindow);
  document.getElementById("result").textContent = JSON.stringify(found);
};
</script></body></html>"""
PROBE = """
  const root = doc.documentElement, faint = [], clipped = [];
  for (const element of doc.body.querySelectorAll("*")) {
    const hasText = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!hasText || element.closest("svg, .unseen, thead") || !element.getClientRects().length) continue;
    const {left, right} = element.getBoundingClientRect();
    if (left < 0 || right > root.clientWidth + 1) clipped.push(element.textContent.slice(0, 40));
    let behind = element, back = [0, 0, 0, 0];
    while (behind && !(back = rgb(view.getComputedStyle(behind).backgroundColor), back.length === 3 || back[3] > 0))
      behind = behind.parentElement;
    const [low, high] = [light(rgb(view.getComputedStyle(element).color)), light(back)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) faint.push([element.textContent.slice(0, 40), Math.round(ratio * 100) / 100]);
  }
  return {
    overflow: root.scrollWidth - root.clientWidth, width: root.clientWidth, faint, clipped,
    small: [...doc.querySelectorAll("svg.chart")].filter(s => s.getClientRects().length)
      .map(s => s.getBoundingClientRect().width / s.viewBox.baseVal.width),
    dark: view.matchMedia("(prefers-color-scheme: dark)").matches,
  };"""
AUDIT = """
  const {violations, passes} = await view.axe.run(doc);
  return {passed: passes.length, broken: violations.map(v => [v.id, v.impact, v.nodes.map(n => n.html.slice(0, 80))])};
"""
KINDS = ("empty", "one", "normal", "failed", "many", "economy")
PAGES = (*(f"{kind}.html" for kind in KINDS), "index.html", "range.html", "statement.html")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a page of each kind of day, an index and a range of days."""
    where = tmp_path_factory.mktemp("pages")
    _, entries = pages.month()
    reports = kinds_of_day()
    assert tuple(reports) == KINDS
    for kind, report in reports.items():
        (where / f"{kind}.html").write_text(render_html(report, entries), encoding="utf-8")
    days = history.with_day(entries, history.published_day(reports["normal"]))
    (where / "index.html").write_text(render_index(days), encoding="utf-8")
    (where / "range.html").write_text(render_index(days, linked=False), encoding="utf-8")
    statement = render_statement(statement_month(), reports["normal"].stack, stand_in=True)
    (where / "statement.html").write_text(statement, encoding="utf-8")
    return where


def run(folder: Path, url: Path, *options: str) -> tuple[str, str]:
    """Run the browser on one page; return its output and what was written to the console."""
    assert BROWSER
    defaults = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--allow-file-access-from-files"]
    defaults += [f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr", "--virtual-time-budget=3000"]
    done = subprocess.run(
        [BROWSER, *defaults, *options, url.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=90,
        env={**os.environ, "HOME": str(folder)},
    )
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if ":CONSOLE" in line)


def probe(folder: Path, names: tuple[str, ...], width: int, *options: str, script: str = PROBE) -> dict[str, Any]:
    """Return what a script finds on each page at that width, in one run of the browser."""
    harness = folder / "probe.html"
    frames = "".join(
        f'<iframe id="{name}" src="{name}" style="width:{width}px;height:900px;border:0"></iframe>' for name in names
    )
    harness.write_text(f"{HARNESS_HEAD}{frames}{HARNESS_TAIL}".replace("SCRIPT", script), encoding="utf-8")
    shown, console = run(folder, harness, "--dump-dom", "--window-size=1300,1000", *options)
    assert console == ""
    result = re.search(r'<pre id="result">(.+?)</pre>', shown, re.DOTALL)
    assert result, "the page did not load"
    answer: dict[str, Any] = json.loads(html.unescape(result.group(1)))
    return answer


@pytest.mark.parametrize(("width", "options"), [(390, ()), (390, ("--force-dark-mode",)), (1200, ())])
def test_pages_fit_their_width_and_are_readable(folder: Path, width: int, options: tuple[str, ...]) -> None:
    for page, rendered in probe(folder, PAGES, width, *options).items():
        assert (rendered["width"], rendered["overflow"], rendered["faint"]) == (width, 0, []), page
        assert rendered["clipped"] == [], page
        assert rendered["dark"] == bool(options)
        assert all(scale > 0.9 for scale in rendered["small"]), "a chart's text would shrink"
        assert len(rendered["small"]) == (page != "empty.html"), page


@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core in .tools/axe; `make setup` fetches it")
@pytest.mark.parametrize(("width", "options"), [(1200, ()), (390, ("--force-dark-mode",))])
def test_pages_pass_the_accessibility_audit(folder: Path, width: int, options: tuple[str, ...]) -> None:
    (folder / "axe.min.js").write_bytes(AXE.read_bytes())
    audited = ("normal.html", "failed.html", "economy.html", "index.html", "statement.html")
    for page in audited:
        text = (folder / page).read_text(encoding="utf-8")
        without_policy, policies = re.subn('<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
        assert policies == 1  # it would keep the audit out as well
        with_axe = without_policy.replace("</body>", '<script src="axe.min.js"></script></body>')
        (folder / f"axe-{page}").write_text(with_axe, encoding="utf-8")
    audits = probe(folder, tuple(f"axe-{page}" for page in audited), width, *options, script=AUDIT)
    for page, audit in audits.items():
        assert audit["broken"] == [], page
        assert audit["passed"] > 20, page


@pytest.mark.parametrize(("name", "options"), [("light", ()), ("dark", ("--force-dark-mode",))])
def test_pictures_of_each_kind_of_day_are_taken_without_console_errors(
    folder: Path, name: str, options: tuple[str, ...]
) -> None:
    """Each kind at 1,280 and at 390 pixels, side by side."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    picture, both = SHOTS / f"{name}.png", folder / "both.html"
    frames = "".join(
        f'<div style="display:flex;gap:10px"><iframe src="{kind}.html" style="border:0;width:1280px;height:2100px">'
        f'</iframe><iframe src="{kind}.html" style="border:0;width:390px;height:2100px"></iframe></div>'
        for kind in KINDS
    )
    both.write_text(
        f'<!DOCTYPE html><html><body style="margin:0;background:#888">{frames}</body></html>', encoding="utf-8"
    )
    picture.unlink(missing_ok=True)
    _, console = run(folder, both, f"--screenshot={picture}", "--window-size=1680,10500", *options)
    assert console == ""
    assert picture.stat().st_size > 100_000
