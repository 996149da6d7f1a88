"""Chunks that are given: how they are reached from windows, and the motion within them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.methods.image_series.window_shifts import search_window_shifts
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.methods.rcc.chunks import Start, retry_beside_neighbours, start_of_chunks
from smlm_accessor.methods.rcc.pairs import Aligned
from smlm_accessor.methods.rcc.smoothing import choose_smoothing
from smlm_accessor.methods.rcc.windows import search_windows
from smlm_accessor.timeline import Windows
from tests.scenes import PRECISION, jumping, linear, restless, sites, smooth, visits

N_FRAMES = 2000
K, LENGTH = 20, 50  # windows, frames of each
SMOOTHING = np.full(2, 2 * PRECISION)
SEARCH = partial(search_window_shifts, bin_size=None, max_shift=None, threads=1, progress=False)


def start_of(curve: FloatArray, n_chunks: int) -> tuple[Aligner, Start]:
    seen = visits(sites(), n=12_000, n_frames=N_FRAMES, seed=1).drifting(curve)
    aligner = Aligner(seen.chunked(n_chunks), None, None, 1)
    windows, found = search_windows(aligner, SEARCH)
    h, aligned = choose_smoothing(aligner, windows, found.drift, found.valid, found.smoothing)
    return aligner, start_of_chunks(aligner, windows, found, aligned, h, SEARCH)


CURVES = {
    "none": (linear(N_FRAMES, (0.0, 0.0)), 6),
    "linear": (linear(N_FRAMES, (0.3, -0.15)), 6),
    "restless": (restless(N_FRAMES, amplitude=60.0, frames_per_radian=80.0), 12),
}


@pytest.mark.parametrize("name", CURVES)
def test_motion_within_chunks_is_taken_out_if_there_is_any(name: str) -> None:
    curve, n_chunks = CURVES[name]
    aligner, start = start_of(curve, n_chunks)
    np.testing.assert_array_equal(start.chunks.edges, aligner.localizations.edges)
    assert start.still.all() == (name != "none")
    removed = aligner.localizations.positions - start.aligner.localizations.positions
    chunk = start.chunks.of_frame[aligner.all.frame_of]
    mean = start.chunks.mean(curve[aligner.all.timeline.frames])
    within = curve[aligner.localizations.frames] - mean[chunk]
    assert np.std(removed - within) < 3
    error = start.drift - mean
    assert np.abs(error - error.mean(axis=0)).max() < 6


def test_many_short_chunks_start_on_the_curve_through_windows() -> None:
    """As long as a chunk is short, the curve through chunks says how they move."""
    curve = smooth(N_FRAMES)
    aligner, start = start_of(curve, 100)
    assert len(start.chunks) == 100
    assert start.valid.all()
    assert not start.still.any()
    assert start.aligner is aligner
    error = start.drift - start.chunks.mean(curve[aligner.all.timeline.frames])
    assert np.abs(error - error.mean(axis=0)).max() < 8


def cut_evenly(
    curve: FloatArray, told: list[int] | None = None
) -> tuple[Aligner, Windows, Aligned]:
    """A sample that drifts, windows of equal length, and their mean drift."""
    seen = visits(sites(150), n=12_000, n_frames=K * LENGTH, seed=3).drifting(curve)
    localizations = replace(seen.chunked(), jumps=None if told is None else np.array(told))
    aligner = Aligner(localizations, None, None, 1)
    windows = aligner.all.timeline.cut(LENGTH * np.arange(K + 1))
    return aligner, windows, aligned(windows.mean(curve))


def aligned(drift: FloatArray, valid: BoolArray | None = None) -> Aligned:
    k = len(drift)
    valid = np.ones(k, dtype=bool) if valid is None else valid
    return Aligned(drift, np.ones((k, 2)), np.full(k, 9.0), np.full(k, 5.0), valid, 0.0).only(valid)


@pytest.mark.parametrize("lost", [[8], [8, 9], [0], [K - 1]])
@pytest.mark.parametrize("unknown", [False, True])
def test_a_window_of_low_overlap_is_found_beside_its_neighbours(
    lost: list[int], unknown: bool
) -> None:
    curve = linear(K * LENGTH)
    aligner, windows, true = cut_evenly(curve)
    wrong = true.drift.copy()
    wrong[lost] += [250.0, -90.0]
    overlap = np.where(np.isin(np.arange(K), lost), 0.5, 5.0)
    start = aligned(wrong, ~np.isin(np.arange(K), lost) if unknown else None)
    found = retry_beside_neighbours(aligner, windows, start._replace(overlap=overlap), SMOOTHING)
    error = found.drift - true.drift
    assert found.valid.all()
    assert np.abs(error - error.mean(axis=0)).max() < PRECISION / 2


@pytest.mark.parametrize("jump", [450, 500])
def test_a_window_between_two_levels_is_tried_on_both(jump: int) -> None:
    """Its neighbours are far from each other; it may belong to either."""
    aligner, windows, true = cut_evenly(jumping(linear(K * LENGTH), {jump: (120.0, 0.0)}), [jump])
    wrong = true.drift.copy()
    wrong[9] = [-300.0, 300.0]
    overlap = np.where(np.arange(K) == 9, 0.5, 5.0)
    found = retry_beside_neighbours(
        aligner, windows, aligned(wrong)._replace(overlap=overlap), SMOOTHING
    )
    error = found.drift - true.drift
    assert np.abs(error - error.mean(axis=0)).max() < PRECISION / 2


def test_good_windows_are_not_tried_again() -> None:
    aligner, windows, found = cut_evenly(linear(K * LENGTH))
    assert retry_beside_neighbours(aligner, windows, found, SMOOTHING) is found
    rather = found._replace(overlap=np.where(np.arange(K) == 8, 3.5, 5.0))
    assert retry_beside_neighbours(aligner, windows, rather, SMOOTHING) is rather
    # From where those beside it are, it would come to the same place.
    near = aligned(0 * found.drift)._replace(overlap=np.where(np.arange(K) == 8, 0.5, 5.0))
    assert retry_beside_neighbours(aligner, windows, near, SMOOTHING) is near
    # Nothing is known to start from.
    alone = aligned(found.drift, np.arange(K) == 4)
    assert retry_beside_neighbours(aligner, windows, alone, SMOOTHING) is alone
