from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.kernels.splines import smoothing_spline as kernel
from smlm_accessor.kernels.splines.smoothing_spline import smoothing_spline
from smlm_accessor.models import Spline
from smlm_accessor.models.chunk_series import ChunkSeries
from smlm_accessor.models.component_fit import UncorrectedFit, continued, fit_quality, fit_spline

FRAMES = np.arange(0.0, 100.0, 10.0)


def test_continued_follows_the_tangents() -> None:
    frames = np.array([-10.0, 0, 3, 10, 30])
    np.testing.assert_allclose(
        continued(np.square, frames, (0.0, 10.0)), [0, 0, 9, 100, 100 + 20 * 20], atol=1e-9
    )
    np.testing.assert_allclose(continued(np.square, frames, (1.0, 3.0))[0], 1 - 11 * 2)
    np.testing.assert_array_equal(continued(np.square, frames, None), frames**2)


def test_continued_takes_several_columns() -> None:
    def columns(frames: np.ndarray) -> np.ndarray:
        return np.column_stack([frames, frames**2])

    np.testing.assert_allclose(
        continued(columns, np.array([-1.0, 5, 12]), (0.0, 10.0)), [[-1, 0], [5, 25], [12, 140]]
    )


def test_a_single_frame_is_held() -> None:
    np.testing.assert_array_equal(continued(np.square, np.array([1.0, 5, 9]), (5.0, 5.0)), 25)


def test_uncorrected() -> None:
    fit = UncorrectedFit("matrix xx", "none", 0, None, 1.0)
    np.testing.assert_array_equal(fit.eval(FRAMES), 1)
    np.testing.assert_array_equal(fit.std(FRAMES), 0)
    assert fit.result is None
    assert fit.figures() == {}


def test_a_spline_fit_is_the_kernels() -> None:
    values = np.sin(FRAMES / 10)
    weights = np.linspace(1, 2, 10)
    fit = fit_spline(
        Spline(s=0.5), ChunkSeries("offset x", FRAMES, values, weights), "Spline(s=0.5)"
    )
    expected = smoothing_spline(FRAMES, values, weights=weights, s=0.5)
    frames = np.array([-20.0, 33.0, 200.0])
    np.testing.assert_array_equal(fit.eval(frames), expected(frames))
    np.testing.assert_array_equal(fit.std(frames, (0.0, 90.0)), expected.std(frames))
    assert fit.result.rss == pytest.approx(0.5)
    assert fit.n_needed == 1
    assert list(fit.figures()) == ["edf", "R^2", "chi-square"]
    assert fit.figures()["chi-square"] == "0.5"


def test_a_spline_out_of_reach_names_the_component(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "KNOTS", 25)
    values = np.random.default_rng(0).normal(size=300)
    with pytest.raises(OptionError, match="offset x: s=1e-06 cannot be reached"):
        fit_spline(
            Spline(s=1e-6), ChunkSeries("offset x", np.arange(300.0), values, None), "spline"
        )


def test_quality() -> None:
    assert fit_quality(1.0, 4.0) == {"R^2": "0.75000", "chi-square": "1"}
    assert fit_quality(0.0, 0.0) == {"chi-square": "0"}
