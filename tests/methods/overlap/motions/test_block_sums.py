from __future__ import annotations

import numpy as np

from smlm_accessor.methods.overlap.motions.block_sums import BlockSums, windows_of
from smlm_accessor.timeline import Timeline


def test_the_trend_of_a_parameter_is_found_with_true_errors() -> None:
    """Blocks that move by a parameter times their velocity, seen with known noise."""
    rng = np.random.default_rng(1)
    n, middle = 150, rng.uniform(-1, 1, (40, 2))
    windows = Timeline.of(np.arange(n)).regular(1)
    time = windows.mean_frame
    true, velocity = np.sin(time / 25), middle[:, ::-1] * [-1.0, 1.0]
    curvature = rng.uniform(0.5, 2.0, (n, 40, 2))
    noise = rng.normal(size=curvature.shape) * np.sqrt(curvature)
    centred = velocity - np.average(velocity, axis=0, weights=curvature.sum(axis=(0, 2)))
    gradient = noise - curvature * np.multiply.outer(true - true.mean(), centred)
    sums = BlockSums(gradient, curvature, curvature, middle, np.ones(40, dtype=np.bool_))
    trend, of_mean = sums.trend(velocity, windows, np.zeros(n))
    off = trend.level - trend.level.mean() - (true - true.mean())
    assert 0.5 < np.sqrt(np.mean(off**2 / trend.variance)) < 1.5
    assert of_mean < trend.variance.min()


def test_the_shift_has_no_part_in_a_parameter() -> None:
    rng = np.random.default_rng(2)
    curvature = rng.uniform(0.5, 2.0, (10, 8, 2))
    shifted = curvature.sum(axis=0) * np.array([3.0, -2.0])  # the gradient of a shift
    gradient = np.broadcast_to(shifted / 10, curvature.shape)
    middle = rng.uniform(-1, 1, (8, 2))
    sums = BlockSums(gradient, curvature, curvature, middle, np.ones(8, dtype=np.bool_))
    along, _, _ = sums.along(middle)
    np.testing.assert_allclose(along.sum(), 0, atol=1e-12)


def test_windows_go_on_through_jumps() -> None:
    timeline = Timeline.of(np.arange(1000), np.array([333]))
    assert not windows_of(timeline).begins.any()
    assert len(windows_of(timeline)) == 200
