"""The page Now: what is under way or waits, what is left of budget and free quotas, and what needs a hand."""

from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from pointsman_cli.doctor import examine
from pointsman_cli.doctor.stack_probe import FindingState, StackProbe
from pointsman_cli.limits import stack_caps
from pointsman_cli.list_options import UNENDED, ListOptions
from pointsman_cli.task_list import list_tasks
from pointsman_cli.ui.ui_context import PAGE_ROWS, UiContext

_LOOKED_AT = 1000
"""The newest tasks among which those under way are looked for: ten requests a look."""
_LATEST = 8
"""Tasks that are shown besides, whatever became of them."""
_UNDER_WAY_FOR = timedelta(days=14)
_CHECKS = ("account", "quota")
"""The checks of `doctor` that cost one read together, and ask no provider."""


def now_page(ui: UiContext, request: Request) -> Response:
    """Return the whole page."""
    return ui.page(request, "now.html", **_values(ui))


def now_part(ui: UiContext, request: Request) -> Response:
    """Return what of the page is live."""
    return ui.page(request, "now_part.html", **_values(ui))


def _values(ui: UiContext) -> dict[str, Any]:
    connection, now = ui.connection, ui.now()
    options = ListOptions(now - _UNDER_WAY_FOR, PAGE_ROWS, status=UNENDED, look_at=_LOOKED_AT)
    under_way = list_tasks(connection, options, connection.known_tasks)
    latest = list_tasks(connection, ListOptions(now - _UNDER_WAY_FOR, _LATEST))
    checks = [(name, check) for name, check in examine.CHECKS if name in _CHECKS]
    findings = list(examine.examine(StackProbe(connection, now, False, False), lambda _: None, checks))
    return {
        "under_way": under_way.rows,
        "notes": under_way.notes(options),
        "looked_at": under_way.looked_at,
        "latest": latest.rows,
        "caps": stack_caps(connection.runtime, now),
        "to_do": [finding for finding in findings if finding.state is FindingState.TO_DO],
        "others": [finding for finding in findings if finding.state is not FindingState.TO_DO],
        "stand_in": connection.stand_in,
        "at": now,
    }
