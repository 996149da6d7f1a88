"""Windows of time, and the step that fits one into the image."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.sparse_image.image import N_GRADIENT_SUMS
from smlm_accessor.methods.aim.sparse_image import Kernel, WindowDrift, newton_step, runs


def test_the_mean_frame_of_windows_increases_where_some_are_empty() -> None:
    frames = np.array([5, 5, 6, 40, 41])
    rest = WindowDrift.at_rest(frames, np.array([5, 6, 10, 20, 40, 41, 50]))
    assert rest.middle.tolist() == [5, 6, 14.5, 29.5, 40, 41]
    assert rest.counts.tolist() == [2, 1, 0, 0, 1, 1]


@pytest.mark.parametrize("n", [1, 5, 16, 100])
def test_runs_of_windows_hold_each_once(n: int) -> None:
    found = [i for a, b in runs(n) for i in range(a, b)]
    assert found == list(range(n))


@pytest.mark.parametrize("axes", [[0, 1], [0, 1, 2]])
def test_a_step_goes_to_the_maximum_and_its_variance_is_that_of_the_mean(axes: list[int]) -> None:
    """Residuals ``e`` from one Gaussian, ``log p = -gamma e**2 / 2``: the step is their mean."""
    rng, gamma, n = np.random.default_rng(1), np.array([4.0, 4.0, 1.0]), 20_000
    off = rng.normal([0.05, -0.03, 0.02], gamma**-0.5, (n, 3))
    off[:, [a for a in range(3) if a not in axes]] = 0
    pairs = [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]
    outer = [(off[:, a] * off[:, b]).sum() for a, b in pairs]
    sums = np.zeros((1, N_GRADIENT_SUMS))
    # The image lies at ``-off`` of each localization, and each belongs to it for certain.
    sums[0, :3], sums[0, 3:9], sums[0, 9:15], sums[0, 15] = -off.sum(axis=0), outer, outer, n
    move, variance = newton_step(sums, Kernel((1, 1, 1), gamma, 0.5), axes, np.array([n]))
    np.testing.assert_allclose(move[0, axes], off[:, axes].mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(variance[0, axes], 1 / gamma[axes] / n, rtol=0.05)
    assert np.isnan(np.delete(variance[0], axes)).all()


def test_a_window_of_one_localization_has_the_variance_of_one() -> None:
    """It lies where the slope of its localization is none."""
    rng, gamma, n = np.random.default_rng(1), np.array([4.0, 4.0, 1.0]), 2_000
    off = rng.normal(0, gamma**-0.5, (n, 3))
    sums = np.zeros((2, N_GRADIENT_SUMS))
    outer = [
        (off[:, a] * off[:, b]).sum() for a, b in [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]
    ]
    sums[0, 3:9], sums[0, 9:15], sums[0, 15] = outer, outer, n
    sums[1, 15] = 1.0
    _, variance = newton_step(sums, Kernel((1, 1, 1), gamma, 0.5), [0, 1, 2], np.array([n, 1]))
    np.testing.assert_allclose(variance[1], 1 / gamma, rtol=0.1)
    np.testing.assert_allclose(variance[0], 1 / gamma / n, rtol=0.1)
