"""What blinks that go on from one frame to the next tell of the frame of a jump."""

from __future__ import annotations

from math import gamma, pi

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations

_REACH = 5.0  # precisions, more than three standard deviations of a difference
_MOST = 4  # localizations of the frame before that a localization may go on with
_NEAR = 4.0  # precisions, within which it is counted how many blinks begin
_LAYER = 4 * _REACH  # between frames: those of others are out of reach
_ALL = 0.99  # at most, of localizations that go on


def odds_by_blinks(
    step: FloatArray, start: int, density: Density, rows: WeightedLocalizations
) -> FloatArray:
    """Return the log-odds that the sample jumps before a frame, by blinks, shape (n_frames + 1,).

    A localization goes on with one of the frame before, at a distance that has a normal
    distribution with the variance of both, and if the sample jumps, less the step; or it begins a
    blink, as likely as there are others nearby. Frames that do not follow each other tell nothing;
    before the first frame of all, it is as unlikely as anywhere.

    Parameters
    ----------
    step : ndarray, shape (n_frames, d)
        How far the sample jumps, if it does so in these frames.
    start : int
        Index of the first of them.
    density : Density
        Of blinks.
    rows : WeightedLocalizations
    """
    frames, n = rows.timeline.frames, len(step)
    odds = np.full(n + 1, np.nan)
    inside = slice(max(1 - start, 0), min(n + 1, len(frames) - start))
    odds[inside] = 0.0
    goes_on = 1 - len(density.events.frame) / max(len(rows.frame), 1)
    low, high = max(start - 1, 0), min(start + n + 1, len(frames))
    some = slice(*np.searchsorted(rows.frame, [low, high]).tolist())
    if some.stop > some.start and goes_on > 0:
        from scipy.spatial import cKDTree

        there, frame = rows.positions[some] / density.precision, rows.frame[some].astype(np.int64)
        d = there.shape[1]
        ball = pi ** (d / 2) / gamma(d / 2 + 1) * _NEAR**d
        around = cKDTree(there).query_ball_point(there, _NEAR, return_length=True)
        begin = (1 - min(goes_on, _ALL)) * around / (ball * (high - low))
        tree = cKDTree(np.column_stack([there, _LAYER * frame]))
        jumped = there - step[np.clip(frame - start, 0, n - 1)] / density.precision
        terms = []
        for moved in (jumped, there):
            before = np.column_stack([moved, _LAYER * (frame - 1)])
            distance, _ = tree.query(before, _MOST, distance_upper_bound=_REACH)
            normal = np.exp(-(distance**2) / 4).sum(axis=1) / (4 * pi) ** (d / 2)
            terms.append(np.log(begin + goes_on * normal))
        follows = np.diff(frames, prepend=frames[0] - 1)[frame] == rows.timeline.unit
        each = np.where(follows, terms[0] - terms[1], 0.0)
        k = frame - start
        kept = (k >= inside.start) & (k < inside.stop)
        odds[: n + 1] += np.bincount(k[kept], each[kept], n + 1)
    usual = np.median(odds[inside]) if inside.stop > inside.start else 0.0
    return np.asarray(np.where(np.isnan(odds), usual, odds))
