"""Runs with the highest sums, beside all runs tried one by one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.kernels.time_series.highest_sum import highest_sums


@given(st.lists(st.integers(-9, 9), max_size=12))
def test_the_first_has_the_highest_sum_of_all(values: list[int]) -> None:
    series = np.array(values, dtype=float)
    sums = [series[a:b].sum() for a in range(len(values)) for b in range(a + 1, len(values) + 1)]
    highest = max(sums, default=0.0)
    found = highest_sums(series, 0.5, 1)
    if highest <= 0.5:
        assert found == []
    else:
        ((a, b),) = found
        assert series[a:b].sum() == highest


def test_runs_are_apart_in_order_and_above_the_least() -> None:
    series = np.full(1_000, -1.0)
    series[100:110], series[400:450], series[900:903] = 3.0, 1.0, 2.0
    assert highest_sums(series, 10.0, 9) == [(100, 110), (400, 450)]
    assert highest_sums(series, 5.0, 9) == [(100, 110), (400, 450), (900, 903)]
    assert highest_sums(series, 5.0, 1) == [(400, 450)]
    assert highest_sums(series[:0], 5.0, 1) == []
