"""Jumps to where only one emitter is seen, taken back."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.jumps.placing import BETWEEN, LogLikelihoods
from smlm_accessor.timeline import Timeline

# Part of all localizations of a short segment, at most: the others tell where structures are.
_SHORT = 0.25


def without_excursions(
    timeline: Timeline, drift: FloatArray, density: Density, rows: WeightedLocalizations
) -> tuple[Timeline, FloatArray]:
    """Return the timeline and the drift without short segments that need not have moved.

    A short segment between two jumps, or beyond the last one, lies where the drift before and after
    it would put it, unless its localizations gain more log-likelihood than the best of many
    positions would by chance. Between two jumps this is the line from one to the other; or, if that
    gains as much as a jump costs, by the criterion of Akaike, one of both jumps stays. What those
    at one place gain does not count, see `LogLikelihoods`.

    Parameters
    ----------
    timeline : Timeline
        With the jumps that were found.
    drift : ndarray, shape (n_frames, d)
    density : Density
    rows : WeightedLocalizations
        Its timeline has the jumps that are told.
    """
    drift, told = drift.copy(), rows.timeline.jumps
    ends = np.searchsorted(timeline.frames, timeline.jumps)
    bounds = [0, *ends.tolist(), len(timeline.frames)]
    gone = np.zeros(len(bounds), dtype=np.bool_)
    for i in np.argsort(np.diff(bounds), kind="stable").tolist():
        here = [k for k in (i, i + 1) if 0 < k < len(bounds) - 1 and not gone[k]]
        if not here or np.isin(timeline.jumps[[k - 1 for k in here]], told).any():
            continue
        start, stop = bounds[i], bounds[i + 1]
        if timeline.counts[start:stop].sum() > _SHORT * timeline.counts.sum():
            continue
        # Without both jumps, or with the later or the earlier one.
        instead = [(here, _bridged(drift, start, stop))]
        if len(here) == 2:
            for jump, outside in zip(here, (start - 1, stop), strict=True):
                instead.append(([jump], np.repeat(drift[outside][None], stop - start, axis=0)))
        states = [drift[start:stop], *(course for _, course in instead)]
        gain = LogLikelihoods.of(states, start, density, rows)
        found, *others = gain.elsewhere(density).terms.sum(axis=1).tolist()
        # A jump that stays costs its frame, and a level along each axis.
        costs = [(len(here) - len(jumps)) * (1 + drift.shape[1]) for jumps, _ in instead]
        best = int(np.argmax(np.subtract(others, costs)))
        if found - others[best] <= BETWEEN:
            jumps, drift[start:stop] = instead[best]
            gone[jumps] = True
    return timeline.with_jumps(timeline.jumps[~gone[1:-1]]), drift


def _bridged(drift: FloatArray, start: int, stop: int) -> FloatArray:
    """Return the line from the frame before to the frame after; what is at an end is held."""
    before, after = max(start - 1, 0), min(stop, len(drift) - 1)
    if start == 0:
        return np.repeat(drift[after][None], stop - start, axis=0)
    if stop == len(drift):
        return np.repeat(drift[before][None], stop - start, axis=0)
    part = (np.arange(start, stop) - before)[:, None] / (after - before)
    return np.asarray(drift[before] + part * (drift[after] - drift[before]))
