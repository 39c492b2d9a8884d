"""Makes the pictures in docs/pictures: `python -m tools.pictures`. Needs Chromium for the pages.

The report is that of the tests' ordinary day; the terminal shows what the commands print about it and about a task; the
pages of `pointsman ui` are those that the tests look at, light, dark and on a phone.
"""

import io
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from html import escape
from pathlib import Path

from pointsman.report.render.html import render_html
from pointsman.report.render.text import render_text
from pointsman_cli.main import main as pointsman
from tests.support import pages
from tests.support.ui_tour import PAGES, tour

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs/pictures"
LARGEST = 200_000
"""Bytes of a picture."""
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_SIZE = "--window-size=1000,1560"
_PROMPT = "Why does checkout deadlock under load?"
_LETTER, _LINE, _PADDING = 7.7, 18, 16
_REPORT_LINES = 22
_SHOTS = ((1000, "light", 440), (1000, "dark", 440), (390, "light", 172))
"""Of each page: its width, its colours, and the width of its picture."""
_HIGHEST = 500
"""Pixels of the picture: what is further down is cut off."""


def report_picture(into: Path) -> None:
    """Take a picture of the upper part of the page."""
    browser = next((path for name in _BROWSERS if (path := shutil.which(name))), None)
    if browser is None:
        sys.exit(f"no browser to take the picture with ({', '.join(_BROWSERS)})")
    report, entries = pages.month()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        page.write_text(render_html(report, entries), encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--user-data-dir={folder}"]
        subprocess.run(
            [browser, *options, _SIZE, "--force-device-scale-factor=0.75", f"--screenshot={into}", page.as_uri()],
            check=True,
            capture_output=True,
            env={**os.environ, "HOME": folder},
        )


def terminal_picture(into: Path) -> None:
    """Draw a terminal with what the commands print."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        pointsman(["route", "--offline", _PROMPT])
    report, _ = pages.month()
    lines = [f'$ pointsman route --offline "{_PROMPT}"', *printed.getvalue().splitlines(), ""]
    lines += [f"$ pointsman report --date {report.day}", *render_text(report).splitlines()[:_REPORT_LINES], "…"]
    into.write_text(_drawn(lines), encoding="utf-8")


def ui_pictures(folder: Path) -> None:
    """Take a picture of each page of `pointsman ui`."""
    with tempfile.TemporaryDirectory() as scratch, tour(Path(scratch)) as shown:
        for name, path in PAGES.items():
            images = []
            for width, scheme, drawn in _SHOTS:
                shown.show(width, scheme)
                shown.open(path)
                shot = Path(scratch) / f"{name}-{width}-{scheme}.png"
                shown.tab.picture(shot)
                images.append(f'<img src="{shot.name}" style="width:{drawn}px">')
            sheet = Path(scratch) / f"{name}.html"
            styles = "margin:0;display:flex;gap:10px;padding:10px;background:#8a8f96;overflow:hidden"
            style = f"{styles};height:{_HIGHEST}px;align-items:start;width:1072px"
            sheet.write_text(f'<!DOCTYPE html><body style="{style}">{"".join(images)}</body>', encoding="utf-8")
            shown.show(1092, "light")
            shown.tab.open(sheet.as_uri())
            shown.tab.picture(folder / f"ui-{name}.png", _HIGHEST + 20)


def _drawn(lines: list[str]) -> str:
    width = round(max(map(len, lines)) * _LETTER) + 2 * _PADDING
    height = len(lines) * _LINE + 2 * _PADDING
    texts = "\n".join(
        f'<text x="{_PADDING}" y="{_PADDING + (number + 0.75) * _LINE:g}" xml:space="preserve"'
        f"{' fill="#8fd6a8"' if line.startswith('$') else ''}>{escape(line)}</text>"
        for number, line in enumerate(lines)
        if line
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" role="img">\n'
        f'<rect width="{width}" height="{height}" rx="10" fill="#1c2026"/>\n'
        f'<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12.8" fill="#e6e4df">\n{texts}\n</g>\n'
        "</svg>\n"
    )


def main() -> None:
    """Make all pictures, and fail if one is too large."""
    FOLDER.mkdir(exist_ok=True)
    report_picture(FOLDER / "report.png")
    terminal_picture(FOLDER / "terminal.svg")
    ui_pictures(FOLDER)
    for name in ("report.png", "terminal.svg", *(f"ui-{name}.png" for name in PAGES)):
        size = (FOLDER / name).stat().st_size
        print(f"{name}: {size:,} bytes")
        if size > LARGEST:
            sys.exit(f"{name} is larger than {LARGEST:,} bytes")


if __name__ == "__main__":
    main()
