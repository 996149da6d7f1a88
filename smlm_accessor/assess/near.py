"""Drift of halves, near that of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.assess.case import Correction
from smlm_accessor.assess.turning import CorrectedBlinks
from smlm_accessor.kernels.density.pair_kernel import FINE, PairKernel
from smlm_accessor.kernels.time_series.trend import Rates
from smlm_accessor.methods.overlap.between_times import Connection, drift_of_windows
from smlm_accessor.methods.overlap.events import CorrectedEvents
from smlm_accessor.methods.overlap.iteration import DriftEstimate, NoEvidenceError, iterate
from smlm_accessor.methods.overlap.kernel_choice import best_density
from smlm_accessor.methods.traces import Observations
from smlm_accessor.timeline import Windows

# Turns, and standard deviations that the drift still moves. That of a half is 0.7 of its own away
# from that of the whole, and one Newton step from so near is as good as going on (A. W. van der
# Vaart, Asymptotic Statistics, Cambridge 1998, section 5.7); what has to move farther goes on.
_ROUNDS, _SETTLED = 4, 1.5


def corrections_near(
    correction: Correction,
    observed: Observations,
    corrected: CorrectedBlinks,
    precision: FloatArray,
    second: BoolArray,
    n_windows: int,
    kernels: tuple[PairKernel, ...] = FINE,
    *,
    alike: bool = False,
    rates: Sequence[Rates] | None = None,
) -> tuple[Correction, Correction] | None:
    """Return corrections by the drift of each half, which is near a given one; None if none shows.

    It is found as the last stage of `overlap` does, without looking anywhere else.

    Parameters
    ----------
    correction : callable
        By the given drift; it only shifts.
    observed : Observations
    corrected : CorrectedBlinks
        Their blinks after this correction.
    precision : ndarray, shape (d,)
    second : ndarray of bool, shape (n,)
        Whether each blink is in the second half.
    n_windows : int
        Into which the frames are cut, about.
    kernels : tuple of PairKernel
        That of the whole, if it is known.
    alike : bool, default False
        Whether windows of the whole know each other as well whatever the lag: then the trend
        through those of a half is its drift.
    rates : sequence of tuple, optional
        Those of the trend of the whole: that of a half is as restless, about.
    """
    frames = observed.frame(corrected.timeline.frames)
    origin = np.zeros((len(frames), len(precision)))
    drift = origin - correction(origin, frames)
    events = replace(corrected.events, start=drift)
    windows = corrected.timeline.regularly(n_windows)
    found: list[Correction] = []
    for half in (~second, second):
        try:
            near, known = drift_near(
                events.take(half), windows, precision, kernels, alike=alike, rates=rates
            )
        except NoEvidenceError:
            return None
        rates = known.rates
        found.append(partial(_corrected, correction, frames, near - drift))
    return found[0], found[1]


def drift_near(
    events: CorrectedEvents,
    windows: Windows,
    precision: FloatArray,
    kernels: tuple[PairKernel, ...] = FINE,
    *,
    alike: bool = False,
    rates: Sequence[Rates] | None = None,
) -> tuple[FloatArray, DriftEstimate]:
    """Return the drift of events in each frame, shape (m, d), near that which was taken off.

    The estimate that it is of is returned, too. The rates of the trend are looked for near some, if
    these are known.

    Raises
    ------
    NoEvidenceError
        If they do not lie where others are at other times.
    """
    if not len(events.frame):
        raise NoEvidenceError
    drift = events.start
    density = best_density(events, drift, windows, precision, None, kernels)
    estimate = iterate(drift, windows, density, rounds=_ROUNDS, tolerance=_SETTLED, near=rates)
    if alike:
        return estimate.drift, estimate
    one_part = Connection(np.zeros(len(drift), dtype=np.int64))
    nothing = np.zeros(len(drift), dtype=np.bool_)
    found = drift_of_windows(estimate, windows, density, one_part, nothing)
    return estimate.drift + (found.level - estimate.level)[windows.of_frame], estimate


def _corrected(
    correction: Correction, known: IntArray, left: FloatArray, at: FloatArray, frames: IntArray
) -> FloatArray:
    rest = np.stack([np.interp(frames, known, column) for column in left.T], axis=1)
    return np.asarray(correction(at, frames) - rest)
