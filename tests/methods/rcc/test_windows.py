"""Windows: the first search, and their length."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.window_shifts import search_window_shifts
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.methods.rcc.pairs import Aligned
from smlm_accessor.methods.rcc.windows import WINDOWS, best_windows, search_windows
from smlm_accessor.timeline import Windows
from tests.scenes import jumping

N_FRAMES = 2000
SEARCH = partial(search_window_shifts, bin_size=None, max_shift=None, threads=None, progress=False)


def scene(curve: FloatArray, *, n: int = 12_000, chunks: int = 1) -> Aligner:
    rng = np.random.default_rng(1)
    sites = rng.uniform(0, 5000, (200, 2))
    frames = np.sort(rng.integers(N_FRAMES, size=n))
    x = sites[rng.integers(200, size=n)] + rng.normal(0, 6, (n, 2)) + curve[frames]
    edges = np.linspace(0, N_FRAMES, chunks + 1).astype(int)
    bounds = np.searchsorted(frames, edges)
    points = ChunkedLocalizations(x, frames, bounds, ("x", "y"), edges=edges)
    return Aligner(points, None, None, None)


def line(length: float) -> FloatArray:
    return length * np.linspace(0, 1, N_FRAMES)[:, None] * [1, -0.5]


def test_windows_are_found_far_along_a_curve() -> None:
    curve = line(1500.0)
    aligner = scene(curve, chunks=100)  # which are too many to search each
    windows, found = search_windows(aligner, SEARCH)
    assert len(windows) == WINDOWS
    assert found.valid.all()
    middle = (windows.edges[:-1] + windows.edges[1:]) // 2
    error = found.drift - curve[middle]
    assert np.abs(error - error.mean(axis=0)).max() < found.smoothing[0]


def test_a_few_given_chunks_are_the_windows() -> None:
    aligner = scene(line(100.0), chunks=6)
    windows, found = search_windows(aligner, SEARCH)
    np.testing.assert_array_equal(windows.edges, aligner.localizations.edges)
    assert found.valid.all()


def test_noise_has_no_valid_windows() -> None:
    aligner = scene(line(0.0), chunks=20)
    aligner.localizations.positions[:] = np.random.default_rng(2).uniform(0, 5000, (12_000, 2))
    assert search_windows(aligner, SEARCH)[1].valid.sum() < 2


def start(aligner: Aligner, curve: FloatArray) -> tuple[FloatArray, FloatArray]:
    """A drift that is wrong by about one precision, and a smoothing of four."""
    away = 6 * np.sin(np.arange(N_FRAMES) / 90)[:, None] * [1, -1]
    return (curve + away)[aligner.all.timeline.frames], np.full(2, 24.0)


def best(
    aligner: Aligner, drift: FloatArray, begin: FloatArray, averaged: float = N_FRAMES / 48
) -> tuple[Windows, Aligned]:
    windows, smoothing = best_windows(aligner, drift, begin, averaged)
    return windows, aligner.align_sample(windows, windows.mean(drift), smoothing)


@pytest.mark.parametrize(("step", "least", "most"), [(0.0, 8, 24), (1.0, 60, 1000)])
def test_windows_are_short_where_the_sample_moves_fast(step: float, least: int, most: int) -> None:
    curve = np.cumsum(np.random.default_rng(3).normal(0, step, (N_FRAMES, 2)), axis=0)
    aligner = scene(curve)
    windows, aligned = best(aligner, *start(aligner, curve))
    assert least <= len(windows) <= most
    error = aligned.drift - windows.mean(curve[aligner.all.timeline.frames])
    assert np.median(np.abs(error - error.mean(axis=0))) < 3


@pytest.mark.parametrize("averaged", [2.0, N_FRAMES])
def test_windows_do_not_keep_a_length_that_is_wrong(averaged: float) -> None:
    """Those of the trend are looked at first: of other drift it says little."""
    curve = np.cumsum(np.random.default_rng(3).normal(0, 0.3, (N_FRAMES, 2)), axis=0)
    aligner = scene(curve)

    def error(averaged: float) -> float:
        windows, aligned = best(aligner, *start(aligner, curve), averaged)
        found = windows.curve(aligned.drift, aligned.valid)
        return float(np.std(found - curve[aligner.all.timeline.frames], axis=0).max())

    assert error(averaged) < 1.15 * error(N_FRAMES / 70)


@pytest.mark.parametrize("seed", range(3))
def test_an_emitter_that_shines_on_does_not_move_its_window(seed: int) -> None:
    """Where it shines, half of the localizations are its: they match a place often visited."""
    rng, n, on = np.random.default_rng(seed), 12_000, np.arange(4_000, 4_500)
    sites, visits = rng.uniform(0, 5_000, (80, 2)), np.r_[15.0, np.ones(79)]
    frames = np.concatenate([rng.integers(12_000, size=n), on])
    site = np.concatenate([rng.choice(80, size=n, p=visits / visits.sum()), np.ones_like(on)])
    order = np.argsort(frames, kind="stable")
    x = (sites[site] + rng.normal(0, 8, (len(site), 2)))[order]
    bounds = np.searchsorted(frames[order], np.linspace(0, 12_000, 101))
    aligner = Aligner(ChunkedLocalizations(x, frames[order], bounds, ("x", "y")), None, None, None)
    windows, found = search_windows(aligner, SEARCH)
    shining = (windows.mean_frame > on[0]) & (windows.mean_frame < on[-1])
    assert shining.any()
    assert (np.abs(found.drift[shining] - np.median(found.drift, axis=0)) < 100).all()


@pytest.mark.parametrize("step", [1.5, 3.0])
def test_windows_are_long_enough_to_be_told_from_chance(step: float) -> None:
    """Of a fast sample that few localizations show, shorter ones would be more precise."""
    curve = np.cumsum(np.random.default_rng(3).normal(0, step, (N_FRAMES, 2)), axis=0)
    aligner = scene(curve, n=3_000)
    _, aligned = best(aligner, *start(aligner, curve))
    assert np.mean(aligned.sharpness >= 5) > 0.8


def test_windows_end_at_jumps_and_are_no_shorter_for_these() -> None:
    """A jump is no motion within windows."""
    curve = line(20.0)
    jumps = np.array([333, 390, 1_111])
    jumped = jumping(curve, {int(jump): (300.0, -(200.0 * i)) for i, jump in enumerate(jumps)})
    numbers = []
    for moved, told in ((curve, jumps[:0]), (jumped, jumps)):
        aligner = scene(moved)
        aligner = replace(aligner, localizations=replace(aligner.localizations, jumps=told))
        windows, aligned = best(aligner, *start(aligner, moved))
        assert np.isin(told, windows.edges).all()
        error = aligned.drift - windows.mean(moved[aligner.all.timeline.frames])
        assert np.abs(error - error.mean(axis=0)).max() < 3
        numbers.append(len(windows))
    assert numbers[1] <= numbers[0] + 4


def test_windows_of_frames_that_begin_nowhere_do_not_count() -> None:
    curve = line(20.0)
    aligner = scene(curve)
    drift, smoothing = start(aligner, curve)
    drift[aligner.all.timeline.frames >= 1_500] = np.nan
    windows, aligned = best(aligner, drift, smoothing)
    np.testing.assert_array_equal(aligned.valid, windows.edges[1:] <= 1_500)
