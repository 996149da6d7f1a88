"""The kernel of the density: the one that promises most information."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.density.pair_kernel import FINE, PairKernel
from smlm_accessor.methods.overlap.density import SAMPLE, Density
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

    The information is ``sum(curvature)**2 / sum(squared)``, of which the geometric mean over the
    components counts, from a sample of the events. It is not asked of a single kernel.
    """
    # Events are sorted once for each factor, on which the reach depends.
    each = {k.factor: k for k in kernels}

    def of(kernel: PairKernel) -> Density:
        return Density.of(events, drift, precision, kernel, threads)

    by_factor = dict(zip(each, map_threads(of, list(each.values()), threads=threads), strict=True))
    candidates = [by_factor[k.factor].with_floor(k.floor) for k in kernels]

    def information(density: Density) -> float:
        sums = density.sums(drift, windows, every=density.one_in(SAMPLE))
        factors = np.stack([sums.curvature.sum(axis=0), sums.per_curvature])
        return float(np.log(np.maximum(factors, 1e-300)).sum(axis=0).mean())

    best = max(candidates, key=information) if len(candidates) > 1 else candidates[0]
    del by_factor, candidates  # of the others, nothing is kept
    return best.weighted(drift, windows)
