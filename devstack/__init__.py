"""The local stack: the project's template, deployed to an AWS emulator on this machine.

`start_stack` starts the emulator and the fake model providers, builds, deploys and returns the addresses;
`stop_stack` stops all of it; `local_stack` does both around a block. A stack keeps its data if it is told to.
Everything listens on 127.0.0.1 only.

The emulator enforces each function's IAM role, so a permission that is missing on AWS is missing here too.
"""

from devstack.info import FakedProviders, StackInfo
from devstack.stack import find_stack, has_data, local_stack, start_stack, stop_stack, why_stopped
from devstack.toolchain import LocalStackError

__all__ = [
    "FakedProviders",
    "LocalStackError",
    "StackInfo",
    "find_stack",
    "has_data",
    "local_stack",
    "start_stack",
    "stop_stack",
    "why_stopped",
]
