"""Windows of time: a first search for their shifts by images, and the best length of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.time_series.window_length import (
    FEWEST,
    MOST,
    ROUNDS,
    SIMILAR,
    longer_by,
    smoothed,
)
from smlm_accessor.methods.image_series.window_shifts import WindowShifts
from smlm_accessor.methods.rcc.aligner import CLEAR, Aligner
from smlm_accessor.methods.rcc.jumps import retry_beside_neighbours
from smlm_accessor.methods.rcc.pairs import Aligned
from smlm_accessor.timeline import Windows

#: Windows of the search, and localizations of each at least.
WINDOWS = 48
PER_WINDOW = 100
# More chunks than this are not searched one by one.
_MANY = 96
# Localizations of a window, in the mean, at least.
_LEAST = 12

#: Finds the shifts of the chunks of localizations: `search_window_shifts` with its options.
Search = Callable[..., WindowShifts]


def search_windows(aligner: Aligner, search: Search) -> tuple[Windows, WindowShifts]:
    """Return windows and roughly their shifts; the windows are the chunks if there are few.

    The drift of windows that are not valid is interpolated.
    """
    timeline, n = aligner.all.timeline, len(aligner.localizations.positions)
    n_windows = int(np.clip(n / PER_WINDOW, FEWEST, WINDOWS))
    given = aligner.localizations.n_chunks > 1
    if given:
        chunks = timeline.cut(aligner.localizations.frame_edges())
        n_windows = min(n_windows, len(chunks))
        if len(chunks) <= _MANY:
            found = search_in(aligner, chunks, search)
            if not found.by_chance:
                return chunks, _interpolated(chunks, found)
    while True:
        windows = timeline.evenly(n_windows)
        found = search_in(aligner, windows, search)
        if not found.by_chance:
            break
        if n_windows < 2 * FEWEST:
            return windows, found._replace(valid=np.zeros(len(windows), dtype=bool))
        # Longer windows have more in common, if it is not chance.
        n_windows //= 2
    if not given:
        length = longer_by(found.drift, found.variance, found.valid)
        drift = smoothed(found.drift, found.valid, length, windows.segment)
        found = found._replace(drift=drift)
    return windows, _interpolated(windows, found)


def search_in(aligner: Aligner, windows: Windows, search: Search) -> WindowShifts:
    """Return the shifts of windows by their images."""
    searched = aligner.searched
    bounds = np.searchsorted(searched.frames, windows.edges)
    return search(replace(searched, bounds=bounds, edges=windows.edges))


def choose_length(
    aligner: Aligner, windows: Windows, aligned: Aligned, smoothing: FloatArray
) -> tuple[Windows, Aligned]:
    """Choose the length of windows at which the drift is most precise (see `longer_by`).

    They are long enough for most to be told from chance.
    """
    timeline, n = aligner.all.timeline, len(aligner.localizations.positions)
    refined = False
    for _ in range(ROUNDS):
        factor = longer_by(aligned.drift, aligned.variance, aligned.valid, aligner.share)
        # What was made too short by chance is made longer, but not back and forth.
        last = refined and factor > 1
        k = round(len(windows) / (np.sqrt(factor) if last else factor))
        # The sharpness of windows goes with the root of the localizations in them.
        if aligned.valid.any():
            usual = np.median(aligned.sharpness[aligned.valid]) / np.sqrt(aligner.share)
            k = min(k, len(windows) * (usual / CLEAR) ** 2)
        k = int(np.clip(k, FEWEST, min(MOST, n / _LEAST)))
        if SIMILAR[0] < k / len(windows) < SIMILAR[1]:
            break
        refined = refined or k > len(windows)
        others = timeline.evenly(k)
        drift = resampled(windows, aligned, others)
        windows = others
        aligned = aligner.align_sample(windows, drift, smoothing)
        aligned = retry_beside_neighbours(aligner, windows, aligned, smoothing)
        if last:
            break
    return windows, aligned


def resampled(windows: Windows, found: Aligned | WindowShifts, onto: Windows) -> FloatArray:
    """Return the mean drift of other windows, from the curve through those that are valid."""
    return onto.mean(windows.curve(found.drift, found.valid))


def _interpolated(windows: Windows, found: WindowShifts) -> WindowShifts:
    drift = resampled(windows, found, windows)
    return found._replace(drift=np.where(found.valid[:, None], found.drift, drift))
