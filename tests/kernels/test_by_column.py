"""Reductions column by column are those of NumPy along the first axis."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels import by_column


@pytest.mark.parametrize("d", [1, 2, 3])
def test_they_are_those_of_numpy(d: int) -> None:
    values = np.random.default_rng(d).normal(size=(1_000, d))
    values[::7, d - 1] = np.nan
    finite = np.isfinite(values).all(axis=1)
    np.testing.assert_array_equal(by_column.all_finite(values), finite)
    known = values[finite]
    np.testing.assert_array_equal(by_column.lowest(known), known.min(axis=0))
    np.testing.assert_array_equal(by_column.highest(known), known.max(axis=0))
    np.testing.assert_array_equal(by_column.extent(known), np.ptp(known, axis=0))
    np.testing.assert_allclose(by_column.mean(known), known.mean(axis=0), atol=1e-15)
