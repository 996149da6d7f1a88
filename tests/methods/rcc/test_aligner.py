"""All localizations or a sample of them aligned; windows that fit badly are not valid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.timeline import Windows
from tests.scenes import PRECISION, Scene, bleaching, jumping, sites, visits

K = 10
EDGES = 100 * np.arange(K + 1)
TRUE = np.random.default_rng(1).normal(0, 6, (K, 2))
STEPS: FloatArray = TRUE[0] + jumping(
    np.zeros((100 * K, 2)), dict(zip(EDGES[1:-1], np.diff(TRUE, axis=0), strict=True))
)
SMOOTHING = np.full(2, 12.0)
ALL = np.ones(K, dtype=bool)


def scene(seed: int, n: int = 4000) -> Scene:
    return visits(sites(150), n=n, n_frames=100 * K, seed=seed).drifting(STEPS)


def aligner_of(seen: Scene) -> tuple[Aligner, Windows]:
    aligner = Aligner(seen.chunked(), None, None, 1)
    return aligner, aligner.all.timeline.cut(EDGES)


def test_errors_are_as_large_as_variances_say() -> None:
    scores = []
    for seed in range(10):
        aligner, windows = aligner_of(scene(seed))
        found = aligner.align_all(windows, TRUE + 2.0, ALL, SMOOTHING, ALL)
        assert found.valid.all()
        error = found.drift - TRUE
        scores.append((error - error.mean(axis=0)) / np.sqrt(found.variance))
    assert 0.75 < np.std(scores) < 1.15  # a jackknife makes variances larger, never smaller


def test_errors_add_up_where_molecules_bleach_and_variances_say_so() -> None:
    """A window has other molecules in common with the one before than with the one after."""
    scores = []
    for seed in range(10):
        seen = bleaching(sites(1000), n=10_000, n_frames=100 * K, life=60, seed=seed)
        aligner, windows = aligner_of(seen.drifting(STEPS))
        # Pairs of few molecules would look like outliers.
        found = replace(aligner, max_residual=1e6).align_all(windows, TRUE, ALL, SMOOTHING, ALL)
        assert found.valid.all()
        error = found.drift - TRUE
        scores.append((error - error.mean(axis=0)) / np.sqrt(found.variance))
    assert 0.75 < np.std(scores) < 1.25


def test_a_window_of_background_is_not_valid() -> None:
    seen = scene(1)
    there = seen.frames // 100 == 4
    seen.positions[there] = np.random.default_rng(2).uniform(-2500, 2500, (there.sum(), 2))
    aligner, windows = aligner_of(seen)
    found = aligner.align_all(windows, TRUE, ALL, SMOOTHING, ALL)
    assert np.flatnonzero(~found.valid).tolist() == [4]
    assert np.isnan(found.drift[4]).all()
    assert np.isnan(found.variance[4]).all()


def test_a_window_of_which_little_overlaps_is_not_valid_though_it_is_sharp() -> None:
    seen = scene(3, n=40_000)
    there = np.flatnonzero(seen.frames // 100 == 4)
    away = there[: len(there) * 7 // 10]
    seen.positions[away] = np.random.default_rng(4).uniform(-2500, 2500, (len(away), 2))
    aligner, windows = aligner_of(seen)
    found = aligner.align_all(windows, TRUE, ALL, SMOOTHING, ALL)
    raw = aligner.all.align(windows, TRUE, ALL, SMOOTHING, still=ALL, partners=1e9, drop=True)
    assert raw.valid[4]
    assert raw.sharpness[4] > 5
    assert np.flatnonzero(~found.valid).tolist() == [4]


def test_a_window_of_a_few_localizations_is_not_sharp() -> None:
    seen = scene(9)
    there = np.flatnonzero(seen.frames // 100 == 4)
    aligner, windows = aligner_of(seen.kept(np.setdiff1d(np.arange(len(seen.frames)), there[3:])))
    found = aligner.align_all(windows, TRUE, ALL, SMOOTHING, ALL)
    assert np.flatnonzero(~found.valid).tolist() == [4]


def test_a_window_among_many_that_show_nothing_is_chance() -> None:
    seen = scene(1)
    noise = (seen.frames >= 500) & (seen.frames // 100 != 7)
    seen.positions[noise] = np.random.default_rng(2).uniform(-2500, 2500, (noise.sum(), 2))
    aligner, windows = aligner_of(seen)
    found = aligner.align_all(windows, TRUE, ALL, SMOOTHING, ALL)
    assert np.flatnonzero(found.valid).tolist() == [0, 1, 2, 3, 4, 7]  # as most of the movie is
    aligner = Aligner(replace(seen.chunked(), jumps=np.array([500])), None, None, 1)
    windows = aligner.all.timeline.cut(EDGES)
    found = aligner.align_all(windows, TRUE, ALL, SMOOTHING, ALL)
    assert np.flatnonzero(found.valid).tolist() == [0, 1, 2, 3, 4]
    assert np.isnan(found.drift[7]).all()


def test_a_single_valid_window_is_none() -> None:
    seen = scene(5)
    noise = seen.frames >= 100
    seen.positions[noise] = np.random.default_rng(6).uniform(-2500, 2500, (noise.sum(), 2))
    aligner, windows = aligner_of(seen)
    assert not aligner.align_all(windows, TRUE, ALL, SMOOTHING, ALL).valid.any()


def test_the_sample_is_whole_frames_and_gives_nearly_the_same() -> None:
    seen = scene(7, n=100_000)
    aligner, windows = aligner_of(seen)
    chosen = np.isin(seen.frames, aligner.sample.timeline.frames)
    assert chosen.sum() == len(aligner.sample.positions)
    assert 75_000 <= chosen.sum() < 75_000 + 200
    assert aligner.share == chosen.mean()
    error = aligner.align_sample(windows, TRUE, SMOOTHING).drift - TRUE
    assert np.abs(error - error.mean(axis=0)).max() < PRECISION / 5


def test_few_localizations_are_all_in_the_sample() -> None:
    aligner, windows = aligner_of(scene(8).kept(slice(0, 3000)))
    assert aligner.sample is aligner.all
    assert aligner.share == 1
    found = aligner.align_sample(windows, TRUE, SMOOTHING)
    np.testing.assert_array_equal(found.valid, windows.counts > 0)


def test_a_window_that_begins_nowhere_is_not_aligned() -> None:
    aligner, windows = aligner_of(scene(8))
    start = np.where(np.arange(K)[:, None] == 4, np.nan, TRUE)
    found = aligner.align_sample(windows, start, SMOOTHING)
    assert np.flatnonzero(~found.valid).tolist() == [4]
