"""After a start of the local stack: tasks whose executions ended with the emulator go on."""

from devstack import StackInfo
from pointsman.entrypoints.restart import build_restart
from pointsman_cli import output
from pointsman_cli.stacks import connect_to_local


def start_lost_executions(info: StackInfo) -> int:
    """Start them again; say how many they are, and return it."""
    if started := connect_to_local(info).runtime.part(build_restart)():
        output.print_note(f"{started} task{'s were' if started > 1 else ' was'} under way and started again")
    return started
