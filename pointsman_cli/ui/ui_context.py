"""What every page needs: the stack, the templates, and whether anything may be changed."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from pointsman.report.render import components
from pointsman.report.render.formatting import percent, plural
from pointsman.values.times import parse_time
from pointsman_cli import live, output
from pointsman_cli.commands.status import decided_by
from pointsman_cli.stacks import StackConnection
from pointsman_cli.ui.browser_session import BrowserSession
from pointsman_cli.ui.markdown_html import markdown_html

PAGE_ROWS = 50
"""Rows of a page: what is beyond is a page further, or counted."""
_DID = {
    "cancelled": "The task is cancelled.",
    "cancelling": "The task's call is under way: it ends with that call, whose cost is booked.",
    "not_received": "The task was not received yet: it is dropped when it arrives.",
    "ended_before": "The task had ended before it was cancelled.",
    "rerun": "This is the task that runs anew.",
    "corrected": "What the task should have been is recorded.",
    "replayed": "The task has started again.",
    "sent_back": "The message is back in the queue.",
}
"""What was done on the page before."""
_STATUS_COLOURS = {
    "completed": "completed",
    "failed": "failed",
    "rejected": "rejected",
    "cancelled": "cancelled",
    "held": "held",
    "resting": "held",
    "waiting": "waiting",
}


class StackLink:
    """The connection to the stack, made when a page first needs it, and anew after the stack was out of reach."""

    def __init__(self, connect: Callable[[], StackConnection]) -> None:
        self._connect, self._lock = connect, threading.Lock()
        self._connection: StackConnection | None = None

    def connection(self) -> StackConnection:
        """Return the connection."""
        with self._lock:
            self._connection = self._connection or self._connect()
            return self._connection

    def drop(self) -> None:
        """Connect again next time: a local stack may have restarted with another address."""
        self._connection = None


@dataclass(frozen=True, slots=True)
class UiContext:
    """The stack, the browser's session, and what may be done."""

    link: StackLink
    session: BrowserSession
    title: str
    """The stack's name, for the head of each page."""
    stack_arguments: Sequence[str] = ()
    """The options that name the stack, for commands that a page shows."""
    changes: bool = True
    """Whether tasks may be sent, cancelled, run anew and corrected."""
    seconds: int = 5
    """Between two looks of a live page."""

    @property
    def connection(self) -> StackConnection:
        """The connection to the stack."""
        return self.link.connection()

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Return a page, or the part of it that a template is."""
        return HTMLResponse(self.text(request, template, **values), status)

    def text(self, request: Request, template: str, **values: Any) -> str:
        """Return the HTML of a page."""
        did = _DID.get(request.query_params.get("did", ""))
        shown = {"ui": self, "path": request.url.path, "rows_a_page": PAGE_ROWS, "did": did, **values}
        return _templates().get_template(template).render(shown)

    def token(self, path: str) -> Markup:
        """Return the hidden field that a form for this path needs."""
        return Markup('<input type="hidden" name="token" value="{}">').format(self.session.form_token(path))

    def time(self, at: str | None) -> str:
        """Return an instant in the stack's time zone."""
        if not at:
            return components.NO_VALUE
        local = parse_time(at).astimezone(self.connection.settings.zone)
        return f"{local:%-d %b %Y, %H:%M:%S}"

    def ago(self, at: str) -> str:
        """Return how long ago an instant was."""
        return live.time_ago(at, self.now())

    def now(self) -> datetime:
        """Return the time by the stack's clock."""
        return self.connection.runtime.context.clock.now()


def _shown(value: Any) -> Any:
    """Return a value as a page shows it: text from elsewhere without control characters."""
    if value is None:
        return components.NO_VALUE
    return output.harmless(value) if isinstance(value, str) and not hasattr(value, "__html__") else value


def status_colour(status: str) -> str:
    """Return the name of the colour that a status has in the report."""
    return _STATUS_COLOURS.get(status, "under_way")


def _commands(sentence: str) -> Markup:
    """Return a sentence whose words in backticks are commands."""
    parts = output.harmless(sentence).split("`")
    words = (Markup('<code class="cmd">{}</code>').format(part) if n % 2 else part for n, part in enumerate(parts))
    return Markup().join(words)


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("pointsman_cli.ui"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "dollars": output.exact_dollars,
        "short_dollars": output.short_dollars,
        "colour": status_colour,
        "commands": _commands,
        "decided_by": decided_by,
        "duration": components.duration_text,
        "markdown": markdown_html,
        "percent": percent,
        "plural": plural,
        "words": components.humanized,
    }
    return environment
