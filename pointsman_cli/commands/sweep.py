"""`pointsman sweep`: what the stack does every 15 minutes, now."""

from dataclasses import asdict

from pointsman_cli import output
from pointsman_cli.errors import Exit
from pointsman_cli.options import AsJson, Profile, Region, Stack

EXAMPLES = """\b
Examples:
  pointsman sweep
  pointsman sweep --stack pointsman --profile team"""


def sweep(as_json: AsJson = False, stack: Stack = None, profile: Profile = None, region: Region = None) -> int:
    """Close lost attempts and retry deliveries.

    The stack does the same every 15 minutes: attempts whose outcome was never written are booked at what they reserved.
    """
    from pointsman.entrypoints.sweep import build_sweep
    from pointsman_cli import stacks

    swept = asdict(stacks.connect(stack, profile, region).runtime.part(build_sweep)())
    if as_json:
        output.print_document(swept)
    else:
        output.print_pairs(
            [
                ("attempts closed", swept["closed"]),
                ("delivered", swept["delivered"]),
                ("still waiting", swept["undelivered"]),
                ("dead tasks finished", swept["finished"]),
                ("split tasks ended", swept["gathered"]),
                ("days archived", swept["archived"]),
            ]
        )
    return Exit.OK
