"""`pointsman ui`: a window to look through, in the browser."""

import sys
import webbrowser
from functools import partial
from typing import Annotated

import typer

from pointsman_cli import output
from pointsman_cli.errors import BadInputError
from pointsman_cli.options import AsJson, Config, StackOptions

_LIVE_SECONDS, _LIVE_SECONDS_ON_AWS = 5, 15
"""Between two looks of a live page: each costs reads on AWS."""


def ui(
    stack: StackOptions,
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")
    ] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the browser.")] = False,
    allow_changes: Annotated[
        bool, typer.Option("--allow-changes", help="With --stack: send, cancel, rerun, correct and replay too.")
    ] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Show the stack in the browser, until Ctrl-C.

    Prints an address on this machine. It works once, in the first browser that opens it. With --stack the pages are
    read-only, unless --allow-changes is given. A live page on AWS costs about $0.01 an hour in reads.
    """
    connection = stack.connect(config)

    from pointsman_cli.ui.browser_session import BrowserSession
    from pointsman_cli.ui.ui_context import StackLink, UiContext
    from pointsman_cli.ui.ui_server import listening_socket, opening_address, serve_pages

    window = UiContext(
        StackLink(partial(stack.connect, config)),
        BrowserSession(),
        connection.name,
        stack.arguments(),
        changes=connection.is_local or allow_changes,
        seconds=_LIVE_SECONDS if connection.is_local else _LIVE_SECONDS_ON_AWS,
    )
    try:
        listener = listening_socket(port)
    except OSError as error:
        raise BadInputError(f"--port: {error.strerror}: {port}") from None
    address = opening_address(window, listener)
    if as_json:
        output.print_json_line({"url": address})
    else:
        output.print_pairs([("open", address)])
        sys.stdout.flush()  # a pipe's reader waits for it too
        output.print_note("The address works once. Stop with Ctrl-C.")
    if not no_open:
        webbrowser.open(address)
    serve_pages(window, listener)
