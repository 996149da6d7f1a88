"""The kernel of the density: the one that promises most information."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.backends import map_threads
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
    # Events are sorted once for each factor, on which the reach depends.
    each = {k.factor: k for k in kernels}

    def of(kernel: PairKernel) -> Density:
        return Density.of(events, drift, precision, kernel, threads)

    def promise(density: Density) -> tuple[float, float]:
        """Return the most information, and the floor that promises it."""
        floors = np.array([k.floor for k in kernels if k.factor == density.kernel.factor])
        if len(kernels) == 1:
            return 0.0, float(floors[0])
        found = density.information(drift, windows, floors)
        return float(found.max()), float(floors[found.argmax()])

    densities = map_threads(of, list(each.values()), threads=threads)
    promises = [promise(density) for density in densities]
    most = max(promises)
    best = densities[promises.index(most)].with_floor(most[1])
    del densities  # of the others, nothing is kept
    return best.weighted(drift, windows)
