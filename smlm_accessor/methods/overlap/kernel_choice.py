"""The kernel of the density: the one that promises most information."""

from __future__ import annotations

from operator import itemgetter

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.pair_kernel import FINE, PairKernel
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import CorrectedEvents
from smlm_accessor.timeline import Windows


def best_density(
    events: CorrectedEvents,
    drift: FloatArray,
    windows: Windows,
    precision: FloatArray,
    threads: int | None,
    kernels: tuple[PairKernel, ...] = FINE,
) -> Density:
    """Return the density whose kernel promises most information, its events weighted.

    It is not asked of a single kernel.
    """
    # Events are sorted once for all floors.
    each = {(k.factor, k.spread): k for k in kernels}

    def promise(density: Density) -> tuple[float, float, Density]:
        """Return the most information, the floor that promises it, and the density."""
        of_density = density.kernel.factor, density.kernel.spread
        floors = np.array([k.floor for k in kernels if (k.factor, k.spread) == of_density])
        if len(kernels) == 1:
            return 0.0, float(floors[0]), density
        found = density.information(drift, windows, floors)
        return float(found.max()), float(floors[found.argmax()]), density

    densities = (Density.of(events, drift, precision, k, threads) for k in each.values())
    # One after the other, and of the others nothing is kept: events in cells take memory.
    _, floor, best = max((promise(density) for density in densities), key=itemgetter(0, 1))
    return best.with_floor(floor).weighted(drift, windows)
