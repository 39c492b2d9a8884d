"""After a start of the local stack: tasks whose executions ended with the emulator go on."""

from devstack import StackInfo
from pointsman.entrypoints.restart import build_restart
from pointsman_cli import output
from pointsman_cli.stacks import connect_to_local


def start_lost_executions(info: StackInfo) -> None:
    """Start them again, and say how many they are."""
    if started := connect_to_local(info).runtime.part(build_restart)():
        output.print_note(f"{started} task{'s were' if started > 1 else ' was'} under way and started again")
