"""Loops over near pairs of events, for a course of waves at which they overlap best.

Both are serial and release the GIL. ``pairs``, shape (2, p), holds the numbers of two events each.
"""

from __future__ import annotations

import math

from smlm_accessor.kernels.compilation import kernel


@kernel
def overlaps(still, pairs, width, overlap, of_event):  # type: ignore[no-untyped-def]
    """Write ``exp(-r**2 / (2 width**2))`` of each pair, and the sum of it for each event."""
    of_event[:] = 0.0
    for p in range(pairs.shape[1]):
        i, j, square = pairs[0, p], pairs[1, p], 0.0
        for c in range(still.shape[1]):
            square += (still[i, c] - still[j, c]) ** 2
        overlap[p] = math.exp(square / (-2 * width**2))
        of_event[i] += overlap[p]
        of_event[j] += overlap[p]


@kernel
def differences(waves, pairs, overlap, share, total):  # type: ignore[no-untyped-def]
    """Write ``sum_j w_ij (waves_i - waves_j)``, with ``w_ij = overlap_ij (share_i + share_j)``."""
    total[:] = 0.0
    for p in range(pairs.shape[1]):
        i, j = pairs[0, p], pairs[1, p]
        weight = overlap[p] * (share[i] + share[j])
        for m in range(waves.shape[1]):
            more = weight * (waves[i, m] - waves[j, m])
            total[i, m] += more
            total[j, m] -= more
