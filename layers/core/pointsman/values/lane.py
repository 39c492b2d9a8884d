"""The lanes that a task can go: at once at the list price, or by its deadline at half of it."""

from enum import StrEnum


class Lane(StrEnum):
    """How urgent a task is to its sender."""

    STANDARD = "standard"
    ECONOMY = "economy"
    """Half price by the deadline: in a batch of the provider's."""
