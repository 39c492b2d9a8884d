"""The local stack: the project's own template, deployed to an emulator of AWS on this machine.

`up` starts the emulator and what stands in for the model providers, builds, deploys, and returns where everything is;
`down` ends all of it; `local_stack` does both around a block. Everything listens on 127.0.0.1 only.

The emulator enforces the role of each function as the template states it: a permission that is missing on AWS is
missing here too.
"""

from pointsman_cli.local.errors import LocalStackError
from pointsman_cli.local.info import StackInfo, StandIns
from pointsman_cli.local.stack import down, find, local_stack, up

__all__ = ["LocalStackError", "StackInfo", "StandIns", "down", "find", "local_stack", "up"]
