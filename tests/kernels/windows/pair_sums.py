"""Sums over pairs of windows, of true pairs and of pairs by chance."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray

GROUPS, K = 16, 60
LAG = np.abs(np.subtract.outer(np.arange(K), np.arange(K)))


def sums(true: FloatArray, chance: FloatArray, seed: int = 0) -> tuple[FloatArray, FloatArray]:
    """Curvature and responsibility, of so many true pairs and pairs by chance in each group.

    A true pair has the curvature 0.6, one by chance 0 with a standard deviation of 0.5.
    """
    rng = np.random.default_rng(seed)
    shape = (GROUPS, *true.shape)
    n, m = (rng.poisson(np.broadcast_to(rate, shape)) for rate in (true, chance))
    c = 0.6 * n + 0.5 * np.sqrt(m) * rng.normal(size=shape)
    return (c + c.transpose(0, 2, 1)) / 2, (n + m + (n + m).transpose(0, 2, 1)) / 2.0
