"""Every example has its page, every page its place, and every link between them leads somewhere."""

import re
from pathlib import Path

import pytest

from tests.support.paths import ROOT

FOLDERS = sorted(path for path in (ROOT / "examples").iterdir() if path.is_dir())
PAGES = sorted((ROOT / "docs/ways").glob("*.md"))
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_an_example_is_listed_and_has_a_page(folder: Path) -> None:
    (row,) = [
        line for line in (ROOT / "examples/README.md").read_text().splitlines() if line.startswith(f"| `{folder.name}`")
    ]
    page = (ROOT / "examples" / LINK.findall(row)[0]).resolve()
    assert f"examples/{folder.name}" in page.read_text()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_an_example_is_a_template_and_at_most_40_lines_of_code(folder: Path) -> None:
    assert list(folder.glob("*.yaml"))
    assert all(len(path.read_text().splitlines()) <= 40 for path in folder.glob("*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_a_page_is_listed_and_its_links_lead_somewhere(page: Path) -> None:
    assert page.name == "README.md" or f"]({page.name})" in (ROOT / "docs/ways/README.md").read_text()
    for link in LINK.findall(page.read_text()):
        assert (page.parent / link).exists(), link
