"""Which function answers which address, what a form needs, and how an error is shown."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from importlib.resources import files

from botocore.exceptions import BotoCoreError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from devstack import LocalStackError
from pointsman_cli.app import explain_error
from pointsman_cli.errors import CommandError, Exit, UnreachableError
from pointsman_cli.ui import (
    config_page,
    day_pages,
    dead_letter_pages,
    now_page,
    submit_page,
    task_actions,
    task_list_page,
    task_page,
)
from pointsman_cli.ui.form_reading import FormFields, read_form
from pointsman_cli.ui.page_guard import OPENING_PATH, PageGuard
from pointsman_cli.ui.ui_context import UiContext

type PageView = Callable[[UiContext, Request], Response]
type FormView = Callable[[UiContext, Request, FormFields], Response]

_PAGES: tuple[tuple[str, PageView], ...] = (
    ("/", now_page.now_page),
    ("/now", now_page.now_part),
    ("/tasks", task_list_page.task_list_page),
    ("/tasks/{task_id}", task_page.task_page),
    ("/tasks/{task_id}/part", task_page.task_part),
    ("/tasks/{task_id}/cancel", task_actions.confirm_cancel),
    ("/tasks/{task_id}/rerun", task_actions.confirm_rerun),
    ("/tasks/{task_id}/correct", task_actions.confirm_correct),
    ("/tasks/{task_id}/replay", task_actions.confirm_replay),
    ("/submit", submit_page.submit_page),
    ("/days/", day_pages.day_list),
    ("/days/index.html", day_pages.day_list),
    ("/days/{year:int}/{month:int}/{day:int}/{name}", day_pages.day_file),
    ("/configuration", config_page.config_page),
    ("/dead-letters", dead_letter_pages.dead_letter_list),
    ("/dead-letters/{task_id}", dead_letter_pages.dead_letter_page),
)
_CHANGES: tuple[tuple[str, FormView], ...] = (
    ("/submit", submit_page.submit_task),
    ("/tasks/{task_id}/cancel", task_actions.do_cancel),
    ("/tasks/{task_id}/rerun", task_actions.do_rerun),
    ("/tasks/{task_id}/correct", task_actions.do_correct),
    ("/tasks/{task_id}/replay", task_actions.do_replay),
    ("/dead-letters/{task_id}", dead_letter_pages.replay_letter),
)
"""What changes something: refused while the pages only show."""
_LOOKS: tuple[tuple[str, FormView], ...] = (("/submit/estimate", submit_page.estimate_part),)
"""Forms that change nothing, as large as a prompt may be."""
READ_ONLY = "These pages only show: start `pointsman ui` with --allow-changes to change anything."
_STATIC = {
    "htmx.min.js": "text/javascript",
    "ui.js": "text/javascript",
    "ui.css": "text/css",
    "icon.svg": "image/svg+xml",
}
_LEADS_ON = (
    '<!DOCTYPE html><html lang="en"><title>Pointsman</title><link rel="icon" href="/static/icon.svg">'
    '<meta http-equiv="refresh" content="0; url=/"></html>'
)
_STATUS_OF_EXIT = {
    Exit.BAD_INPUT: HTTPStatus.UNPROCESSABLE_ENTITY,
    Exit.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Exit.NOT_ENDED: HTTPStatus.CONFLICT,
}


def ui_app(ui: UiContext, port: int) -> PageGuard:
    """Return the ASGI app of the pages."""
    routes = [Route(OPENING_PATH, lambda request: _open(ui, guard, request))]
    routes += [Route(path, _answer(ui, view)) for path, view in _PAGES]
    routes += [Route(path, _carry_out(ui, view, changes=True), methods=["POST"]) for path, view in _CHANGES]
    routes += [Route(path, _carry_out(ui, view, changes=False), methods=["POST"]) for path, view in _LOOKS]
    routes += [Route("/static/report.css", _report_style), Route("/static/{name}", _static)]
    shown = {HTTPException: lambda request, error: _error_page(ui, request, error.detail, error.status_code)}
    guard = PageGuard(Starlette(routes=routes, exception_handlers=shown), ui.session, port)
    return guard


def _open(ui: UiContext, guard: PageGuard, request: Request) -> Response:
    """Exchange the address's secret for the cookie, and go on to the first page.

    A page that leads on, not a redirect: a cookie of `SameSite=Strict` is left out of a redirect if the address was
    opened from another page.
    """
    cookie = ui.session.exchange(request.query_params.get("secret", ""))
    if cookie is None and not ui.session.is_open(request.cookies.get(guard.cookie_name, "")):
        return PlainTextResponse("This address has been used, or is another window's. Run `pointsman ui` again.\n", 403)
    response = HTMLResponse(_LEADS_ON)
    if cookie:
        response.set_cookie(guard.cookie_name, cookie, httponly=True, samesite="strict", path="/")
    return response


def _answer(ui: UiContext, view: PageView) -> Callable[[Request], Response]:
    """Return a page's endpoint: an error becomes a page too, with what can be done about it."""

    def endpoint(request: Request) -> Response:
        try:
            return view(ui, request)
        except Exception as error:  # noqa: BLE001  (users get one line, never a traceback)
            return _problem_page(ui, request, error)

    return endpoint


def _carry_out(ui: UiContext, view: FormView, *, changes: bool) -> Callable[[Request], Awaitable[Response]]:
    """Return a form's endpoint: it needs the token of its own address, and the permission to change anything."""

    def carry_out(request: Request, fields: FormFields) -> Response:
        try:
            return view(ui, request, fields)
        except Exception as error:  # noqa: BLE001  (users get one line, never a traceback)
            return _problem_page(ui, request, error)

    async def endpoint(request: Request) -> Response:
        fields = await read_form(request)
        if not ui.session.is_token(fields.get("token", ""), request.url.path):
            raise HTTPException(403, "This form is of another window: load the page again.")
        if changes and not ui.changes:
            raise HTTPException(403, READ_ONLY)
        return await run_in_threadpool(carry_out, request, fields)

    return endpoint


def _problem_page(ui: UiContext, request: Request, error: Exception) -> Response:
    problem = explain_error(error)
    unreachable = isinstance(error, BotoCoreError | UnreachableError | LocalStackError)
    if unreachable:
        ui.link.drop()
    status = HTTPStatus.CONFLICT if isinstance(error, CommandError) else HTTPStatus.INTERNAL_SERVER_ERROR
    if problem.code in Exit:
        status = _STATUS_OF_EXIT.get(Exit(problem.code), status)
    if unreachable:
        status = HTTPStatus.SERVICE_UNAVAILABLE
    return _error_page(ui, request, str(problem), status)


def _error_page(ui: UiContext, request: Request, words: str, status: int) -> Response:
    """Return a page about an error; for a part of a page, a part that goes on looking."""
    template = "problem_part.html" if "hx-request" in request.headers else "problem.html"
    return ui.page(request, template, status, words=words, code=int(status))


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _STATIC:
        raise HTTPException(404)
    return FileResponse(str(files(__package__) / "static" / name), media_type=_STATIC[name])


def _report_style(_: Request) -> Response:
    return FileResponse(str(files("pointsman") / "data/report.css"), media_type="text/css")
