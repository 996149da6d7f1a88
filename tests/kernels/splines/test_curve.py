from __future__ import annotations

import pickle

import numpy as np
import pytest

from smlm_accessor.kernels.splines.smoothing_spline import SmoothingSpline, smoothing_spline


@pytest.fixture(scope="module")
def spline() -> SmoothingSpline:
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(100, 200, 15))
    return smoothing_spline(x, 30 * np.sin(x / 10) + rng.normal(0, 3, 15))


def test_goes_on_as_its_tangent(spline: SmoothingSpline) -> None:
    first, last = spline.center, spline.center + spline.width
    for edge, side in ((first, -1.0), (last, 1.0)):
        out = spline(edge + side * np.array([0.0, 10.0, 20.0, 1e6]))
        slope = (out[1] - out[0]) / 10
        np.testing.assert_allclose(out[2:], out[0] + slope * np.array([20, 1e6]))
        inside = spline(edge - side * np.array([0.0, 1e-5]))
        assert (inside[0] - inside[1]) / 1e-5 == pytest.approx(slope, rel=1e-3)


def test_the_band_is_continuous_and_opens_outside(spline: SmoothingSpline) -> None:
    last = spline.center + spline.width
    std = spline.std(last + np.array([-1e-9, 1e-9, 10, 20]))
    assert std[0] == pytest.approx(std[1], rel=1e-6)
    assert std[1] < std[2] < std[3]


def test_the_band_does_not_depend_on_the_order_of_frames(spline: SmoothingSpline) -> None:
    x = np.linspace(50, 250, 101)
    np.testing.assert_array_equal(spline.std(x[::-1]), spline.std(x)[::-1])
    np.testing.assert_array_equal(spline(x[::-1]), spline(x)[::-1])


def test_cannot_be_changed(spline: SmoothingSpline) -> None:
    with pytest.raises(AttributeError):
        spline.edf = 3.0  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        spline.coefficients[0] = 1.0


def test_survives_pickle(spline: SmoothingSpline) -> None:
    x = np.linspace(50, 250, 11)
    again = pickle.loads(pickle.dumps(spline))
    np.testing.assert_array_equal(again(x), spline(x))
    np.testing.assert_array_equal(again.std(x), spline.std(x))
