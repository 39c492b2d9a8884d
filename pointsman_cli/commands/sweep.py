"""`pointsman sweep`: run the periodic sweep now."""

from dataclasses import asdict

from pointsman_cli import output
from pointsman_cli.options import AsJson, StackOptions


def sweep(stack: StackOptions, as_json: AsJson = False) -> None:
    """Close lost attempts and retry failed deliveries.

    The stack does this every 15 minutes. An attempt is lost if its outcome was never recorded; closing it charges the
    amount that it had reserved.
    """
    from pointsman.entrypoints.sweep import build_sweep

    swept = asdict(stack.connect().runtime.part(build_sweep)())
    if as_json:
        output.print_document(swept)
    else:
        output.print_pairs(
            [
                ("attempts closed", swept["closed"]),
                ("delivered", swept["delivered"]),
                ("still undelivered", swept["undelivered"]),
                ("dead tasks ended", swept["finished"]),
                ("split tasks ended", swept["gathered"]),
                ("days archived", swept["archived"]),
            ]
        )
