"""The page Configuration: what the stack runs, and how the file here differs from it."""

import json

from starlette.requests import Request
from starlette.responses import Response

from pointsman_cli.deployed_config import deployed_config, differences, setting_text
from pointsman_cli.ui.ui_context import PAGE_ROWS, UiContext


def config_page(ui: UiContext, request: Request) -> Response:
    """Return the page."""
    connection = ui.connection
    text = deployed_config(connection)
    found = differences(connection.config_text, text)
    return ui.page(
        request,
        "config.html",
        text=json.dumps(json.loads(text), indent=2, ensure_ascii=False),
        differences=[
            {"path": it.path or "(all)", "here": setting_text(it.here), "deployed": setting_text(it.deployed)}
            for it in found[:PAGE_ROWS]
        ],
        count=len(found),
        step=connection.deploy_step,
    )
