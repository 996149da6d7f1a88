"""The smoothing that is chosen fits the structure."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.peak_precision import PeakSignificance
from smlm_accessor.kernels.correlation.resolution import choose_smoothing, predict
from smlm_accessor.kernels.images.grid import make_grid

SIGNIFICANCE = PeakSignificance(quality=7.0)


def clusters(seed: int, *, std: float, n: int = 3000, scale: float = 1.0) -> FloatArray:
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(0).uniform(100, 900, (60, 2))
    return scale * (centers[rng.integers(60, size=n)] + rng.normal(0, std, (n, 2)))


def choose(samples: list[FloatArray], scale: float = 1.0) -> float | None:
    field = np.full(2, 1000.0 * scale)
    return choose_smoothing(
        samples, 0 * field, field, max_shift=field / 2, significance=SIGNIFICANCE
    )


@pytest.mark.parametrize("std", [4.0, 16.0])
def test_it_grows_with_the_structure(std: float) -> None:
    chosen = choose([clusters(seed, std=std) for seed in (1, 2, 3)])
    assert chosen is not None
    assert 0.7 * std < chosen < 6 * std


def test_no_length_is_built_in() -> None:
    samples = [clusters(seed, std=8.0) for seed in (1, 2)]
    one, other = choose(samples), choose([s / 1024 for s in samples], 1 / 1024)
    assert one is not None
    assert other is not None
    assert other * 1024 == pytest.approx(one, rel=1e-6)


def test_it_is_nearly_as_good_as_the_best() -> None:
    samples = [clusters(seed, std=8.0) for seed in (1, 2, 3)]
    chosen = choose(samples)
    assert chosen is not None
    field = np.full(2, 1000.0)
    tried = (chosen, 4.0, 8.0, 16.0, 32.0)
    grid = make_grid(0 * field, field, bin_size=2.5, smoothing=4.0, max_shift=field / 4)
    predicted = predict(samples, grid, tried, max_shift=field / 4, significance=SIGNIFICANCE)
    assert predicted[0].variance < 1.2 * min(p.variance for p in predicted)


def test_nothing_in_common_gives_none() -> None:
    samples = [np.random.default_rng(seed).uniform(0, 1000, (2000, 2)) for seed in (1, 2, 3)]
    assert choose(samples) is None


def test_shifts_are_predicted_too() -> None:
    samples = [clusters(1, std=8.0), clusters(2, std=8.0) + np.array([30.0, -20.0])]
    field = np.full(2, 1000.0)
    grid = make_grid(0 * field, field, bin_size=8.0, smoothing=12.0, max_shift=field / 4)
    (prediction,) = predict(samples, grid, [12.0], max_shift=field / 4, significance=SIGNIFICANCE)
    np.testing.assert_allclose(prediction.shifts, [[30, -20]], atol=2)
    assert prediction.variance < 1
