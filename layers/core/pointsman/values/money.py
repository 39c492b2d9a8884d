"""Money: whole nano-dollars where it is stored and added, `Decimal` dollars where it is read and shown, never float."""

from decimal import ROUND_HALF_EVEN, Decimal

NANO_PER_USD = 1_000_000_000


def nano(usd: Decimal) -> int:
    """Return dollars as whole nano-dollars, half to even."""
    return int((usd * NANO_PER_USD).to_integral_value(ROUND_HALF_EVEN))


def usd(nano_usd: int) -> Decimal:
    """Return nano-dollars as exact dollars."""
    return Decimal(nano_usd).scaleb(-9)


def shares(total: int, weights: list[int]) -> list[int]:
    """Split `total` in proportion to `weights` (all zero: evenly) so that the parts add up to it exactly."""
    if not any(weights):
        weights = [1] * len(weights)
    whole, parts, running = sum(weights), [], 0
    for weight in weights:
        before = total * running // whole
        running += weight
        parts.append(total * running // whole - before)
    return parts
