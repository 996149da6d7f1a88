"""Ratios of CPU seconds to yardsticks of the same computer: what `benchmarks/gate.py` measures."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import gate


class Ratios:
    """One ratio each; the commits that are compared have the same yardsticks."""

    params = tuple(gate.MEASURES)
    param_names = ("measure",)
    timeout = 900

    def track_ratio(self, name: str) -> float:
        """Return how many times as long as its yardstick it takes."""
        return gate.ratio(gate.MEASURES[name], repeat=3)
