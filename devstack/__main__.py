"""Builds what `sam deploy` deploys: `python -m devstack arm64`."""

import os
import sys

from devstack.build import build
from devstack.errors import LocalStackError
from devstack.signals import termination_as_exit
from devstack.toolchain import BUILDS, ROOT


def main() -> None:
    """Build for the processor that is named; arm64, as the template has it, if none is."""
    architecture = sys.argv[1] if len(sys.argv) > 1 else "arm64"
    try:
        with termination_as_exit():
            template = build(architecture, BUILDS / "build", environ=os.environ)
    except LocalStackError as error:
        sys.exit(str(error))
    print(f"Built {template.relative_to(ROOT)}; next: sam deploy --parameter-overrides Architecture={architecture}")


if __name__ == "__main__":
    main()
