"""`pointsman down`: end the local stack."""

from pointsman_cli import output
from pointsman_cli.errors import Exit
from pointsman_cli.options import AsJson

EXAMPLES = """\b
Examples:
  pointsman down"""


def down(as_json: AsJson = False) -> int:
    """End the local stack.

    Its tasks and books are gone then; its logs stay.
    """
    import devstack
    from pointsman_cli.stacks import STATE_DIR

    ended = devstack.stop_stack(STATE_DIR, report=output.print_note)
    if as_json:
        output.print_document({"ended": ended})
    elif not ended:
        output.print_note("No local stack was up")
    return Exit.OK
