"""`pointsman down`: stop the local stack."""

from typing import Annotated

import typer

from pointsman_cli import output
from pointsman_cli.errors import CommandError
from pointsman_cli.options import AsJson, LocalName


def down(
    as_json: AsJson = False,
    name: LocalName = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the stack's tasks, ledger and objects too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without a question.")] = False,
) -> None:
    """Stop the local stack.

    Its tasks, its ledger, its queues and its objects stay for the next `pointsman up`, unless it is ephemeral.
    """
    import devstack
    from pointsman_cli.local_providers import has_terminal
    from pointsman_cli.stacks import local_state_dir

    state_dir = local_state_dir(name)
    if delete and not yes and devstack.has_data(state_dir):
        if as_json or not has_terminal():
            raise CommandError(f"the data in {state_dir} would be gone for good: confirm it with --yes")
        if not typer.confirm(f"Delete tasks, ledger and objects in {state_dir} for good?", default=False, err=True):
            raise CommandError("not stopped, and nothing is deleted")
    deleted = delete and devstack.has_data(state_dir)
    stopped = devstack.stop_stack(state_dir, delete=delete, report=output.print_note)
    if as_json:
        output.print_document({"ended": stopped, "deleted": deleted})
        return
    if not stopped:
        output.print_note("No local stack was running")
    if deleted:
        output.print_note("Its data is deleted")
