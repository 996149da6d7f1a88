"""What is no chance."""

from __future__ import annotations

from scipy.special import ndtri

#: Something is seen by chance in one of a thousand tables that do not show it: of all places, times
#: or parts of a table that are looked at, together.
FALSE_ALARM = 1e-3


def highest_by_chance(n: int) -> float:
    """Return what the highest of ``n`` standard normal numbers exceeds by a false alarm only."""
    return -float(ndtri(FALSE_ALARM / n))
