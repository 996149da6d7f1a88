"""Chunks that are given: how they are reached from windows, and the motion within them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.image_series.window_shifts import search_window_shifts
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.methods.rcc.chunks import Start, start_of_chunks
from smlm_accessor.methods.rcc.smoothing import choose_smoothing
from smlm_accessor.methods.rcc.windows import search_windows
from tests.scenes import linear, restless, sites, smooth, visits

N_FRAMES = 2000
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
