"""Chunks that the user has chosen, and the motion within them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.time_series.window_length import FEWEST, longer_by
from smlm_accessor.methods.image_series.window_shifts import WindowShifts
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.methods.rcc.pairs import Aligned
from smlm_accessor.methods.rcc.smoothing import choose_smoothing
from smlm_accessor.methods.rcc.windows import (
    PER_WINDOW,
    WINDOWS,
    Search,
    resampled,
    search_in,
)
from smlm_accessor.timeline import Windows

# Chunks that should be shorter by this factor are looked at in so many windows, at least.
_SHORTER = 0.7
_WINDOWS_OF_CHUNK = 4
# Windows whose localizations overlap with less than this part of the usual may be elsewhere.
_LOW = 0.6
# Smoothing lengths between starts that lead to the same maximum.
_SAME = 0.5
# Of these windows, so many have to be valid in a search by themselves.
_CLEAR = 0.8
# The same localizations once more, where nothing is left to be found out.
_EXACT = 1e-6
# The median of their squared moves, in variances, has to be larger; that of chance is 0.45.
_MOVED = 1.5


class Start(NamedTuple):
    """Where chunks are, ``drift`` (k, d), before the last alignment of all localizations.

    ``aligner`` holds the localizations, less the motion within chunks if these are ``still``.
    """

    aligner: Aligner
    chunks: Windows
    drift: FloatArray
    valid: BoolArray
    smoothing: FloatArray
    still: BoolArray


def start_of_chunks(
    aligner: Aligner,
    windows: Windows,
    shifts: WindowShifts,
    aligned: Aligned,
    smoothing: FloatArray,
    search: Search,
) -> Start:
    """Go over from windows to the chunks that are given, and take the motion out of these.

    ``shifts`` are those that the search found in the windows, ``aligned`` the same windows at the
    chosen smoothing.
    """
    edges = aligner.localizations.frame_edges()
    chunks, drift, valid = windows, shifts.drift, shifts.valid
    if not np.array_equal(windows.edges, edges):
        chunks = aligner.all.timeline.cut(edges)
        valid = chunks.counts > 0
        drift = resampled(windows, aligned, chunks)
        aligned = aligner.align_sample(chunks, drift, smoothing)
    drift = np.where(aligned.valid[:, None], aligned.drift, drift)
    start = Start(aligner, chunks, drift, valid, smoothing, np.zeros(len(chunks), dtype=bool))
    aligned = aligned._replace(drift=drift, valid=valid)
    if _move_within(aligned, aligner, float(shifts.smoothing[0])):
        return _without_motion(start, search)
    return start


def _move_within(aligned: Aligned, aligner: Aligner, smoothing: float) -> bool:
    """Tell whether chunks are so long that the curve through them does not say how they move."""
    std = np.sqrt(np.nanmedian(aligned.variance[aligned.valid]))
    if not std > _EXACT * smoothing:
        return False
    drift, variance, valid = aligned.drift, aligned.variance, aligned.valid
    return int(valid.sum()) < FEWEST or longer_by(drift, variance, valid, aligner.share) < _SHORTER


def _without_motion(start: Start, search: Search) -> Start:
    """Take the motion within chunks out of the positions, as seen in windows of them."""
    aligner, chunks, smoothing = start.aligner, start.chunks, start.smoothing
    localizations = aligner.localizations
    k, n = len(chunks), len(localizations.positions)
    n_windows = max(_WINDOWS_OF_CHUNK, min(WINDOWS, n // PER_WINDOW) // k)
    edges = [np.linspace(a, b, n_windows, endpoint=False) for a, b in pairwise(chunks.edges)]
    edges.append(chunks.edges[-1:].astype(np.float64))
    windows = aligner.all.timeline.cut(np.unique(np.round(np.concatenate(edges)).astype(np.int64)))
    of_chunk = np.searchsorted(chunks.edges, windows.edges[:-1], side="right") - 1
    valid = start.valid[of_chunk]
    drift = windows.mean(chunks.curve(start.drift, start.valid))
    if n_windows > _WINDOWS_OF_CHUNK:
        # Not in finer images, which take most of the time, and found nothing more in random worlds.
        found = search_in(aligner, windows, partial(search, finer=False))
        found = found._replace(valid=found.valid & valid)
        if found.valid.sum() >= _CLEAR * valid.sum():
            between = resampled(windows, found, windows)
            drift = np.where(found.valid[:, None], found.drift, between)
            smoothing = found.smoothing
    smoothing, seen = choose_smoothing(aligner, windows, drift, valid, smoothing)
    seen = retry_beside_neighbours(aligner, windows, seen, smoothing)
    curve = windows.curve(seen.drift, seen.valid)
    drift = chunks.mean(curve)
    moved = (seen.drift - drift[of_chunk])[seen.valid] ** 2 / seen.variance[seen.valid]
    if not np.median(moved) > _MOVED:
        return start
    within = (curve - drift[chunks.of_frame])[aligner.all.frame_of]
    localizations = replace(localizations, positions=localizations.positions - within)
    aligner = replace(aligner, localizations=localizations)
    return Start(aligner, chunks, drift, start.valid, smoothing, ~start.still)


def retry_beside_neighbours(
    aligner: Aligner, windows: Windows, aligned: Aligned, smoothing: FloatArray
) -> Aligned:
    """Align windows of low overlap again, from the drift of the good ones before and after them."""
    usual = np.median(aligned.overlap[aligned.valid]) if aligned.valid.any() else 0.0
    good = aligned.valid & (aligned.overlap >= _LOW * usual)
    seen = aligner.sample.timeline.cut(windows.edges).counts > 0
    lost, known = np.flatnonzero(~good & seen), np.flatnonzero(good)
    if not len(lost) or len(known) < 2:
        return aligned
    after = np.searchsorted(known, lost)
    beside = np.stack([known[np.clip(at, 0, len(known) - 1)] for at in (after - 1, after)])
    away = np.abs(aligned.drift[beside] - aligned.drift[lost]) / smoothing
    elsewhere = ~(away.max(axis=(0, 2)) < _SAME)  # also where it is not known
    lost, neighbours = lost[elsewhere], beside[:, elsewhere]
    if not len(lost):
        return aligned
    base = np.where(aligned.valid[:, None], aligned.drift, 0.0)
    base[lost] = np.where(aligned.valid[lost, None], aligned.drift[lost], base[neighbours[0]])
    drift, overlap = base.copy(), np.where(aligned.valid, aligned.overlap, 0.0)
    for neighbour in neighbours:
        tried = base.copy()
        tried[lost] = aligned.drift[neighbour]
        found = aligner.align_sample(windows, tried, smoothing)
        better = lost[found.valid[lost] & (found.overlap[lost] > overlap[lost])]
        drift[better], overlap[better] = found.drift[better], found.overlap[better]
    return aligner.align_sample(windows, drift, smoothing)
