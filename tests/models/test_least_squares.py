from __future__ import annotations

from typing import Any

import lmfit
import numpy as np
import pytest

from smlm_accessor.errors import DriftError, OptionError
from smlm_accessor.models import Constant, Linear, Polynomial
from smlm_accessor.models.chunk_series import ChunkSeries
from smlm_accessor.models.least_squares import fit_least_squares

FRAMES = np.linspace(1650, 31350, 10)
EVERY = np.arange(0.0, 33_000.0, 100.0)


def series(values: Any, frames: Any = FRAMES, weights: Any = None) -> ChunkSeries:
    return ChunkSeries("offset x", np.asarray(frames), np.asarray(values, dtype=float), weights)


def noisy(truth: Any, noise: float = 0.2, seed: int = 0) -> ChunkSeries:
    rng = np.random.default_rng(seed)
    return series(np.asarray(truth) + rng.normal(0, noise, len(FRAMES)))


def test_constant_is_the_weighted_mean() -> None:
    weights = np.sqrt(np.arange(1.0, 11.0))
    values = np.arange(10.0)
    fit = fit_least_squares(Constant(), series(values, weights=weights))
    np.testing.assert_allclose(fit.eval(EVERY), np.average(values, weights=weights**2))
    assert fit.result.params["c"].value == pytest.approx(6)
    assert (fit.kind, fit.n_needed) == ("constant", 1)


def test_a_fixed_constant_is_not_fitted() -> None:
    fit = fit_least_squares(Constant(1.0), series(np.arange(10.0)))
    np.testing.assert_array_equal(fit.eval(EVERY), 1)
    np.testing.assert_array_equal(fit.std(EVERY), 0)
    assert isinstance(fit.result, lmfit.model.ModelResult)
    assert (fit.kind, fit.n_needed) == ("one", 0)


def test_a_line_and_its_band_are_those_of_linear_regression() -> None:
    data = noisy(0.002 * FRAMES + 5)
    fit = fit_least_squares(Linear(), data)
    centred = FRAMES - FRAMES.mean()
    slope = centred @ data.values / (centred @ centred)
    line = data.values.mean() + slope * (EVERY - FRAMES.mean())
    rest = data.values - data.values.mean() - slope * centred
    lever = 1 / 10 + (EVERY - FRAMES.mean()) ** 2 / (centred @ centred)
    np.testing.assert_allclose(fit.eval(EVERY), line, rtol=1e-9)
    np.testing.assert_allclose(fit.std(EVERY), np.sqrt(rest @ rest / 8 * lever), rtol=1e-6)
    assert fit.result.params["slope"].value == pytest.approx(slope)
    assert fit.figures()["slope"].startswith(f"{slope:.4g} +/- ")


def test_the_band_of_a_line_continues_as_that_of_the_line() -> None:
    fit = fit_least_squares(Linear(), noisy(0.002 * FRAMES))
    beyond = np.array([-5000.0, 50_000.0])
    np.testing.assert_allclose(fit.eval(beyond, (0.0, 32_999.0)), fit.eval(beyond))
    np.testing.assert_allclose(fit.std(beyond, (0.0, 32_999.0)), fit.std(beyond))


@pytest.mark.parametrize("start", [0.0, 1e6])
@pytest.mark.parametrize("degree", range(8))
def test_polynomials_are_right_up_to_degree_7(degree: int, start: float) -> None:
    frames = start + np.linspace(0, 1e5, 20)
    data = series(20 * np.sin(frames / 2e4) + np.random.default_rng(1).normal(0, 0.5, 20), frames)
    fit = fit_least_squares(Polynomial(degree), data)
    expected = np.polynomial.Polynomial.fit(frames, data.values, degree)
    at = np.linspace(start, start + 1e5, 333)
    np.testing.assert_allclose(fit.eval(at), expected(at), atol=1e-9)
    # Parameters in frames, of which far from 0 and of a high degree a digit in 1e12 is too few.
    np.testing.assert_allclose(
        fit.result.eval(x=at), expected(at), atol=1e-6 if start == 0 else 1e-3
    )
    # The band, from an orthonormal basis.
    basis = np.linalg.qr(np.vander((frames - start) / 5e4 - 1, degree + 1))[0]
    noise = np.sum((data.values - expected(frames)) ** 2) / (19 - degree)
    np.testing.assert_allclose(
        fit.std(frames), np.sqrt(noise * np.sum(basis**2, axis=1)), rtol=1e-3
    )
    names = set(fit.result.params)
    assert names == {f"c{k}" for k in range(degree + 1)}


def test_a_polynomial_goes_on_as_its_tangent_outside() -> None:
    fit = fit_least_squares(Polynomial(3), noisy(1e-12 * FRAMES**3))
    out = fit.eval(np.array([32_999.0, 42_999.0, 52_999.0]), (0.0, 32_999.0))
    inside = fit.eval(np.array([32_998.0, 32_999.0]))
    assert out[2] - out[1] == pytest.approx(out[1] - out[0], rel=1e-6)
    assert out[1] - out[0] == pytest.approx(1e4 * (inside[1] - inside[0]), rel=1e-3)


def test_weights_matter() -> None:
    values = np.where(FRAMES > 30_000, 100.0, 0.0)
    weights = np.where(FRAMES > 30_000, 1e-4, 1.0)
    assert (
        abs(fit_least_squares(Linear(), series(values, weights=weights)).eval(EVERY)).max() < 1e-3
    )
    assert fit_least_squares(Linear(), series(values)).eval(EVERY).max() > 20


def test_as_many_chunks_as_parameters_leave_no_band() -> None:
    fit = fit_least_squares(Linear(), series([1.0, 2.0], [0.0, 100.0]))
    np.testing.assert_allclose(fit.eval(np.array([0.0, 50.0])), [1, 1.5])
    assert np.isnan(fit.std(np.array([0.0, 50.0]))).all()
    assert fit.figures() == {
        "slope": "0.01",
        "intercept": "1",
        "R^2": "1.00000",
        "chi-square": "0",
    }


# Models of lmfit.


def test_a_model_that_guesses() -> None:
    truth = -20 * np.exp(-FRAMES / 8000)
    fit = fit_least_squares(lmfit.models.ExponentialModel(), noisy(truth, 0.01))
    np.testing.assert_allclose(fit.eval(FRAMES), truth, atol=0.05)
    assert fit.result.params["decay"].value == pytest.approx(8000, rel=0.01)
    assert (fit.kind, fit.n_needed) == ("Model(exponential)", 2)


def settle(t: Any, far: float = -30.0, tau: float = 5000.0) -> Any:
    return far * (1 - np.exp(-t / tau))


def test_a_function_of_any_variable_and_its_band() -> None:
    model = lmfit.Model(settle)
    fits = [fit_least_squares(model, noisy(settle(FRAMES, -40, 9000), 0.3, s)) for s in range(100)]
    assert fits[0].result.model.independent_vars == ["t"]
    error = np.array([fit.eval(FRAMES) - settle(FRAMES, -40, 9000) for fit in fits])
    std = np.array([fit.std(FRAMES) for fit in fits])
    assert np.std(error) < 0.2
    assert 0.8 < np.std(error / std) < 1.25


def test_the_band_is_that_of_lmfit() -> None:
    # lmfit widens its band by Student's t; 1 sigma of it with 7 degrees of freedom is 1.0767.
    model = lmfit.models.QuadraticModel()
    fit = fit_least_squares(model, noisy(1e-8 * FRAMES**2, 0.3))
    theirs = fit.result.eval_uncertainty(x=FRAMES, sigma=1)
    np.testing.assert_allclose(theirs / fit.std(FRAMES), 1.0767, rtol=1e-3)


def test_hints_bounds_and_fixed_parameters_are_kept() -> None:
    model = lmfit.Model(settle)
    model.set_param_hint("tau", value=9000, vary=False)
    model.set_param_hint("far", max=0)
    fit = fit_least_squares(model, noisy(settle(FRAMES, -40, 9000)))
    assert fit.n_needed == 1
    assert fit.result.params["tau"].value == 9000
    assert fit.result.params["far"].value == pytest.approx(-40, abs=0.5)
    assert 0 < fit.std(FRAMES).max() < 0.3


def test_a_constant_model_of_the_user_gives_a_curve_too() -> None:
    fit = fit_least_squares(lmfit.models.ConstantModel(), series(np.full(10, 3.0)))
    np.testing.assert_allclose(fit.eval(EVERY), 3)
    assert fit.n_needed == 1


def test_the_model_of_the_user_is_not_changed() -> None:
    model = lmfit.Model(settle)
    fit_least_squares(model, noisy(settle(FRAMES)))
    assert model.param_hints == {}
    assert model.make_params()["far"].value == -30


# What goes wrong.


@pytest.mark.parametrize(
    ("spec", "n", "needed"),
    [
        (Constant(), 0, 1),
        (Linear(), 1, 2),
        (Polynomial(3), 3, 4),
        (lmfit.Model(settle), 1, 2),
    ],
)
def test_too_few_chunks(spec: Any, n: int, needed: int) -> None:
    with pytest.raises(DriftError) as caught:
        fit_least_squares(spec, series(np.arange(n), np.arange(float(n))))
    message = str(caught.value)
    assert message.startswith("offset x: ")
    assert f"needs at least {needed} valid chunks, there {'is' if n == 1 else 'are'} {n}" in message
    assert "or estimate the drift with more chunks" in message


def test_no_start_value() -> None:
    model = lmfit.Model(lambda t, speed: speed * t, name="drifting")
    with pytest.raises(
        OptionError, match=r"drifting.* no start value for speed; set it: model.set"
    ):
        fit_least_squares(model, noisy(FRAMES))


def test_two_variables() -> None:
    model = lmfit.Model(lambda t, u, a=1.0: a * t * u, independent_vars=["t", "u"])
    with pytest.raises(OptionError, match=r"variables \['t', 'u'\]; it must have one, the frame"):
        fit_least_squares(model, noisy(FRAMES))


def test_a_model_that_fails() -> None:
    model = lmfit.Model(lambda t, a=1.0: a * np.log(-t))
    with pytest.raises(DriftError, match=r"offset x: .* could not be fitted: .*Give start values"):
        fit_least_squares(model, noisy(FRAMES))
