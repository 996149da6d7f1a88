"""Drift of halves, near that of the whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.density.pair_kernel import FINE, PairKernel
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap.between_times import Connection, drift_of_windows
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.iteration import DriftEstimate, NoEvidenceError, iterate
from smlm_accessor.methods.overlap.kernel_choice import best_density
from smlm_accessor.methods.traces import Observations

#: Positions and frames in, corrected positions out.
Correction = Callable[[FloatArray, IntArray], FloatArray]
# Turns, and standard deviations that the drift still moves: that of a half is one or two away.
_ROUNDS, _SETTLED = 4, 0.3


def corrections_near(
    correction: Correction,
    observed: Observations,
    precision: FloatArray,
    halves: tuple[BoolArray, BoolArray],
    jumps: IntArray,
    n_windows: int,
    kernels: tuple[PairKernel, ...] = FINE,
    *,
    alike: bool = False,
) -> tuple[Correction, Correction] | None:
    """Return corrections by the drift of each half, which is near a given one; None if none shows.

    It is found as the last stage of `overlap` does, without looking anywhere else.

    Parameters
    ----------
    correction : callable
        By the given drift; it only shifts.
    observed : Observations
    precision : ndarray, shape (d,)
    halves : tuple of two ndarray of bool, shape (n,)
    jumps : ndarray of int
        First frame of each segment but the first.
    n_windows : int
        Into which the frames are cut, about.
    kernels : tuple of PairKernel
        That of the whole, if it is known.
    alike : bool, default False
        Whether windows of the whole know each other as well whatever the lag: then the trend
        through those of a half is its drift.
    """
    whole = replace(observed.localizations, jumps=observed.number(jumps))
    found: list[Correction] = []
    known = None
    for half in halves:
        some = whole.take(half)
        numbers = np.unique(some.frames)
        frames = observed.frame(numbers)
        origin = np.zeros((len(frames), len(precision)))
        drift = origin - correction(origin, frames)
        try:
            # The second half is as restless as the first one, about.
            near, known = drift_near(
                some, drift, precision, n_windows, kernels, alike=alike, known=known
            )
        except NoEvidenceError:
            return None
        found.append(partial(_corrected, correction, frames, near - drift))
    return found[0], found[1]


def drift_near(
    localizations: ChunkedLocalizations,
    drift: FloatArray,
    precision: FloatArray,
    n_windows: int,
    kernels: tuple[PairKernel, ...] = FINE,
    *,
    alike: bool = False,
    known: DriftEstimate | None = None,
) -> tuple[FloatArray, DriftEstimate]:
    """Return the drift in each frame that has localizations, near a given one: shapes (m, d).

    The estimate that it is of is returned, too. The rates of the trend are looked for near those of
    one that is ``known``.

    Raises
    ------
    NoEvidenceError
        If they do not lie where others are at other times.
    """
    if not len(drift):
        raise NoEvidenceError
    rows = WeightedLocalizations.of(localizations, precision)
    timeline = rows.timeline
    windows = timeline.regularly(n_windows)
    events = rows.events(drift, precision, timeline.segment)
    density = best_density(events, drift, windows, precision, None, kernels)
    estimate = iterate(drift, windows, density, rounds=_ROUNDS, tolerance=_SETTLED, near=known)
    if alike:
        return estimate.drift, estimate
    one_part = Connection(np.zeros(len(drift), dtype=np.int64))
    found = drift_of_windows(estimate, windows, density, one_part)
    return estimate.drift + (found.level - estimate.level)[windows.of_frame], estimate


def _corrected(
    correction: Correction, known: IntArray, left: FloatArray, at: FloatArray, frames: IntArray
) -> FloatArray:
    rest = np.stack([np.interp(frames, known, column) for column in left.T], axis=1)
    return np.asarray(correction(at, frames) - rest)
