"""The entry point of `pointsman`. It imports the commands itself, so that Ctrl-C never shows a traceback."""

import signal
import sys
from collections.abc import Sequence

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code, also if Ctrl-C comes while its modules are imported."""
    try:
        from pointsman_cli.app import run

        return run(arguments)
    except KeyboardInterrupt:
        print("pointsman: interrupted", file=sys.stderr)
        return _INTERRUPTED


def run_command() -> None:
    """Run the command of this process's arguments; from its end on, Ctrl-C ends the process at once."""
    code = main()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)


if __name__ == "__main__":
    run_command()
