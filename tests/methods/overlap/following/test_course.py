"""The trend through windows that come one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.methods.overlap.following.course import Course

RATES = ((0.01, 0.0, 0.0), (0.01, 0.0, 0.0))


def course(n: int, seed: int = 0) -> tuple[Course, np.ndarray]:
    rng = np.random.default_rng(seed)
    curve = np.cumsum(rng.normal(0, 0.1, (n, 2)), axis=0)
    values = curve + rng.normal(0, 1, (n, 2))
    return Course(np.arange(n) + 0.0, values, np.ones((n, 2)), np.zeros(n, bool), RATES), curve


def test_errors_are_as_large_as_said() -> None:
    found, curve = course(2000)
    smooth = found.smoothed()
    assert np.std((smooth.level - curve) / smooth.std) == pytest.approx(1, abs=0.15)


def test_windows_that_come_later_change_little_before() -> None:
    whole, _ = course(400)
    first = Course(
        whole.time[:300], whole.value[:300], whole.variance[:300], whole.free[:300], RATES
    )
    joined = first.followed_by(
        whole.time[300:], whole.value[300:], whole.variance[300:], whole.free[300:]
    )
    np.testing.assert_allclose(joined.smoothed().level, whole.smoothed().level)
    np.testing.assert_allclose(
        first.smoothed().level[:200], whole.smoothed().level[:200], atol=0.06
    )
    nothing = np.full((150, 2), np.inf)
    lost = whole.followed_by(
        400.0 + np.arange(150), np.full((150, 2), 9.0), nothing, np.zeros(150, bool)
    )
    np.testing.assert_array_equal(lost.last(100).time, whole.last(100).time)
    late = whole.last(100).smoothed()
    away = (late.level - whole.smoothed().level[-100:])[-30:]
    assert np.abs(away / late.std[-30:]).max() < 0.4


def test_it_goes_on_straight_after_the_last_window() -> None:
    time = np.arange(50.0)
    line = np.stack([0.5 * time, -time], axis=1)
    rates = ((0.0, 1e-9, 0.0),) * 2
    found = Course(time, line, np.full((50, 2), 1e-4), np.zeros(50, bool), rates)
    np.testing.assert_allclose(
        found.at(np.array([10.5, 60.0])), [[5.25, -10.5], [30, -60]], rtol=1e-3
    )
