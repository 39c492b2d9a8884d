"""The local stack: the project's own template, deployed to an emulator of AWS on this machine.

`up` starts the emulator and what stands in for the model providers, builds, deploys, and returns where everything is;
`down` ends all of it; `local_stack` does both around a block. Everything listens on 127.0.0.1 only.

The emulator enforces the role of each function as the template states it: a permission that is missing on AWS is
missing here too.
"""

from devstack.errors import LocalStackError
from devstack.info import StackInfo, StandIns
from devstack.stack import down, find, local_stack, up

__all__ = ["LocalStackError", "StackInfo", "StandIns", "down", "find", "local_stack", "up"]
