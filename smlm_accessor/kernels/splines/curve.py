"""A natural cubic spline and its standard deviation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline

from smlm_accessor._typing import FloatArray


@dataclass(frozen=True, eq=False)
class SmoothingSpline:
    """A natural cubic spline and the posterior covariance of its coefficients.

    It is a function of the standardised abscissa ``u = (x - center) / width``.
    """

    knots: FloatArray  # (k + 4,) the end knots fourfold
    coefficients: FloatArray  # (k,) of the B-splines
    covariance: FloatArray  # (4, k) of i and i + j at [j, i]; NaN where nothing tells the noise
    center: float
    width: float
    smoothing: float  # factor of the penalty in u: infinite for a line, 0 for interpolation
    edf: float  # effective degrees of freedom; 2 is a line
    scale: float  # variance of a point of weight 1
    rss: float  # weighted sum of squares of the residuals
    total: float  # and about the weighted mean
    n: int  # points
    widening: float = 1.0  # factor of `std` where few residuals tell the noise

    def __post_init__(self) -> None:
        for array in (self.knots, self.coefficients, self.covariance):
            array.setflags(write=False)

    def __call__(self, x: FloatArray) -> FloatArray:
        """Evaluate at ``x``; outside the points the curve goes on as a straight line."""
        u, beyond = self._split(x)
        spline = BSpline(self.knots, self.coefficients, 3)
        values = np.asarray(spline(u), dtype=np.float64)
        out = beyond != 0
        if np.any(out):
            values[out] += beyond[out] * spline(u[out], nu=1)
        return values

    def std(self, x: FloatArray) -> FloatArray:
        """Return the posterior standard deviation of the curve at ``x``.

        The square root of ``b' C b`` with the values ``b`` of the B-splines and the covariance
        ``C``. Outside the points it grows as that of an integrated Wiener process, the prior of
        which this spline is the posterior mean.
        """
        u, beyond = self._split(x)
        if not len(u):
            return u
        basis = BSpline.design_matrix(u, self.knots, 3)
        first, rows = basis.indices[::4].astype(np.int64), basis.data.reshape(-1, 4).T.copy()
        out, end = beyond != 0, beyond > 0
        if np.any(out):  # on the tangent at an end, where only two B-splines have a slope
            k = len(self.coefficients)
            at_ends = self.knots[4] - self.knots[1], self.knots[k + 2] - self.knots[k - 1]
            lever = 3 * beyond / np.where(end, at_ends[1], at_ends[0])
            rows = rows + lever * np.array([end - 1, 1 - end, 0 - end, 0 + end])
        variance = np.zeros(len(u))
        for i in range(4):
            with_others = rows[i] * self.covariance[0][first + i]
            for j in range(1, 4 - i):
                with_others += 2 * rows[i + j] * self.covariance[j][first + i]
            variance += rows[i] * with_others
        if np.any(out) and 0 < self.smoothing < np.inf:
            steps = np.diff(self.knots[3:-3]).tolist()
            turns = np.where(end, _slope_variance(steps), _slope_variance(steps[::-1]))
            far = np.abs(beyond)
            variance += self.scale / self.smoothing * far**2 * (turns + far / 3)
        return np.asarray(self.widening * np.sqrt(np.maximum(variance, 0.0)))

    def _split(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Standardise, and tell what is inside the knots from what is beyond them."""
        u = (np.asarray(x, dtype=np.float64) - self.center) / self.width
        inside = np.clip(u, self.knots[0], self.knots[-1])
        return inside, u - inside


def _slope_variance(steps: list[float]) -> float:
    """Return the variance of the slope at the last node, the values at all nodes being known.

    That of an integrated Wiener process of rate 1, which the coefficients do not tell.
    """
    variance = steps[0] / 3
    for h in steps[1:]:
        variance += h - (variance + h / 2) ** 2 / (variance + h / 3)
    return variance
