"""Windows are aligned by all pairs, as precisely as the variances say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.methods.rcc.pairs import Aligned

K = 10
TRUE = np.random.default_rng(1).normal(0, 6, (K, 2))
SMOOTHING = np.full(2, 12.0)
STILL = np.ones(K, dtype=bool)


def localizations(seed: int, *, n: int = 4000, repeated: int = 1) -> ChunkedLocalizations:
    """Sites that are seen in ten windows of a hundred frames, each blink ``repeated`` times."""
    sites = np.random.default_rng(0).uniform(0, 3000, (150, 2))
    rng = np.random.default_rng(seed)
    frames = np.sort(rng.integers(100 * K, size=n))
    x = sites[rng.integers(150, size=n)] + rng.normal(0, 8, (n, 2)) + TRUE[frames // 100]
    x, frames = np.repeat(x, repeated, axis=0), np.repeat(frames, repeated)
    return ChunkedLocalizations(x, frames, np.array([0, len(x)]), ("x", "y"))


def align(points: ChunkedLocalizations, start: FloatArray, **options: Any) -> Aligned:
    aligner = Aligner(points, None, options.pop("max_residual", None), None)
    windows = aligner.all.timeline.cut(edges())
    return aligner.all.align(windows, start, STILL, SMOOTHING, still=STILL, **options)


def edges() -> IntArray:
    return 100 * np.arange(K + 1)


@pytest.mark.parametrize("drop", [True, False])
def test_errors_over_standard_deviations_are_of_unit_size(drop: bool) -> None:
    scores = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        found = align(localizations(seed), TRUE + rng.normal(0, 3, TRUE.shape), drop=drop)
        assert found.valid.all()
        assert found.dropped == 0
        error = found.drift - TRUE
        scores.append((error - error.mean(axis=0)) / np.sqrt(found.variance))
    assert 0.8 < np.std(scores) < 1.2


@pytest.mark.parametrize("left", [1, 2, 4])
def test_a_window_of_few_localizations_knows_how_little_it_knows(left: int) -> None:
    scores = []
    for seed in range(60):
        points = localizations(seed)
        few = np.flatnonzero(points.frames // 100 == 4)
        points = points.take(np.delete(np.arange(len(points.frames)), few[left:]))
        found = align(points, TRUE)
        # The kernel has maxima at other sites, too.
        off = (found.drift - TRUE)[4] - (found.drift - TRUE)[STILL].mean(axis=0)
        if found.valid[4] and np.abs(off).max() < SMOOTHING[0]:
            scores.append(off / np.sqrt(found.variance[4]))
    assert len(scores) > 30
    assert 0.7 < np.sqrt(np.mean(np.square(scores))) < 1.3


@pytest.mark.parametrize("repeated", [1, 4])
def test_localizations_that_stand_several_times_count_once(repeated: int) -> None:
    scores, said = [], []
    for seed in range(20):
        points = localizations(seed, repeated=repeated)
        found = align(points, TRUE, drop=True)
        counts = np.diff(np.searchsorted(points.frames, edges()))
        variance = found.dependent(counts).variance
        assert (variance >= found.variance).all()
        error = found.drift - TRUE
        scores.append((error - error.mean(axis=0)) / np.sqrt(variance))
        said.append(variance / found.variance)
    # A jackknife makes variances larger, never smaller.
    assert 0.75 < np.std(scores) < 1.05
    assert (np.mean(said) > 3) == (repeated > 1)


def test_windows_that_nothing_connects_are_lost() -> None:
    points = localizations(4)
    far = points.frames >= 700
    points.positions[far] += 1e5
    found = align(points, TRUE)
    assert found.valid.tolist() == [True] * 7 + [False] * 3
