"""Building blocks of the report's pages: page, section, table, amount, label."""

from collections.abc import Iterable, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

from pointsman.report.render.formatting import rounded_dollars
from pointsman.report.render.markup import Child, Markup, el, join
from pointsman.values.money import usd
from pointsman.values.taxonomy import Tier
from pointsman.values.times import parse_time

NO_VALUE = "–"  # noqa: RUF001  (an en dash, as is usual in tables)


_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Nothing is loaded, run or sent, whatever a text on the page says; styles stand in the page."""


def html_page(title: str, *content: Child) -> str:
    """Return a self-contained document."""
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
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
    """Return a section with a second-level heading."""
    return el("section", el("h2", heading, id=name), *content, aria_labelledby=name)


def table_section(
    name: str,
    heading: str,
    caption: str,
    header: Sequence[str],
    rows: Iterable[Sequence[Child]],
    *more: Child,
    lead: Child = None,
    texts: int = 1,
    total: Sequence[Child] | None = None,
) -> Markup:
    """Return a section of a sentence, a table whose caption only screen readers need, and what comes after it."""
    sentence = el("p", lead, class_="lead") if lead else None
    table = html_table(caption, header, rows, texts=texts, total=total, hidden=True)
    return section(name, heading, sentence, table, *more)


def note_paragraph(*content: Child) -> Markup:
    """Return a paragraph of small print."""
    return el("p", *content, class_="note")


def money(nano: int, places: int = 6) -> Markup:
    """Return an amount, rounded for display, with its exact value for programs."""
    zero = {"class_": "zero"} if nano == 0 else {}
    return el("data", rounded_dollars(nano, places) if nano else "$0", value=f"{usd(nano):.9f}", **zero)


def headline_amount(nano: int) -> Markup:
    """Return an amount for large type, with fewer decimals the larger it is; a small one keeps two digits."""
    size = abs(nano)
    places = 2 if size >= 10_000_000_000 else 3 if size >= 1_000_000_000 else 4 if size >= 1_000_000 else 6
    return money(nano, places)


def command(text: str) -> Markup:
    """Return a command that one click selects."""
    return el("code", text, class_="cmd")


def with_commands(sentence: str) -> Markup:
    """Return a sentence whose words in backticks are commands."""
    parts = sentence.split("`")
    return join(*(command(part) if number % 2 else part for number, part in enumerate(parts)))


def clock_time(at: str, zone: str, day: date) -> str:
    """Return an instant as the time in a zone, with its day if that is another one."""
    local = parse_time(at).astimezone(ZoneInfo(zone))
    return f"{local:%H:%M}" if local.date() == day else f"{local:%-d %b %H:%M}"


def count(number: int) -> Markup:
    """Return a count."""
    zero = {"class_": "zero"} if number == 0 else {}
    return el("data", f"{number:,}", value=number, **zero)


def duration_text(milliseconds: int | None) -> str:
    """Return a duration in milliseconds, seconds or minutes."""
    if milliseconds is None:
        return NO_VALUE
    if milliseconds < 1_000:
        return f"{milliseconds} ms"
    return f"{milliseconds / 1000:,.1f} s" if milliseconds < 100_000 else f"{milliseconds / 60_000:,.1f} min"


def tier_label(tier: Tier | str) -> Markup:
    """Return a tier's name beside its colour."""
    is_tier = str(tier) in set(Tier)
    colour = el("span", class_=f"key {tier}", aria_hidden="true") if is_tier else None
    return el("span", colour, str(tier), class_="name")


def model_label(model_id: str | None) -> Markup | None:
    """Return a model's name, which stays on one line."""
    return el("span", model_id, class_="name") if model_id else None


def with_details(main: Child, *details: Child) -> Markup:
    """Return a label with details in small print below it, so that a row fits a phone."""
    separated = [child for detail in details if detail for child in (Markup(" · "), detail)][1:]
    return el("div", el("span", main), el("div", *separated, class_="below") if separated else None, class_="stacked")


def humanized(name: str | None) -> str:
    """Return a name with spaces in place of underscores."""
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
    """Return a table whose first `texts` columns are text and whose others are numbers; the first cell labels its row.

    `hidden`: the caption is for screen readers only, because a heading above says the same.
    """
    lines = list(rows)
    # On a phone each row becomes a card, which takes the table's roles from it: so they are stated.
    heads = (el("th", name, scope="col", role="columnheader", class_=_kind(n, texts)) for n, name in enumerate(header))
    head = el("thead", el("tr", *heads, role="row"), role="rowgroup")
    foot = el("tfoot", _row(total, header, texts), role="rowgroup") if total and lines else None
    body = el("tbody", *(_row(row, header, texts) for row in lines), role="rowgroup")
    name = el("caption", caption, class_="unseen" if hidden else None)
    return el("div", el("table", name, head, body, foot, role="table"), class_="scroll")


def _row(cells: Sequence[Child], header: Sequence[str], texts: int) -> Markup:
    first, *others = cells
    return el(
        "tr",
        el("th", first, scope="row", role="rowheader"),
        *(
            el("td", cell or NO_VALUE, class_=_kind(n, texts), role="cell", data_label=header[n])
            for n, cell in enumerate(others, 1)
        ),
        role="row",
    )


def _kind(column: int, texts: int) -> str | None:
    return None if column < texts else "n"


def percent_bar(percent: float, label: str, *, plain: bool = False) -> Markup:
    """Return a bar that is full at 100 percent; unless it is `plain`, its colour warns from 80 percent."""
    width = f"{min(max(percent, 0.0), 100.0):.2f}"
    full = "plain" if plain else "over" if percent >= 100 else "high" if percent >= 80 else None
    filled = el("span", style=f"width:{width}%", class_=full) if percent > 0 else None
    return el("div", filled, class_="bar", role="img", aria_label=label)
