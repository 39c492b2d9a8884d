"""`pointsman down`: stop the local stack."""

from pointsman_cli import output
from pointsman_cli.options import AsJson


def down(as_json: AsJson = False) -> None:
    """Stop the local stack.

    Deletes its tasks and its ledger. The logs stay.
    """
    import devstack
    from pointsman_cli.stacks import STATE_DIR

    stopped = devstack.stop_stack(STATE_DIR, report=output.print_note)
    if as_json:
        output.print_document({"ended": stopped})
    elif not stopped:
        output.print_note("No local stack was running")
