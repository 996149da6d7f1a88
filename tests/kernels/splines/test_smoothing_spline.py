from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline, UnivariateSpline, make_smoothing_spline

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.splines import smoothing_spline as module
from smlm_accessor.kernels.splines.smoothing_spline import (
    KNOTS,
    SmoothingSpline,
    smoothing_spline,
    student,
)

LAST = 33_000
FRAMES = np.arange(float(LAST))


def middles(n: int) -> FloatArray:
    edges = np.linspace(0, LAST, n + 1)
    return (edges[1:] + edges[:-1]) / 2


def sine(frames: FloatArray, periods: float = 3) -> FloatArray:
    return np.asarray(20 * np.sin(2 * np.pi * periods * frames / LAST))


def noisy(n: int = 30, seed: int = 0) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    x = np.sort(rng.uniform(0, LAST, n))
    w = rng.uniform(0.5, 2, n)
    return x, sine(x, 1) + rng.normal(0, 2 / w), w


def n_knots(spline: SmoothingSpline) -> int:
    return len(spline.knots) - 6


# Against other solutions of the same problem.


@pytest.mark.parametrize("s", [None, 20.0, 300.0])
def test_equals_scipys_at_the_same_smoothing(s: float | None) -> None:
    x, y, w = noisy()
    ours = smoothing_spline(x, y, weights=w, s=s)
    u = (x - ours.center) / ours.width
    theirs = make_smoothing_spline(u, y, w=w**2, lam=ours.smoothing)
    inside = np.linspace(0, 1, 301)
    np.testing.assert_allclose(
        ours(inside * ours.width + ours.center), theirs(inside), rtol=0, atol=1e-6
    )


def test_is_the_posterior_of_an_integrated_wiener_process() -> None:
    # Dense Gaussian process: a + b u, the process, and noise; a and b by generalised least squares.
    x, y, w = noisy(12)
    spline = smoothing_spline(x, y, weights=w)
    at = np.concatenate([x, [x[0] - 5000, x[0] - 500, x[-1] + 500, x[-1] + 5000]])
    u, u_at = ((v - spline.center) / spline.width + 1 for v in (x, at))

    def process(a: FloatArray, b: FloatArray) -> FloatArray:
        low, high = np.minimum.outer(a, b), np.maximum.outer(a, b)
        rate = spline.scale / spline.smoothing
        return np.asarray(rate * low**2 * (3 * high - low) / 6)

    data = process(u, u) + np.diag(spline.scale / w**2)
    lines, lines_at = (np.column_stack([np.ones(len(v)), v]) for v in (u, u_at))
    gain = np.linalg.solve(data, process(u, u_at)).T
    known = np.linalg.inv(lines.T @ np.linalg.solve(data, lines))
    line = known @ lines.T @ np.linalg.solve(data, y)
    rest = lines_at - gain @ lines
    variance = np.diag(process(u_at, u_at) - gain @ process(u, u_at) + rest @ known @ rest.T)
    assert 3 < spline.edf < 11
    np.testing.assert_allclose(spline(at), gain @ y + rest @ line, atol=1e-6)
    # The smoothing given, and the noise: neither is unsure.
    given = smoothing_spline(x, y, weights=w, s=spline.rss)
    np.testing.assert_allclose(given.std(at) / given.widening, np.sqrt(variance), rtol=1e-6)
    assert (spline.std(at) > given.std(at)).all()


# The smoothing chosen from the data.


def test_takes_a_noisy_line_for_a_line() -> None:
    rng = np.random.default_rng(1)
    x, truth = middles(10), -66 * FRAMES / LAST
    curve_error, line_error = [], []
    for _ in range(200):
        y = -66 * x / LAST + rng.normal(0, 0.24, 10)
        curve_error.append(
            np.sqrt(np.mean((smoothing_spline(x, y)(FRAMES[::50]) - truth[::50]) ** 2))
        )
        line = np.polynomial.Polynomial.fit(x, y, 1)
        line_error.append(np.sqrt(np.mean((line(FRAMES[::50]) - truth[::50]) ** 2)))
    assert np.mean(curve_error) < 1.2 * np.mean(line_error)


def test_the_smoothing_is_that_of_the_process_it_came_from() -> None:
    """The penalty is the variance of the noise over the rate of the integrated Wiener process."""
    rng = np.random.default_rng(9)
    n, rate = 100, 500.0
    x, h = np.arange(float(n)), 1 / (n - 1)
    step = np.linalg.cholesky(rate * np.array([[h**3 / 3, h**2 / 2], [h**2 / 2, h]]))
    found = []
    for _ in range(40):
        state, y = np.zeros(2), np.empty(n)
        for k in range(n):
            y[k] = state[0] + rng.normal()
            state = np.array([state[0] + h * state[1], state[1]]) + step @ rng.normal(size=2)
        found.append(np.log10(smoothing_spline(x, y, noise=1.0).smoothing * rate))
    assert abs(np.median(found)) < 0.2
    assert np.std(found) < 0.6


def test_follows_a_sine() -> None:
    rng = np.random.default_rng(2)
    x = middles(40)
    errors = [
        smoothing_spline(x, sine(x) + rng.normal(0, 0.5, 40))(FRAMES[::50]) - sine(FRAMES[::50])
        for _ in range(20)
    ]
    assert np.sqrt(np.mean(np.square(errors))) < 0.5


@pytest.mark.parametrize(("periods", "noise"), [(0, 0.24), (1, 0.5), (1, 5)])
def test_the_band_tells_the_error(periods: float, noise: float) -> None:
    rng = np.random.default_rng(3)
    x = middles(20)
    normalised = []
    for _ in range(150):
        spline = smoothing_spline(x, sine(x, periods) + rng.normal(0, noise, 20))
        normalised.append((spline(x) - sine(x, periods)) / spline.std(x))
    assert 0.8 < np.std(normalised) < 1.25


def test_never_takes_all_noise_for_signal() -> None:
    # Smooth beyond any Wiener process: the bare likelihood would interpolate, with a band of 0.
    rng = np.random.default_rng(4)
    spline = smoothing_spline(middles(40), sine(middles(40)) + rng.normal(0, 0.5, 40))
    assert spline.edf < 37
    assert spline.std(FRAMES).min() > 0.1


# A given sum of squares.


@pytest.mark.parametrize("s", [5.0, 100.0])
def test_s_is_the_weighted_sum_of_squares(s: float) -> None:
    x, y, w = noisy()
    spline = smoothing_spline(x, y, weights=w, s=s)
    assert np.sum((w * (y - spline(x))) ** 2) == pytest.approx(s, rel=1e-6)
    assert spline.rss == pytest.approx(s, rel=1e-6)
    fitpack = UnivariateSpline(x, y, w=w, s=s)
    assert fitpack.get_residual() == pytest.approx(s, rel=2e-3)  # the same meaning


def test_a_large_s_gives_the_weighted_line() -> None:
    x, y, w = noisy()
    spline = smoothing_spline(x, y, weights=w, s=1e9)
    np.testing.assert_allclose(spline(x), np.polynomial.Polynomial.fit(x, y, 1, w=w)(x))
    assert spline.edf == pytest.approx(2)
    assert spline.rss < 1e9


@pytest.mark.parametrize("n", [3, 30, 2000])
def test_s_zero_interpolates(n: int) -> None:
    x, y, w = noisy(n)
    spline = smoothing_spline(x, y, weights=w, s=0)
    np.testing.assert_allclose(spline(x), y, atol=1e-8)
    inside = np.linspace(x[0], x[-1], 100)
    np.testing.assert_allclose(
        spline(inside), CubicSpline(x, y, bc_type="natural")(inside), atol=1e-6
    )
    assert np.isnan(spline.std(inside)).all()


def test_a_small_s_takes_more_knots() -> None:
    rng = np.random.default_rng(5)
    x = np.arange(600.0)
    y = np.cumsum(rng.normal(size=600))
    spline = smoothing_spline(x, y, s=5.0)
    assert n_knots(spline) > KNOTS
    assert np.sum((y - spline(x)) ** 2) == pytest.approx(5, rel=1e-5)


def test_an_s_out_of_reach_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KNOTS", 30)
    y = np.random.default_rng(6).normal(size=300)
    with pytest.raises(ValueError, match=r"s=1e-06 cannot be reached with 240 knots, .* s=0"):
        smoothing_spline(np.arange(300.0), y, s=1e-6)


def test_a_negative_s_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"s=-1 must not be negative"):
        smoothing_spline(np.arange(5.0), np.arange(5.0), s=-1)


# Few points, many points, odd points.


def test_one_point_is_a_constant() -> None:
    spline = smoothing_spline(np.array([7.0]), np.array([3.0]))
    np.testing.assert_allclose(spline(np.array([-100.0, 7.0, 1e6])), 3.0)
    assert np.isnan(spline.std(np.array([7.0]))).all()


def test_one_frame_measured_twice_is_their_weighted_mean() -> None:
    spline = smoothing_spline(
        np.array([7.0, 7.0]), np.array([0.0, 4.0]), weights=np.array([1, 3.0**0.5])
    )
    np.testing.assert_allclose(spline(np.array([0.0, 7.0])), 3.0)
    # scale = 1 * 9 + 3 * 1 = 12 with one degree of freedom, and weights 1 + 3.
    np.testing.assert_allclose(spline.std(np.array([7.0])), np.sqrt(12 / 4) * student(1))


def test_two_points_are_a_line() -> None:
    spline = smoothing_spline(np.array([10.0, 20.0]), np.array([1.0, 2.0]))
    np.testing.assert_allclose(spline(np.array([0.0, 15.0, 40.0])), [0.0, 1.5, 4.0], atol=1e-12)


def test_two_points_and_a_given_s_are_a_line() -> None:
    spline = smoothing_spline(np.array([10.0, 20.0]), np.array([1.0, 2.1]), s=1e-40)
    np.testing.assert_allclose(spline(np.array([10.0, 20.0])), [1.0, 2.1])


def test_three_points_are_the_best_line() -> None:
    x, y = np.array([0.0, 1.0, 2.0]), np.array([0.0, 3.0, 0.0])
    spline = smoothing_spline(x, y)
    np.testing.assert_allclose(spline(x), 1.0)
    # Residuals -1, 2, -1 with one degree of freedom.
    expected = np.sqrt(6 * np.array([5 / 6, 1 / 3, 5 / 6])) * student(1)
    np.testing.assert_allclose(spline.std(x), expected)


def test_four_points_may_bend() -> None:
    x = np.arange(4.0)
    assert smoothing_spline(x, np.array([0.0, 1.0, 2.0, 3.1])).edf < 4
    assert np.isfinite(smoothing_spline(x, np.array([0.0, 9.0, 9.0, 0.0])).std(x)).all()


@pytest.mark.parametrize("y", [np.zeros(9), np.full(9, 1.0), 5 - 0.1 * np.arange(9.0)])
def test_exact_lines_stay_exact(y: FloatArray) -> None:
    x = np.arange(9.0)
    spline = smoothing_spline(x, y)
    np.testing.assert_allclose(spline(x), y, atol=1e-12)
    assert (spline.std(x) < 1e-12).all()


def test_many_points_take_few_knots() -> None:
    rng = np.random.default_rng(7)
    spline = smoothing_spline(FRAMES, sine(FRAMES) + rng.normal(0, 5, LAST))
    assert n_knots(spline) == KNOTS
    assert np.sqrt(np.mean((spline(FRAMES) - sine(FRAMES)) ** 2)) < 0.5


def test_a_rough_curve_takes_more_knots() -> None:
    rng = np.random.default_rng(8)
    y = np.cumsum(rng.normal(size=1000))
    assert n_knots(smoothing_spline(np.arange(1000.0), y)) == 400


def test_nearly_coinciding_points_do_no_harm() -> None:
    x, y, _ = noisy()
    doubled = smoothing_spline(np.append(x, x[3] + 1e-7), np.append(y, y[3] + 1))
    np.testing.assert_allclose(doubled(x), smoothing_spline(x, y)(x), atol=2)


def test_repeated_abscissae_equal_larger_weights() -> None:
    x, y, _ = noisy()
    w = np.ones(len(x))
    w[:5] = np.sqrt(2)
    once = smoothing_spline(x, y, weights=w, s=100)
    twice = smoothing_spline(np.append(x, x[:5]), np.append(y, y[:5]), s=100)
    np.testing.assert_allclose(twice(x), once(x), atol=1e-6)


def test_order_unit_and_far_frames_do_not_matter() -> None:
    x, y, w = noisy()
    plain = smoothing_spline(x, y, weights=w)
    mixed = np.random.default_rng(0).permutation(len(x))
    far = smoothing_spline(10 * x[mixed] + 1e9, 1000 * y[mixed], weights=w[mixed] / 7)
    np.testing.assert_allclose(far(10 * x + 1e9), 1000 * plain(x), atol=1e-2)
    np.testing.assert_allclose(far.std(10 * x + 1e9), 1000 * plain.std(x), rtol=1e-4)


def test_weights_matter() -> None:
    x = np.arange(11.0)
    y = np.where(x == 5, 100.0, 0.0)
    light = np.where(x == 5, 1e-3, 1.0)
    assert abs(smoothing_spline(x, y, weights=light)(x)).max() < 0.1
    assert smoothing_spline(x, y)(x).max() > 5


def test_points_of_no_weight_are_left_out() -> None:
    x, y, _ = noisy()
    weights = np.ones(len(x))
    weights[[0, 4]] = 0
    kept = weights > 0
    spoilt = np.where(kept, y, 1e6)
    np.testing.assert_array_equal(
        smoothing_spline(x, spoilt, weights=weights)(x), smoothing_spline(x[kept], y[kept])(x)
    )
    with pytest.raises(ValueError, match="at least one point of positive weight"):
        smoothing_spline(x, y, weights=np.zeros(len(x)))


def test_inputs_may_be_read_only_and_whole_numbers() -> None:
    x, y = np.arange(5), np.array([0, 1, 3, 2, 5])
    for array in (x, y):
        array.setflags(write=False)
    assert np.isfinite(smoothing_spline(x, y)(x)).all()  # type: ignore[arg-type]


@pytest.mark.parametrize("n", [4, 6, 10, 40])
@pytest.mark.parametrize("known", [True, False])
def test_the_band_covers_the_truth(n: int, known: bool) -> None:
    """Also of few points, which do not tell how rough the curve is."""
    x, inside = np.linspace(0, 1, n), np.linspace(0, 1, 50)
    errors = []
    for seed in range(60):
        rng = np.random.default_rng([seed, n])
        phase, size = rng.uniform(0, 2 * np.pi), rng.uniform(2, 10)
        y = size * np.sin(phase + 5 * x) + rng.normal(size=n)
        spline = smoothing_spline(x, y, noise=float(known))
        truth = size * np.sin(phase + 5 * inside)
        errors.append((spline(inside) - truth) / spline.std(inside))
    assert 0.55 < np.mean(np.abs(errors) < 1) < 0.9
    assert 0.6 < np.sqrt(np.mean(np.square(errors))) < (1.5 if known or n > 4 else 3)


def test_a_known_noise_gives_a_band_where_nothing_is_left_over() -> None:
    x, y, w = np.array([0.0, 3.0, 7.0]), np.array([1.0, 5.0, 2.0]), np.array([1.0, 2.0, 0.5])
    for n in (1, 2, 3):
        spline = smoothing_spline(x[:n], y[:n], weights=w[:n], s=0, noise=1.0)
        np.testing.assert_allclose(spline.std(x[:n]), 1 / w[:n])
