"""The pages for screen readers, and the contrast of the style sheet."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files

import pytest

from pointsman.report.render.html import render_html
from pointsman.report.render.index import render_index
from pointsman.values.taxonomy import Tier
from tests.support import pages
from tests.support.pages import parse_page, report_of_day

REPORT, ENTRIES = pages.month()
PAGE = render_html(REPORT, ENTRIES)


class Outline(HTMLParser):
    """Reads the page as a browser's tokenizer does."""

    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if re.fullmatch(r"h\d", tag):
            self.headings.append(int(tag[1]))
        self.ids += [value or "" for name, value in attrs if name == "id"]


@pytest.mark.parametrize(
    "page", [PAGE, render_index(ENTRIES), render_html(report_of_day())], ids=["day", "index", "empty"]
)
def test_headings_tables_and_drawings_suit_screen_readers(page: str) -> None:
    outline = Outline()
    outline.feed(page)
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    assert all(after - before <= 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False))
    assert len(set(outline.ids)) == len(outline.ids)
    parsed = parse_page(page)
    assert parsed.get("lang") == "en"
    for table in parsed.iter("table"):
        assert "".join(table[0].itertext())
        assert table[0].tag == "caption"
        assert {cell.get("scope") for cell in table.iter("th")} <= {"col", "row"}
        assert all("".join(cell.itertext()).strip() for cell in table.iter("th"))
        widths = {len(list(row)) for row in table.iter("tr")}
        assert len(widths) == 1, "every row has as many cells as the header"
    for drawing in [*parsed.iter("svg"), *(div for div in parsed.iter("div") if div.get("class") == "bar")]:
        assert drawing.get("role") == "img"
        assert drawing.get("aria-label")


def test_colours_have_contrast_in_both_schemes() -> None:
    style = (files("pointsman") / "data/report.css").read_text()
    light, dark, *_ = [dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for block in style.split(":root")[1:]]
    assert set(light) == set(dark)
    for colours in (light, dark):
        for ink in ("ink", "soft", "link"):
            for paper in ("paper", "card", "faint"):
                assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
        for kind in ("good", "warn"):
            assert contrast(colours[kind], colours[f"{kind}-paper"]) >= 4.5
            assert contrast(colours["ink"], colours[f"{kind}-paper"]) >= 4.5
        for drawn in (*Tier, "routing", "waiting", "model", "delivery"):
            assert contrast(colours[str(drawn)], colours["paper"]) >= 2.8, drawn


def contrast(one: str, other: str) -> float:
    """Return WCAG's contrast ratio."""
    darker, lighter = sorted(luminance(colour) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def classes(page: str) -> Iterator[str]:
    for element in parse_page(page).iter():
        yield from str(element.get("class") or "").split()


def test_every_class_is_in_the_style_sheet() -> None:
    style = (files("pointsman") / "data/report.css").read_text()
    styled = set(re.findall(r"\.([a-z][\w-]*)", style))
    assert set(classes(PAGE)) | set(classes(render_index(ENTRIES))) <= styled
