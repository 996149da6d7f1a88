from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smlm_accessor.errors import OptionError
from smlm_accessor.simulate.drift_curve import drift_curve, steady_drift

XY, XYZ = ("x", "y"), ("x", "y", "z")

TERMS: dict[str, dict[str, Any]] = {
    "velocity": {"velocity": (0.5, -0.25)},
    "diffusion": {"diffusion_constant": (1.0, 4.0), "seed": 1},
    "sinusoid": {"sinusoid": {"amplitude": (3, 5), "period": 40, "phase": 1.0}},
    "sinusoids": {
        "sinusoid": [{"amplitude": 3, "period": (40, 60)}, {"amplitude": (0, 1), "period": 7}]
    },
    "settling": {"settling": {"amplitude": (10, -4), "time_constant": 15}},
    "step": {"step": (80, (5, -6))},
    "steps": {"step": [(80, (5, -6)), (90, 2)]},
    "array": {"curve": np.arange(400.0).reshape(200, 2) ** 0.5},
    "function": {"curve": lambda frames: np.stack([np.sqrt(frames), frames % 7], axis=1)},
}


def test_velocity() -> None:
    drift = drift_curve(10, 4, XYZ, velocity=(1, -2, 0.5))
    np.testing.assert_array_equal(drift, np.arange(4)[:, None] * [1, -2, 0.5])


def test_velocity_keeps_its_sign_beside_diffusion() -> None:
    """Locan's ``add_drift`` subtracts the velocity when there is diffusion too."""
    drift = drift_curve(0, 10_000, XY, velocity=(0.5, -0.25), diffusion_constant=0.01, seed=1)
    walk = drift_curve(0, 10_000, XY, diffusion_constant=0.01, seed=1)
    np.testing.assert_allclose(drift - walk, np.arange(10_000)[:, None] * [0.5, -0.25], atol=1e-9)
    assert drift[-1, 0] > 4000
    assert drift[-1, 1] < -2000


def test_sinusoid() -> None:
    drift = drift_curve(7, 101, XY, sinusoid={"amplitude": (3, 4), "period": (100, 50)})
    np.testing.assert_allclose(drift[[25, 50, 75, 100], 0], [3, 0, -3, 0], atol=1e-12)
    np.testing.assert_allclose(drift[[25, 50, 75, 100], 1], 0, atol=1e-12)
    cosine = drift_curve(7, 101, XY, sinusoid={"amplitude": 3, "period": 100, "phase": np.pi / 2})
    np.testing.assert_allclose(cosine[[0, 50, 100]], [[0, 0], [-6, -6], [0, 0]], atol=1e-12)


def test_settling() -> None:
    drift = drift_curve(3, 1001, XY, settling={"amplitude": (30, -10), "time_constant": 20})
    np.testing.assert_allclose(drift[20], np.array([30, -10]) * (1 - np.exp(-1)))
    np.testing.assert_allclose(drift[1000], [30, -10])


def test_steps_stay_from_their_frame_on() -> None:
    drift = drift_curve(100, 6, XY, step=[(102, (5, 0)), (104, (0, -3))])
    np.testing.assert_array_equal(drift[:, 0], [0, 0, 5, 5, 5, 5])
    np.testing.assert_array_equal(drift[:, 1], [0, 0, 0, 0, -3, -3])


@pytest.mark.parametrize("frame", [-5, 99, 100])
def test_a_step_that_is_over_by_the_first_frame_does_nothing(frame: int) -> None:
    assert (drift_curve(100, 6, XY, step=(frame, (5, 1))) == 0).all()


def test_a_curve_is_used_row_by_row_from_the_first_frame() -> None:
    rows = np.random.default_rng(1).normal(size=(9, 2))
    np.testing.assert_array_equal(drift_curve(50, 6, XY, curve=rows), rows[:6] - rows[0])
    np.testing.assert_array_equal(
        steady_drift(np.array([53, 58]), 50, XY, curve=rows), rows[[3, 8]] - rows[0]
    )


def test_a_function_gets_the_frame_numbers() -> None:
    from scipy.interpolate import CubicSpline

    spline = CubicSpline([50, 60, 80], [[1, 2], [5, 0], [3, 3]])
    drift = drift_curve(50, 31, XY, curve=spline)
    np.testing.assert_allclose(drift[[0, 10, 30]], [[0, 0], [4, -2], [2, 1]], atol=1e-12)


def test_the_random_walk_spreads_as_it_should() -> None:
    """Mean square displacement 2 D t per component, steps independent."""
    diffusion = np.array([0.5, 2.0, 0.0])
    walk = drift_curve(0, 100_001, XYZ, diffusion_constant=diffusion, seed=2)
    steps = np.diff(walk, axis=0)
    np.testing.assert_allclose(steps.var(axis=0), 2 * diffusion, rtol=5 * np.sqrt(2 / 1e5))
    assert abs(np.corrcoef(steps[:, 0], steps[:, 1])[0, 1]) < 5 / np.sqrt(1e5)
    assert abs(np.corrcoef(steps[1:, 0], steps[:-1, 0])[0, 1]) < 5 / np.sqrt(1e5)
    for lag in (10, 100):
        moved = walk[lag::lag] - walk[:-lag:lag]
        expected = 2 * diffusion * lag
        error = 5 * np.sqrt(2 / len(moved)) * expected
        assert (abs((moved**2).mean(axis=0) - expected) <= error).all()


@given(n=st.integers(1, 300), more=st.integers(0, 300), first=st.integers(-100, 10**9))
def test_a_longer_movie_begins_with_the_shorter_one(n: int, more: int, first: int) -> None:
    terms: dict[str, Any] = {
        "velocity": (0.1, 0.2),
        "diffusion_constant": 1.0,
        "sinusoid": {"amplitude": 3, "period": 40},
        "seed": 5,
    }
    short = drift_curve(first, n, XY, **terms)
    np.testing.assert_allclose(
        drift_curve(first, n + more, XY, **terms)[:n], short, rtol=0, atol=1e-9
    )


@pytest.mark.parametrize("first", [0, 1, 57])
@pytest.mark.parametrize("name", TERMS)
def test_every_term_is_zero_in_the_first_frame_and_not_later(name: str, first: int) -> None:
    drift = drift_curve(first, 100, XY, **TERMS[name])
    assert drift.shape == (100, 2)
    assert (drift[0] == 0).all()
    assert (abs(drift[-1]) > 0.01).all() or name in {"array", "sinusoids"}
    assert abs(drift).max() > 0.1


@pytest.mark.parametrize(
    ("one", "other"), [(a, b) for a, b in combinations(TERMS, 2) if not {*TERMS[a]} & {*TERMS[b]}]
)
def test_terms_add_up(one: str, other: str) -> None:
    both = drift_curve(3, 100, XY, **TERMS[one], **TERMS[other])
    alone = drift_curve(3, 100, XY, **TERMS[one]) + drift_curve(3, 100, XY, **TERMS[other])
    np.testing.assert_allclose(both, alone, atol=1e-12)


def test_no_terms_no_drift() -> None:
    assert (drift_curve(0, 5, XY) == 0).all()
    assert drift_curve(0, 0, XYZ, diffusion_constant=1).shape == (0, 3)


def test_options_are_not_modified() -> None:
    rows = np.ones((5, 2))
    rows.setflags(write=False)
    sinusoid = {"amplitude": 1, "period": 3}
    drift_curve(0, 5, XY, curve=rows, sinusoid=sinusoid, step=(2, np.ones(2)))
    assert sinusoid == {"amplitude": 1, "period": 3}


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"velocity": (1, 2, 3)}, r"velocity=\(1, 2, 3\) must be one number, or 2 .* x, y"),
        ({"velocity": (1,)}, r"velocity=\(1,\)"),
        ({"velocity": (1, np.nan)}, "velocity.*finite"),
        ({"velocity": "fast"}, "velocity='fast' must be a number"),
        ({"diffusion_constant": -1}, "diffusion_constant=-1 must be at least 0"),
        ({"diffusion_constant": (1, 2, 3)}, "diffusion_constant"),
        ({"sinusoid": {"amplitude": 1}}, "lacks period"),
        ({"sinusoid": {"amplitude": 1, "period": 1, "speed": 1}}, "unknown speed.*phase"),
        ({"sinusoid": {"amplitude": 1, "period": 0}}, "sinusoid period=0"),
        ({"sinusoid": {"amplitude": (1, 2, 3), "period": 1}}, "sinusoid amplitude"),
        ({"sinusoid": 5}, "sinusoid=5 must be a dict"),
        ({"settling": {"amplitude": 1, "time_constant": -3}}, "time_constant=-3"),
        ({"settling": [5]}, "settling=5 must be a dict"),
        ({"step": 5}, r"step=5 must be a pair \(frame, jump\)"),
        ({"step": (5, 6, 7)}, "step="),
        ({"step": (5, (1, 2, 3))}, "step jump"),
        ({"step": ("later", 1)}, "step=.'later', 1. must be a pair"),
        ({"step": [("later", 1)]}, "step frame='later'"),
        ({"curve": np.zeros(10)}, r"curve has shape \(10,\).*2 columns"),
        ({"curve": np.zeros((10, 3))}, "curve has shape"),
        ({"curve": np.zeros((9, 2))}, "at least 10 rows, one for each frame from 4 on"),
        ({"curve": np.full((10, 2), np.nan)}, "curve is not finite"),
        ({"curve": "wiggly"}, "curve='wiggly'"),
        ({"curve": lambda frames: frames}, "curve gave an array of shape"),
    ],
)
def test_what_makes_no_sense_is_named(terms: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        drift_curve(4, 10, XY, **terms)


def test_too_many_frames_are_an_error_before_memory_is_taken() -> None:
    with pytest.raises(OptionError, match=r"frames 0 to 999999999999 .* without large gaps"):
        drift_curve(0, 10**12, XY, diffusion_constant=1)
