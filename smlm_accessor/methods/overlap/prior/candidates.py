"""What to start from: the drift that was followed, or what is known beforehand."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.coarse.simplest import score
from smlm_accessor.methods.coarse.tracker import CELL, Coarse, sample_of
from smlm_accessor.methods.overlap.jumps.placing import BETWEEN
from smlm_accessor.methods.overlap.prior.knots import Prior, short_windows, trends_of
from smlm_accessor.timeline import Timeline


def starts_of(
    localizations: ChunkedLocalizations,
    found: Coarse,
    prior: Prior,
    timeline: Timeline,
    precision: FloatArray,
    threads: int | None,
) -> list[FloatArray]:
    """Return the drifts to start from, the best first, shapes (n_frames, d).

    It is the one with the higher log-density of localizations in their image, in which each window
    that was followed has to gain more than the best of many positions by chance.
    """
    windows = short_windows(timeline)
    level, _ = trends_of(prior, windows)
    flat = np.zeros(len(windows))
    beforehand = np.stack([windows.lines(column, flat) for column in level.T], axis=1)
    if found.valid.sum() < 2:
        return [beforehand]
    followed = found.in_frames(timeline).drift
    sample = sample_of(localizations)
    at = np.searchsorted(timeline.frames, sample.frames)
    edges = np.array([sample.frames[0], sample.frames[-1] + 1])
    scale = np.zeros(3)
    scale[:2] = 1 / (CELL * precision[:2])

    def log_density(drift: FloatArray) -> float:
        moved = np.ascontiguousarray(sample.positions - drift[at])
        motion = WindowDrift.at_rest(sample.frames, edges)
        return score((moved, sample.frames), motion, scale, threads) * len(moved)

    gain = log_density(followed) - log_density(beforehand)
    better = gain > BETWEEN * found.valid.sum()
    return [followed, beforehand] if better else [beforehand, followed]
