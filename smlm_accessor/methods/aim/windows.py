"""The windows of time that `aim` fits, where the user gives no chunks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.methods.aim.edges import cut, filled, joined, tapered
from smlm_accessor.methods.aim.fit import WindowFit, started
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.aim.window_length import best_length
from smlm_accessor.methods.coarse.tracker import Coarse

_SHORT = 30  # localizations of a short window: fewer do not fit into the others
_MOST_SHORT = 40_000
_FEWEST_SHORT = 32  # of fewer, nothing tells how many should be joined
_FEW = 8  # localizations of a window beside a jump


def best_windows(fit: WindowFit, found: Coarse) -> tuple[IntArray, WindowDrift]:
    """Return the edges of the windows whose curve has the least error, and their drift.

    Short windows are fitted into all others once; what they show tells how many of them should be
    joined. Near jumps windows become shorter.
    """
    frames = fit.localizations.frames
    # Shorter windows would share their blinks with those beside them, and be alike by these.
    per_frame = len(frames) / (np.count_nonzero(np.diff(frames)) + 1)
    per_window = max(_SHORT, min(fit.blink * per_frame, len(frames) / _FEWEST_SHORT))
    edges = filled(frames, np.union1d(cut(frames, per_window, _MOST_SHORT), found.jumps))
    # With unbiased errors, which are several times as large where a window holds a few blinks,
    # windows became too short.
    begun = started(WindowDrift.at_rest(frames, edges), found)
    short, variance = fit.refit(begun, unbiased=False)
    known, axes = short.known, fit.axes
    many = best_length(
        short.middle[known],
        short.drift[known][:, axes] / fit.precision[axes],
        variance[known][:, axes] / fit.precision[axes] ** 2,
        short.counts[known],
        found.jumps,
    )
    few = -(-_FEW * (edges[-1] - edges[0]) // len(frames))
    edges = joined(edges, many, found.jumps)
    edges = filled(frames, tapered(edges, found.jumps, max(2, int(few))))
    return edges, merged(started(WindowDrift.at_rest(frames, edges), found), short)


def merged(motion: WindowDrift, short: WindowDrift) -> WindowDrift:
    """Return windows with the mean drift of the short ones in them, where there are any."""
    n = short.counts * short.known
    window = np.searchsorted(motion.bounds, short.bounds[:-1], side="right") - 1
    k = len(motion.middle)
    weight = np.bincount(window, n, k)
    total = [np.bincount(window, n * np.nan_to_num(x), k) for x in short.drift.T]
    mean: FloatArray = np.stack(total, axis=1) / np.maximum(weight, 1)[:, None]
    use = (weight > 0) & motion.known
    return replace(motion, drift=np.where(use[:, None], mean, motion.drift))
