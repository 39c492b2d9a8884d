"""Parts that the report's pages are put together from: a page, a section, a table, an amount."""

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files

from pointsman.report.render.formatting import rounded_dollars
from pointsman.report.render.markup import Child, Markup, el
from pointsman.values.money import usd
from pointsman.values.taxonomy import Tier

NO_VALUE = "–"  # noqa: RUF001  (an en dash, as tables have it)


def page(title: str, *content: Child) -> str:
    """Return a document that needs nothing but itself."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="color-scheme", content="light dark"),
        el("meta", name="referrer", content="no-referrer"),
        el("title", title),
        el("style", Markup(_style())),
    )
    return f"<!DOCTYPE html>\n{el('html', head, el('body', el('main', *content)), lang='en')}\n"


@cache
def _style() -> str:
    return (files("pointsman") / "data/report.css").read_text(encoding="utf-8")


def section(name: str, heading: str, *content: Child) -> Markup:
    """Return a section under a heading of the second level."""
    return el("section", el("h2", heading, id=name), *content, aria_labelledby=name)


def note_paragraph(*content: Child) -> Markup:
    """Return a paragraph of small print."""
    return el("p", *content, class_="note")


def money(nano: int, places: int = 6) -> Markup:
    """Return an amount: rounded to read, exact for programs."""
    shown = {"class_": "zero"} if nano == 0 else {}
    return el("data", rounded_dollars(nano, places) if nano else "$0", value=f"{usd(nano):.9f}", **shown)


def headline(nano: int) -> Markup:
    """Return an amount in large type: as many decimals as it needs."""
    size = abs(nano)
    return money(nano, 2 if size >= 10_000_000_000 else 3 if size >= 1_000_000_000 else 4)


def count(number: int) -> Markup:
    """Return a count."""
    shown = {"class_": "zero"} if number == 0 else {}
    return el("data", f"{number:,}", value=number, **shown)


def seconds(milliseconds: int | None) -> str:
    """Return a time for people."""
    if milliseconds is None:
        return NO_VALUE
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    return f"{milliseconds / 1000:,.1f} s" if milliseconds < 100_000 else f"{milliseconds / 60_000:,.1f} min"


def key(tier: Tier | str) -> Markup:
    """Return a tier's name with its colour beside it."""
    is_tier = str(tier) in set(Tier)
    colour = el("span", class_=f"key {tier}", aria_hidden="true") if is_tier else None
    return el("span", colour, str(tier), class_="name")


def name(text: str | None) -> Markup | None:
    """Return a name that stays on one line, as models have it."""
    return el("span", text, class_="name") if text else None


def stacked(main: Child, *below: Child) -> Markup:
    """Return a name with what is to be known of it in small print below, so that a row fits a phone."""
    parts = [part for part in below if part]
    between = [child for part in parts for child in (Markup(" · "), part)][1:]
    return el("div", el("span", main), el("div", *between, class_="below") if parts else None, class_="stacked")


def words(name: str | None) -> str:
    """Return a fixed name for people: its underscores as spaces."""
    return name.replace("_", " ") if name else NO_VALUE


def html_table(
    caption: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Child]],
    *,
    texts: int = 1,
    total: Sequence[Child] | None = None,
    hidden: bool = False,
) -> Markup:
    """Return a table whose first `texts` columns are text and whose others are numbers; the first cell names its row.

    `hidden`: the caption is for screen readers alone, since a heading above says the same.
    """
    lines = list(rows)
    head = el("tr", *(el("th", name, scope="col", class_=_kind(n, texts)) for n, name in enumerate(header)))
    foot = el("tfoot", _row(total, texts)) if total and lines else None
    body = el("tbody", *(_row(row, texts) for row in lines))
    shown = el("table", el("caption", caption, class_="unseen" if hidden else None), el("thead", head), body, foot)
    # A table that is wider than a phone scrolls by itself, by keyboard too; the page never does.
    return el("div", shown, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _row(cells: Sequence[Child], texts: int) -> Markup:
    first, *others = cells
    return el(
        "tr",
        el("th", first, scope="row"),
        *(el("td", cell or NO_VALUE, class_=_kind(n, texts)) for n, cell in enumerate(others, 1)),
    )


def _kind(column: int, texts: int) -> str | None:
    return None if column < texts else "n"


def bar(percent: float, label: str, *, plain: bool = False) -> Markup:
    """Return a bar that is full at 100 percent; unless it is `plain`, its colour warns from 80 on."""
    width = f"{min(max(percent, 0.0), 100.0):.2f}"
    full = "plain" if plain else "over" if percent >= 100 else "high" if percent >= 80 else None
    return el("div", el("span", style=f"width:{width}%", class_=full), class_="bar", role="img", aria_label=label)
