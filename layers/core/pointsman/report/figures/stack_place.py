"""Which stack a report is of."""

from typing import NamedTuple


class StackPlace(NamedTuple):
    """A stack's name, account and region; empty where that is not known."""

    name: str = ""
    account: str = ""
    region: str = ""


UNKNOWN_STACK = StackPlace()
