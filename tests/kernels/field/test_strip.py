"""A strip of the field."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.field.strip import in_strip


@pytest.mark.parametrize("most", [10, 500, 2_000])
def test_it_holds_about_so_many_that_lie_together(most: int) -> None:
    x = np.random.default_rng(1).normal(0, 100, 2_000)
    chosen = in_strip(x, most)
    assert abs(chosen.sum() - most) <= 2
    inside = (x >= x[chosen].min()) & (x <= x[chosen].max())
    np.testing.assert_array_equal(chosen, inside)
    assert abs(np.median(x[chosen]) - np.median(x)) < 10


def test_what_does_not_count_is_left_out_of_few_too() -> None:
    x = np.array([1.0, np.nan, 2.0])
    assert in_strip(x, 5).tolist() == [True, False, True]
