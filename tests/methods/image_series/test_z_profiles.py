"""Shifts along z, and the tiles whose profiles they are found in."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.registration import Shifts
from smlm_accessor.methods.image_series.z_profiles import choose_profiles, register_z

TRUE = np.array([0.0, 35.0, -60.0, 120.0])


def scene(seed: int, *, flat: bool, n: int = 3000) -> tuple[FloatArray, FloatArray]:
    """Positions of four chunks that are shifted along z: of one layer, or heights at random."""
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(0).uniform(0, 4000, (50, 3)) * [1, 1, 0 if flat else 0.2]
    x = centers[rng.integers(50, size=4 * n)] + rng.normal(0, 15, (4 * n, 3))
    x[:, 2] += np.repeat(TRUE, n)
    return x, n * np.arange(5)


def laterally_aligned(k: int) -> Shifts:
    return Shifts(np.zeros((k, 2)), np.ones((k, 2)), np.ones(k), np.ones(k, dtype=bool))


def register(x: FloatArray, bounds: FloatArray, target: str) -> Shifts:
    return register_z(
        ChunkedLocalizations(x, np.arange(len(x)), bounds.astype(int), ("x", "y", "z")),
        laterally_aligned(len(bounds) - 1),
        lateral_smoothing=15.0,
        max_shift=None,
        target=target,
        threads=None,
        progress=False,
    )[0]


@pytest.mark.parametrize("target", ["first", "previous", "all"])
@pytest.mark.parametrize("flat", [True, False])
def test_known_heights_and_their_standard_errors(target: str, flat: bool) -> None:
    x, bounds = scene(1, flat=flat)
    found = register(x, bounds, target)
    assert found.valid.all()
    error = found.shift[:, 2] - TRUE
    assert np.abs(np.diff(error)).max() < 3
    std = np.sqrt(found.variance[1:, 2] + found.variance[:-1, 2])
    assert np.abs(np.diff(error) / std).max() < 4
    np.testing.assert_array_equal(found.shift[:, :2], 0)


def test_tiles_are_small_where_heights_differ_and_not_in_a_flat_sample() -> None:
    samples = [slice(0, 3000), slice(3000, 6000)]
    tiles = {}
    for flat in (True, False):
        x, _ = scene(2, flat=flat)
        tiles[flat] = choose_profiles(x, samples, lateral_smoothing=15.0, reach=300.0).tiles.n
    assert tiles[False] > 10 * tiles[True]


def test_the_smoothing_fits_the_thickness() -> None:
    samples = [slice(0, 3000), slice(3000, 6000)]
    x, _ = scene(3, flat=True)
    assert 5 < choose_profiles(x, samples, lateral_smoothing=15.0, reach=300.0).smoothing < 60


def test_all_at_one_height_do_not_move() -> None:
    x, bounds = scene(4, flat=True)
    x[:, 2] = 7.0
    found = register(x, bounds, "all")
    assert found.valid.all()
    np.testing.assert_array_equal(found.shift[:, 2], 0)
    assert np.isnan(found.variance[:, 2]).all()
