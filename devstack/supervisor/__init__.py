"""Does what AWS does by itself and the emulator does not: runs the schedules, and evaluates the alarms.

One small process, which `pointsman up` starts beside the emulator. It reads both from what is deployed, and keeps what
it knows in the state directory, so that it goes on after any end of itself, of the stack or of the machine. A run that
was missed meanwhile is made up for once.
"""

from devstack.supervisor.control import (
    SUPERVISOR_LOG,
    SupervisorSettings,
    end_supervisor,
    run_in_foreground,
    start_supervisor,
    supervisor_is_running,
)

__all__ = [
    "SUPERVISOR_LOG",
    "SupervisorSettings",
    "end_supervisor",
    "run_in_foreground",
    "start_supervisor",
    "supervisor_is_running",
]
