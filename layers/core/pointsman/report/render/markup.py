"""HTML that is escaped by construction: plain text becomes text, and only what was built here is markup."""

from html import escape

VOID = frozenset({"br", "hr", "link", "meta", "line", "path", "rect"})
"""Elements that are written without content."""


class Markup(str):
    """Finished HTML. Any other `str` is foreign text, and is escaped where it is put in."""

    __slots__ = ()


type Child = str | None
"""Text, `Markup`, or nothing."""


def el(tag: str, /, *children: Child, **attributes: str | int | None) -> Markup:
    """Return an element; `_` in an attribute's name stands for `-`, and None leaves the attribute out."""
    attributes_text = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in VOID:
        return Markup(f"<{tag}{attributes_text}/>")
    return Markup(f"<{tag}{attributes_text}>{join(*children)}</{tag}>")


def join(*children: Child) -> Markup:
    """Return the children one after the other."""
    return Markup("".join(child if isinstance(child, Markup) else _text(child) for child in children if child))


def _text(foreign: str) -> str:
    """Return text with its control characters made visible: XML knows most of them not at all."""
    shown = "".join(
        letter if letter.isprintable() or letter in " \n" else "\N{REPLACEMENT CHARACTER}" for letter in foreign
    )
    return escape(shown)
