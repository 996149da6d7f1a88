"""Windows of time: a search for the shifts of chunks by images, and the best length of others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels import by_column
from smlm_accessor.kernels.time_series.window_length import (
    FEWEST,
    MOST,
    ROUNDS,
    SIMILAR,
    longer_by,
)
from smlm_accessor.methods.image_series.window_shifts import WindowShifts
from smlm_accessor.methods.rcc.aligner import CLEAR, Aligner
from smlm_accessor.methods.rcc.pairs import Aligned
from smlm_accessor.methods.rcc.smoothing import choose_smoothing
from smlm_accessor.timeline import Windows

#: Windows of the search, and localizations of each at least.
WINDOWS = 48
PER_WINDOW = 100
# More chunks than this are not searched one by one.
_MANY = 96
# Localizations of a window, in the mean, at least.
_LEAST = 12

# Windows as short as the trend averages stay, unless others should be so many times as long, or
# short: the trend is made of all events, and what others should be of a sample. Without this,
# errors were 3 % larger in 18 tables of the benchmark.
_CLEARLY = 2.0

#: Finds the shifts of the chunks of localizations: `search_window_shifts` with its options.
Search = Callable[..., WindowShifts]


def search_windows(aligner: Aligner, search: Search) -> tuple[Windows, WindowShifts]:
    """Return windows and roughly their shifts; the windows are the chunks if there are few.

    The drift of windows that are not valid is interpolated.
    """
    timeline = aligner.all.timeline
    chunks = timeline.cut(aligner.localizations.frame_edges())
    if len(chunks) <= _MANY:
        found = search_in(aligner, chunks, search)
        if not found.by_chance:
            return chunks, _interpolated(chunks, found)
    n_windows = min(_begun_with(aligner), len(chunks))
    while True:
        windows = timeline.evenly(n_windows)
        found = search_in(aligner, windows, search)
        if not found.by_chance:
            return windows, _interpolated(windows, found)
        if n_windows < 2 * FEWEST:
            return windows, found._replace(valid=np.zeros(len(windows), dtype=bool))
        # Longer windows have more in common, if it is not chance.
        n_windows //= 2


def search_in(aligner: Aligner, windows: Windows, search: Search) -> WindowShifts:
    """Return the shifts of windows by their images."""
    searched = aligner.searched
    bounds = np.searchsorted(searched.frames, windows.edges)
    return search(replace(searched, bounds=bounds, edges=windows.edges))


def best_windows(
    aligner: Aligner, start: FloatArray, smoothing: FloatArray, averaged: float
) -> tuple[Windows, FloatArray]:
    """Return the windows and the smoothing at which the drift is most precise (see `longer_by`).

    Windows as short as the frames over which a trend is ``averaged`` are looked at first. They are
    long enough for most to be told from chance. Whatever their length, they begin with the mean of
    ``start``, the drift in each frame; those do not count in which it is NaN somewhere.
    """
    timeline = aligner.all.timeline
    most = min(MOST, len(aligner.localizations.positions) / _LEAST)
    windows = timeline.evenly(_begun_with(aligner))
    drift = windows.mean(start)
    known = by_column.all_finite(drift)
    smoothing, aligned = choose_smoothing(aligner, windows, drift, known, smoothing, near=True)

    def longer() -> float:
        drift = _without_jumps(aligned, windows)
        return longer_by(drift, aligned.variance, aligned.valid, aligner.share)

    factor = averaged * len(windows) / float(timeline.stop - timeline.frames[0])
    # Of a straight line, a trend averages over more than a curve through windows can do with.
    guessed, refined, last = factor < 1, False, False
    factor = factor if guessed else longer()
    first = windows, aligned
    for _ in range(ROUNDS):
        k = round(len(windows) / (np.sqrt(factor) if last else factor))
        # The sharpness of windows goes with the root of the localizations in them.
        if aligned.valid.any():
            usual = np.median(aligned.sharpness[aligned.valid]) / np.sqrt(aligner.share)
            k = min(k, len(windows) * (usual / CLEAR) ** 2)
        k = int(np.clip(k, FEWEST, most))
        similar = SIMILAR[0] < k / len(windows) < SIMILAR[1]
        if similar and not guessed:
            break
        if not similar:
            refined = refined or k > len(windows)
            windows = timeline.evenly(k)
            aligned = aligner.align_sample(windows, windows.mean(start), smoothing)
        if last:
            break
        factor = longer()
        if guessed and 1 / _CLEARLY < factor < _CLEARLY:
            break
        if guessed and factor > 1:  # the trend follows chance
            (windows, aligned), refined = first, False
            factor = longer()
        guessed = False
        # What was made too short by chance is made longer, but not back and forth.
        last = refined and factor > 1
    return windows, smoothing


def _without_jumps(aligned: Aligned, windows: Windows) -> FloatArray:
    """Return the drift less its steps at jumps, which are no motion within windows."""
    drift, valid = aligned.drift.copy(), np.flatnonzero(aligned.valid)
    steps = np.diff(drift[valid], axis=0)
    steps[np.diff(windows.segment[valid]) == 0] = 0.0
    drift[valid[1:]] -= np.cumsum(steps, axis=0)
    return drift


def _begun_with(aligner: Aligner) -> int:
    return int(np.clip(len(aligner.localizations.positions) / PER_WINDOW, FEWEST, WINDOWS))


def resampled(windows: Windows, found: Aligned | WindowShifts, onto: Windows) -> FloatArray:
    """Return the mean drift of other windows, from the curve through those that are valid."""
    return onto.mean(windows.curve(found.drift, found.valid))


def _interpolated(windows: Windows, found: WindowShifts) -> WindowShifts:
    drift = resampled(windows, found, windows)
    return found._replace(drift=np.where(found.valid[:, None], found.drift, drift))
