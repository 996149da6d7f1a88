"""The degree of freedom that a window spends on its own shift."""

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.unbiased import unbiased_squares


def test_slopes_that_a_window_spends_on_its_own_shift_count_as_those_of_one_localization() -> None:
    counts = np.array([1, 2, 5, 40])
    rng, seen = np.random.default_rng(5), np.zeros((4, 2))
    for _ in range(4000):
        slopes = [rng.normal(0, (1.0, 3.0), (n, 2)) for n in counts]
        seen += unbiased_squares(
            np.array([((one - one.mean(axis=0)) ** 2).sum(axis=0) for one in slopes]), counts
        )
    np.testing.assert_allclose(seen / 4000, counts[:, None] * [1.0, 9.0], rtol=0.05)
    # Windows of one each: nothing tells.
    assert not unbiased_squares(np.zeros((2, 2)), np.ones(2, dtype=np.int64)).any()
