"""Answers as HTML: Markdown without raw HTML, pictures or links that could run something or lead into these pages."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from pointsman_cli.output import harmless

LONGEST_MARKDOWN = 200_000
"""Characters; a longer text is shown as it is, since to lay it out would hold up the page."""
_PAGE_HEADING, _LOWEST_HEADING = 2, 6
"""The level of the heading that an answer stands under, and the last that HTML has."""
_LINKS = ("https://", "http://", "mailto:")


def markdown_html(text: str) -> Markup:
    """Return a model's text laid out; what is no Markdown in it is escaped."""
    if len(text) > LONGEST_MARKDOWN:
        return Markup("<pre>{}</pre>").format(harmless(text))
    parser = _parser()
    tokens = parser.parse(harmless(text))
    _put_headings_below(_PAGE_HEADING, tokens)
    html = parser.renderer.render(tokens, parser.options, {})
    return Markup(html)  # noqa: S704  (the parser escapes all but its own elements)


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("js-default", {"html": False, "linkify": False}).disable(["image"])
    parser.validateLink = lambda url: url.strip().lower().startswith(_LINKS)  # type: ignore[method-assign]
    parser.add_render_rule("link_open", _link)
    parser.add_render_rule("table_open", _table)
    return parser


def _link(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    """Open a link beside the page, which says to nobody where it came from."""
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    tokens[index].attrSet("target", "_blank")
    return renderer.renderToken(tokens, index, options, env)


def _put_headings_below(level: int, tokens: Sequence[Token]) -> None:
    """Put an answer's headings below the page's, without a gap between two, so that the outline stays true."""
    headings = [token for token in tokens if token.type in ("heading_open", "heading_close")]
    levels, last = sorted({token.tag for token in headings}), level
    for token in headings:
        if token.type == "heading_open":
            last = min(level + 1 + levels.index(token.tag), last + 1, _LOWEST_HEADING)
        token.tag = f"h{last}"


def _table(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("class", "plain")
    return renderer.renderToken(tokens, index, options, env)
