"""The kernel of the density: the one that promises most information."""

from __future__ import annotations

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

    def made(kernel: PairKernel) -> Density:
        return Density.of(events, drift, precision, kernel, threads)

    if len(kernels) == 1:
        return made(*kernels).weighted(drift, windows)
    promised: dict[PairKernel, float] = {}
    # Events are sorted once for all floors, and for one kernel after the other, to save memory.
    for of_pairs in dict.fromkeys(k.of_pairs for k in kernels):
        alike = [k for k in kernels if k.of_pairs == of_pairs]
        found = made(alike[0]).information(drift, windows, *(k.floor for k in alike))
        promised.update(zip(alike, found.tolist(), strict=True))
    return made(max(kernels, key=promised.__getitem__)).weighted(drift, windows)
