from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.splines.modes import Modes, decompose


def problem(n: int = 12) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(0)
    u = np.sort(rng.uniform(0, 1, n))
    u[[0, -1]] = 0, 1
    return u, np.sin(5 * u) + rng.normal(0, 0.1, n), rng.uniform(0.5, 2, n)


@pytest.fixture(scope="module")
def modes() -> Modes:
    u, y, w = problem()
    return decompose(u, y, w, u)


def restricted_deviance(smoothing: float) -> float:
    """Minus twice the log likelihood of what a straight line leaves, the scale being profiled."""
    u, y, w = problem()
    n = len(u)
    low, high = np.minimum.outer(u, u), np.maximum.outer(u, u)
    covariance = low**2 * (3 * high - low) / 6 / smoothing + np.diag(1 / w**2)
    lines = np.column_stack([np.ones(n), u])
    contrasts = np.linalg.svd(lines)[0][:, 2:]
    small = contrasts.T @ covariance @ contrasts
    rest = contrasts.T @ y
    scale = rest @ np.linalg.solve(small, rest) / (n - 2)
    return float((n - 2) * np.log(scale) + np.linalg.slogdet(small)[1])


@pytest.mark.parametrize("decade", [-6.0, -3.0, -1.0, 2.0])
def test_deviance_is_the_restricted_likelihood_times_the_prior(modes: Modes, decade: float) -> None:
    prior = (1 - (modes.edf(10**decade) - 2) / (modes.n - 2)) ** 2
    expected = restricted_deviance(10**decade) - restricted_deviance(1e12) - 2 * np.log(prior)
    assert modes.deviance(decade) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_the_likeliest_has_the_lowest_deviance(modes: Modes) -> None:
    best = modes.deviance(float(np.log10(modes.likeliest())))
    assert best < 0
    assert best <= min(modes.deviance(d) for d in np.arange(-12, 6, 0.05)) + 1e-6


def test_modes_are_orthonormal_and_diagonal(modes: Modes) -> None:
    from scipy.interpolate import BSpline

    u, _, w = problem()
    values = BSpline(modes.knots, modes.modes, 3)(u) * w[:, None]
    np.testing.assert_allclose(values.T @ values, np.eye(len(u)), atol=1e-7)
    # Simpson's rule is exact for the square of f'', which is linear between nodes.
    second = BSpline(modes.knots, modes.modes, 3).derivative(2)
    nodes = np.unique(modes.knots)
    middle, step = (nodes[1:] + nodes[:-1]) / 2, np.diff(nodes)
    edge = 1e-12
    left, half, right = second(nodes[:-1] + edge), second(middle), second(nodes[1:] - edge)
    penalty = sum(
        (share * step[:, None] * part).T @ part
        for share, part in ((1 / 6, left), (4 / 6, half), (1 / 6, right))
    )
    scale = np.sqrt(np.outer(modes.roughness, modes.roughness)) + 1
    np.testing.assert_allclose(penalty / scale, np.diag(modes.roughness) / scale, atol=1e-6)


def test_the_two_limits(modes: Modes) -> None:
    u, y, w = problem()
    line = np.polynomial.Polynomial.fit(u, y, 1, w=w)(u)
    assert modes.rss(np.inf) == pytest.approx(np.sum((w * (y - line)) ** 2))
    assert modes.rss(0.0) == pytest.approx(0, abs=1e-12)
    assert modes.edf(np.inf) == 2
    assert modes.edf(0.0) == len(u)
    assert modes.for_rss(modes.rss(np.inf) * 1.01) == np.inf


def test_fewer_knots_leave_what_they_cannot_explain() -> None:
    u, y, w = problem()
    few = decompose(u, y, w, u[[0, 4, 8, 11]])
    assert few.edf(0.0) == 4
    assert few.rss(0.0) > 0.01
    assert few.for_rss(few.rss(0.0) / 2) is None
