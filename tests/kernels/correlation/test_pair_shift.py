"""The shift of localizations by the differences of near pairs."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.correlation.pair_shift import shift_of_pairs


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("shared", [1.0, 0.1])
def test_the_most_frequent_difference(d: int, shared: float) -> None:
    """Also where a tenth of the molecules is in both, and far along z."""
    rng = np.random.default_rng(1)
    precision = np.array([5.0, 5.0, 15.0])[:d]
    at = rng.uniform(0, 3_000, (200, d))
    moved = rng.uniform(0, 3_000, (200, d))
    moved[: int(200 * shared)] = at[: int(200 * shared)]
    shift = np.array([40.0, -25.0, 800.0])[:d]
    one, other = (
        np.repeat(x, 10, axis=0) + rng.normal(0, precision, (2_000, d)) for x in (at, moved - shift)
    )
    found = shift_of_pairs(one, other, precision, 60.0)
    np.testing.assert_allclose(found / precision, shift / precision, atol=1.1)


def test_nothing_near_is_no_shift() -> None:
    one = np.zeros((3, 2))
    assert not shift_of_pairs(one, one + 100.0, np.ones(2), 10.0).any()
