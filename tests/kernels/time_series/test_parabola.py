"""The parabola through a series."""

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.time_series.parabola import parabola

TIME = np.arange(30.0)


def test_a_parabola_is_itself_and_what_is_faster_is_left_out() -> None:
    slow = np.stack([3 + 2 * TIME - 0.1 * TIME**2, 5 - TIME], axis=1)
    np.testing.assert_allclose(parabola(slow, np.ones(30)), slow, atol=1e-9)
    fast = np.tile([1.0, -1.0], 15)[:, None]
    assert np.abs(parabola(fast, np.ones(30))).max() < 0.3


def test_values_count_by_their_weights() -> None:
    rng = np.random.default_rng(0)
    values, weights = rng.normal(size=(30, 1)), rng.integers(0, 5, 30)
    often = np.polyfit(np.repeat(TIME, weights), np.repeat(values[:, 0], weights), 2)
    np.testing.assert_allclose(parabola(values, weights)[:, 0], np.polyval(often, TIME), atol=1e-9)
