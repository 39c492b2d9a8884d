"""Builds what `sam deploy` deploys: `python -m pointsman_cli.local arm64`."""

import os
import sys

from pointsman_cli.local.build import build
from pointsman_cli.local.errors import LocalStackError
from pointsman_cli.local.signals import termination_as_exit
from pointsman_cli.local.toolchain import BUILDS, ROOT


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
