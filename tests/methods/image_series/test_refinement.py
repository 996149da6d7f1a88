"""Refinement finds shifts far smaller than the pixels of the search."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.images.slope_image import slope_grid
from smlm_accessor.methods.image_series.refinement import refine
from smlm_accessor.methods.image_series.registration import Shifts
from smlm_accessor.methods.image_series.standard_errors import jackknifed

TRUE = np.array([[0.0, 0], [0.31, -0.22], [-0.4, 0.15], [0.12, 0.4]])


@pytest.mark.parametrize("target", ["first", "previous", "all"])
def test_shifts_between_pixels(target: str) -> None:
    """Known to a smoothing length before, as by large pixels; after, as well as errors say."""
    grid = slope_grid(np.zeros(2), np.full(2, 40.0), bin_size=0.2, smoothing=0.3)
    centers = np.random.default_rng(0).uniform(5, 35, (60, 2))
    n, errors = 2000, []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        x = np.concatenate(
            [centers[rng.integers(60, size=n)] + rng.normal(s, 0.25, (n, 2)) for s in TRUE]
        )
        blocks = make_field_blocks(x)
        rough = TRUE + rng.uniform(-0.15, 0.15, TRUE.shape)
        rough -= rough[0]
        start = Shifts(
            rough, np.ones((4, 2)), np.ones(4), np.ones(4, bool), np.zeros((4, blocks.n, 2))
        )
        found = jackknifed(refine(x, n * np.arange(5), start, grid, 0.3, blocks, target=target))
        np.testing.assert_allclose(found.shift, TRUE, atol=0.05)
        steps = np.diff(found.shift - TRUE, axis=0)[1:]
        errors.append(steps / np.sqrt(found.variance[2:] + found.variance[1:-1]))
    assert 0.6 < np.std(errors) < 1.4


def test_a_chunk_with_nothing_nearby_stays() -> None:
    grid = slope_grid(np.zeros(2), np.full(2, 40.0), bin_size=0.2, smoothing=0.3)
    x = np.array([[10.0, 10.0], [20.0, 20.0], [30.0, 11.0], [25.0, 25.0]])
    start = Shifts(
        np.zeros((2, 2)), np.ones((2, 2)), np.ones(2), np.ones(2, bool), np.zeros((2, 1, 2))
    )
    blocks = make_field_blocks(np.zeros((4, 2)))
    found = refine(x, np.array([0, 2, 4]), start, grid, 0.3, blocks, target="first")
    np.testing.assert_array_equal(found.shift, start.shift)
    np.testing.assert_array_equal(found.variance[1], start.variance[1])
