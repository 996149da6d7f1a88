"""Standard errors of shifts, from what they would be without each field block."""

from __future__ import annotations

import numpy as np

from smlm_accessor.methods.image_series.registration import Shifts
from smlm_accessor.methods.image_series.standard_errors import jackknifed, offset_std

STD = np.array([0.5, 2.0])


def shifts(n_blocks: int = 400, k: int = 5) -> Shifts:
    """Shifts whose influences have a variance of ``STD**2`` in sum, and a part common to all."""
    rng = np.random.default_rng(1)
    own = rng.normal(0, STD / np.sqrt(n_blocks), (k, n_blocks, 2))
    common = rng.normal(0, 1, (1, n_blocks, 2))
    valid = np.arange(k) != 2
    return Shifts(np.zeros((k, 2)), np.full((k, 2), 1e-6), np.ones(k), valid, own + common)


def test_the_sum_of_squared_influences_less_what_is_common() -> None:
    std = offset_std(jackknifed(shifts()))
    assert np.isnan(std[2]).all()
    np.testing.assert_allclose(std[[0, 1, 3, 4]], np.tile(STD, (4, 1)), rtol=0.25)


def test_an_axis_without_extent_has_none() -> None:
    flat = shifts()
    flat.variance[:, 1] = np.nan
    assert np.isnan(offset_std(jackknifed(flat))[:, 1]).all()
    assert np.isfinite(offset_std(jackknifed(flat))[[0, 1, 3, 4], 0]).all()


def test_variances_without_influences_are_left_as_they_are() -> None:
    alone = shifts()._replace(influence=None)
    np.testing.assert_array_equal(offset_std(jackknifed(alone))[0], 1e-3)


def test_too_few_blocks_leave_variances_no_smaller() -> None:
    few = shifts(n_blocks=2)
    few.variance[:2] = 100.0
    std = offset_std(jackknifed(few))
    np.testing.assert_array_equal(std[:2], 10.0)
    assert (std[3:] > 0.1).all()
