"""HTML that is escaped by construction: only what this module builds is markup, any other text is escaped."""

from html import escape

_VOID = frozenset({"br", "hr", "link", "meta", "line", "path", "rect"})
"""Elements without content."""


class Markup(str):
    """Finished HTML. Any other `str` is escaped when it is inserted."""

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
    if tag in _VOID:
        return Markup(f"<{tag}{attributes_text}/>")
    return Markup(f"<{tag}{attributes_text}>{join(*children)}</{tag}>")


def join(*children: Child) -> Markup:
    """Return the children one after the other."""
    return Markup("".join(child if isinstance(child, Markup) else _escaped(child) for child in children if child))


def _escaped(text: str) -> str:
    """Return escaped text with its control characters replaced: XML forbids most of them."""
    visible = "".join(
        letter if letter.isprintable() or letter in " \n" else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return escape(visible)
