"""Densities of a sparse image, and mean shifts towards it, against the same in plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.sparse_image.density import log_density_sums, pull
from tests.kernels.sparse_image.test_image import QUANTUM, filled, in_cells, sample

EPS, GAMMA = 0.5, 3.0


def moments(at: FloatArray, image: FloatArray, exists: Any) -> tuple[FloatArray, FloatArray]:
    """Density and first moments at positions, from centres of mass of cells of an image."""
    cells, of_row = np.unique(np.floor(image), axis=0, return_inverse=True)
    n = np.bincount(of_row.ravel()).astype(float)
    mean = np.stack([np.bincount(of_row.ravel(), x) / n for x in image.T], axis=1)
    beside = (np.abs(cells - np.floor(at)[:, None]) <= exists).all(axis=2)
    away = mean - at[:, None]
    weight = np.where(beside, n * np.exp(-GAMMA / 2 * (away**2 * exists).sum(axis=2)), 0.0)
    return weight.sum(axis=1), np.einsum("ij,ijk->ik", weight, away)


@pytest.mark.parametrize("d", [2, 3])
def test_log_densities_of_windows(d: int) -> None:
    data = sample(d)
    points, motion, scale = data["points"], data["motion"], data["scale"]
    motion[1][2] = np.nan
    exists = (scale > 0).astype(np.int64)
    kernel = exists, np.where(exists, GAMMA, 0.0), EPS
    image, out = filled(**data), np.zeros(4)
    log_density_sums(points, motion, scale, image, QUANTUM, kernel, (0, 4), out)
    at = in_cells(points, motion, scale)
    known = np.isfinite(at).all(axis=1)
    expected = np.zeros(len(at))
    expected[known] = np.log1p(moments(at[known], at[known], exists)[0] / EPS)
    window = np.repeat(np.arange(4), np.diff(motion[0]))
    np.testing.assert_allclose(out, np.bincount(window, expected, 4), rtol=1e-3)


@pytest.mark.parametrize("d", [2, 3])
def test_windows_are_pulled_by_the_mean_shift_along_axes_that_exist(d: int) -> None:
    data = sample(d)
    points, motion, scale = data["points"], data["motion"], data["scale"]
    motion[2][:] = 0.0  # no slope
    along = np.arange(3) < d - 1  # the last axis stays
    exists = (scale > 0).astype(np.int64)
    kernel = exists, np.where(exists, GAMMA, 0.0), EPS
    image, base = filled(**data), motion[1].copy()
    begun = np.array([0.3, -0.2, 0.0])
    found = begun.copy()
    pull(
        points[0], motion[0], base, (2, 4), 2, scale, image, QUANTUM, kernel, along, 2, found
    )  # fmt: skip
    still = in_cells(points, motion, scale)
    rows = np.concatenate([np.arange(300, 800, 2), np.arange(800, 1500, 2)])
    expected = begun.copy()
    for _ in range(2):
        rho, first = moments(still[rows] - expected * (scale > 0), still, exists)
        share = first / (EPS + rho)[:, None]
        step = 1.3 * share.sum(axis=0) / (rho / (EPS + rho)).sum()
        expected = np.clip(np.where(along, expected - step, expected), begun - 1, begun + 1)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    assert (found != begun).tolist() == along.tolist()
    nothing, far = begun.copy(), points[0] + 1e6
    pull(
        far, motion[0], base, (2, 4), 1, scale, image, QUANTUM, kernel, along, 3, nothing
    )  # fmt: skip
    np.testing.assert_array_equal(nothing, begun)
