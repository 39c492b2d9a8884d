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
from tests.support import pages
from tests.support.paths import ROOT

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
SHOTS = ROOT / "build/report-page"
AXE = ROOT / ".tools/axe/axe.min.js"
pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"no browser to look at the page with ({', '.join(BROWSERS)})")

PROBE = """<!DOCTYPE html><html><body style="margin:0"><iframe id="f" src="PAGE"
 style="width:WIDTHpx;height:900px;border:0"></iframe><pre id="result"></pre><script>
const rgb = text => (text.match(/[\\d.]+/g) || []).map(Number);
const light = ([r, g, b]) => [r, g, b].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
document.getElementById("f").onload = event => {
  const doc = event.target.contentDocument, view = event.target.contentWindow, root = doc.documentElement, faint = [];
  for (const element of doc.body.querySelectorAll("*")) {
    const hasText = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!hasText || element.closest("svg, .unseen") || !element.getClientRects().length) continue;
    let behind = element, back = [0, 0, 0, 0];
    while (behind && !(back = rgb(view.getComputedStyle(behind).backgroundColor), back.length === 3 || back[3] > 0))
      behind = behind.parentElement;
    const [low, high] = [light(rgb(view.getComputedStyle(element).color)), light(back)].sort((a, b) => a - b);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) faint.push([element.textContent.slice(0, 40), Math.round(ratio * 100) / 100]);
  }
  document.getElementById("result").textContent = JSON.stringify({
    overflow: root.scrollWidth - root.clientWidth, width: root.clientWidth, faint,
    small: [...doc.querySelectorAll("svg.chart")].filter(s => s.getClientRects().length)
      .map(s => s.getBoundingClientRect().width / s.viewBox.baseVal.width),
    dark: view.matchMedia("(prefers-color-scheme: dark)").matches,
  });
};
</script></body></html>"""


AUDIT = """<!DOCTYPE html><html><body style="margin:0"><iframe id="f" src="PAGE"
 style="width:WIDTHpx;height:900px;border:0"></iframe><pre id="result"></pre><script>
document.getElementById("f").onload = async event => {
  const view = event.target.contentWindow, {violations, passes} = await view.axe.run(view.document);
  document.getElementById("result").textContent = JSON.stringify({
    passed: passes.length, broken: violations.map(v => [v.id, v.impact, v.nodes.map(n => n.html.slice(0, 80))]),
  });
};
</script></body></html>"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a busy day's page, an index and an empty day."""
    where = tmp_path_factory.mktemp("pages")
    report, entries = pages.month()
    (where / "day.html").write_text(render_html(report, entries), encoding="utf-8")
    (where / "index.html").write_text(
        render_index(history.with_day(entries, history.published_day(report))), encoding="utf-8"
    )
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


def probe(folder: Path, page: str, width: int, *options: str, script: str = PROBE) -> dict[str, Any]:
    """Return what a script finds on a page of that width."""
    harness = folder / f"probe-{page}"
    harness.write_text(script.replace("PAGE", page).replace("WIDTH", str(width)), encoding="utf-8")
    shown, console = run(folder, harness, "--dump-dom", "--window-size=1300,1000", *options)
    assert console == ""
    result = re.search(r'<pre id="result">(.+?)</pre>', shown, re.DOTALL)
    assert result, "the page did not load"
    answer: dict[str, Any] = json.loads(html.unescape(result.group(1)))
    return answer


@pytest.mark.parametrize("page", ["day.html", "index.html"])
@pytest.mark.parametrize("width", [390, 1200])
def test_page_fits_its_width_and_is_readable(folder: Path, page: str, width: int) -> None:
    rendered = probe(folder, page, width)
    assert (rendered["width"], rendered["overflow"], rendered["faint"]) == (width, 0, [])
    assert all(scale > 0.9 for scale in rendered["small"]), "a chart's text would shrink"
    assert len(rendered["small"]) == (page == "day.html")


def test_page_is_readable_in_dark_mode(folder: Path) -> None:
    rendered = probe(folder, "day.html", 390, "--force-dark-mode")
    assert (rendered["dark"], rendered["overflow"], rendered["faint"]) == (True, 0, [])


@pytest.mark.skipif(not AXE.is_file(), reason="no axe-core in .tools/axe; `make setup` fetches it")
@pytest.mark.parametrize(
    ("page", "width", "options"),
    [
        ("day.html", 1200, ()),
        ("day.html", 390, ()),
        ("day.html", 1200, ("--force-dark-mode",)),
        ("index.html", 390, ()),
    ],
)
def test_page_passes_the_accessibility_audit(folder: Path, page: str, width: int, options: tuple[str, ...]) -> None:
    audited = f"axe-{page}"
    text = (folder / page).read_text(encoding="utf-8")
    (folder / "axe.min.js").write_bytes(AXE.read_bytes())
    without_policy, policies = re.subn('<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert policies == 1  # it would keep the audit out as well
    with_axe = without_policy.replace("</body>", '<script src="axe.min.js"></script></body>')
    (folder / audited).write_text(with_axe, encoding="utf-8")
    audit = probe(folder, audited, width, *options, script=AUDIT)
    assert audit["broken"] == []
    assert audit["passed"] > 20


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("wide", ["--window-size=1200,4600"]),
        ("dark", ["--window-size=1200,4600", "--force-dark-mode"]),
        ("phone", ["--window-size=390,7200"]),
    ],
)
def test_screenshot_is_taken_without_console_errors(folder: Path, name: str, options: list[str]) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    picture = SHOTS / f"{name}.png"
    picture.unlink(missing_ok=True)
    _, console = run(folder, folder / "day.html", f"--screenshot={picture}", *options)
    assert console == ""
    assert picture.stat().st_size > 20_000
