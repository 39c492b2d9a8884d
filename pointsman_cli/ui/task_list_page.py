"""The page Tasks: a list with filters, fifty a page."""

from collections.abc import Mapping
from enum import StrEnum
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from pointsman.adapters.task_list import ReceivedTask
from pointsman.values.taxonomy import TaskType, Tier
from pointsman.values.times import parse_time
from pointsman_cli.errors import BadInputError
from pointsman_cli.list_options import ListedStatus, ListOptions
from pointsman_cli.task_list import MOST_LOOKED_AT, TaskRows, list_tasks
from pointsman_cli.ui.ui_context import PAGE_ROWS, UiContext

_TEXTS = ("search", "sender", "ticket", "agent", "since")
_LONGEST_FILTER = 200


def task_list_page(ui: UiContext, request: Request) -> Response:
    """Return a page of the list."""
    connection, asked = ui.connection, request.query_params
    options = _options(ui, asked)
    found = list_tasks(connection, options, None if options.after else connection.known_tasks)
    connection.known_tasks.listed([row["task_id"] for row in found.rows])
    return ui.page(
        request,
        "tasks.html",
        rows=found.rows,
        notes=found.notes(options),
        asked={name: asked.get(name, "") for name in (*_TEXTS, "type", "tier", "status", "sort")},
        statuses=list(ListedStatus),
        types=list(TaskType),
        tiers=list(Tier),
        older=_older(asked, found, options),
        further=found.looked_to is not None,
        filtered=options.filters,
        by_cost=options.by_cost,
        most_looked_at=MOST_LOOKED_AT,
        now=ui.now(),
    )


def _options(ui: UiContext, asked: Mapping[str, str]) -> ListOptions:
    """Return what the address asks for.

    Raises:
        BadInputError: A filter is none of its choices.
    """
    texts = {name: asked.get(name, "").strip()[:_LONGEST_FILTER] or None for name in _TEXTS}
    status = _choice(ListedStatus, asked.get("status"))
    return ListOptions.of(
        ui.now(),
        ui.connection.settings.zone,
        status=[status] if status else None,
        sort="cost" if asked.get("sort") == "cost" else "time",
        limit=PAGE_ROWS,
        type=_choice(TaskType, asked.get("type")),
        tier=_choice(Tier, asked.get("tier")),
        after=_cursor(asked.get("after")),
        **texts,
    )


def _choice[T: StrEnum](choices: type[T], text: str | None) -> T | None:
    if not text:
        return None
    if text not in [str(choice) for choice in choices]:
        raise BadInputError(f"the filter must be one of {', '.join(choices)}")
    return choices(text)


def _cursor(text: str | None) -> ReceivedTask | None:
    """Return the task after which the page begins."""
    if not text:
        return None
    received_at, _, task_id = text.partition(" ")
    try:
        parse_time(received_at)
    except ValueError:
        raise BadInputError("after: is no place in the list") from None
    return ReceivedTask(task_id, received_at)


def _older(asked: Mapping[str, str], found: TaskRows, options: ListOptions) -> str | None:
    """Return the address at which the list goes on; None where it has ended, or is the most expensive first."""
    if found.looked_to:
        received_at, task_id = found.looked_to.received_at, found.looked_to.task_id
    elif options.by_cost or len(found.rows) < options.limit:
        return None
    else:
        received_at, task_id = found.rows[-1]["received_at"], found.rows[-1]["task_id"]
    kept = {name: value for name, value in asked.items() if value and name != "after"}
    return "/tasks?" + urlencode({**kept, "after": f"{received_at} {task_id}"})
