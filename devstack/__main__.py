"""Builds the template for `sam deploy`: `python -m devstack [ARCHITECTURE]`."""

import os
import sys

from devstack.build import build_template
from devstack.signals import termination_as_exit
from devstack.toolchain import BUILDS, ROOT, LocalStackError


def main() -> None:
    """Build for the given architecture; the default is the template's, arm64."""
    architecture = sys.argv[1] if len(sys.argv) > 1 else "arm64"
    try:
        with termination_as_exit():
            template = build_template(architecture, BUILDS / "build", environ=os.environ)
    except LocalStackError as error:
        sys.exit(str(error))
    print(f"Built {template.relative_to(ROOT)}; next: sam deploy --parameter-overrides Architecture={architecture}")


if __name__ == "__main__":
    main()
