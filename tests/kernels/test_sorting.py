"""Rows in the order of whole numbers."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import IntArray
from smlm_accessor.kernels.sorting import equal_runs, sorted_rows


@pytest.mark.parametrize(
    "keys",
    [
        np.zeros(0, np.int64),
        np.full(1, -(2**62)),
        np.random.default_rng(1).integers(-50, 50, 3000),
        np.random.default_rng(1).integers(0, 9, 3000).astype(np.int32),
        np.array([2**62, -(2**62), 0, 2**62, -(2**62)]),  # too large for both in one number
        np.array([2**62, 2**62 + 3, 2**62 + 1, 2**62]),
    ],
    ids=["none", "one", "many equal", "int32", "far apart", "large"],
)
def test_rows_are_in_the_order_of_keys_and_equal_ones_as_they_were(keys: IntArray) -> None:
    order, ordered = sorted_rows(keys)
    np.testing.assert_array_equal(order, np.argsort(keys, kind="stable"))
    np.testing.assert_array_equal(ordered, np.sort(keys))
    begins, counts = equal_runs(ordered)
    values, first, many = np.unique(keys, return_index=True, return_counts=True)
    np.testing.assert_array_equal(ordered[begins], values)
    np.testing.assert_array_equal(order[begins], first)
    np.testing.assert_array_equal(counts, many)
