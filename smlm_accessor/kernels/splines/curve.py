"""A natural cubic spline that knows how sure it is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline

from smlm_accessor._typing import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class SmoothingSpline:
    """A natural cubic spline and the posterior covariance of its coefficients.

    Parameters
    ----------
    knots : ndarray, shape (k + 4,)
        Knots in the standardised abscissa ``(x - center) / width``, the end knots fourfold.
    coefficients : ndarray, shape (k,)
        B-spline coefficients.
    covariance : ndarray, shape (4, k)
        Posterior covariance of coefficients ``i`` and ``i + j`` at ``[j, i]``; NaN where the points
        leave no residual from which their noise could be estimated.
    center, width : float
        The standardisation.
    smoothing : float
        Penalty factor in the standardised abscissa; infinite for a straight line, 0 for
        interpolation.
    edf : float
        Effective degrees of freedom; 2 is a straight line.
    scale : float
        Estimated variance of a point of weight 1.
    rss : float
        Weighted residual sum of squares.
    total : float
        Weighted sum of squares about the weighted mean.
    n : int
        Number of points.
    widening : float, default 1
        What `std` is multiplied with, where few residuals tell the noise.
    """

    knots: FloatArray
    coefficients: FloatArray
    covariance: FloatArray
    center: float
    width: float
    smoothing: float
    edf: float
    scale: float
    rss: float
    total: float
    n: int
    widening: float = 1.0

    def __post_init__(self) -> None:
        for array in (self.knots, self.coefficients, self.covariance):
            array.setflags(write=False)

    def __call__(self, x: FloatArray) -> FloatArray:
        """Evaluate at ``x``; outside the points the curve goes on as a straight line.

        Parameters
        ----------
        x : ndarray, shape (m,)

        Returns
        -------
        ndarray, shape (m,)
        """
        u, beyond = self._split(x)
        spline = BSpline(self.knots, self.coefficients, 3)
        values = np.asarray(spline(u), dtype=np.float64)
        out = beyond != 0
        if np.any(out):
            values[out] += beyond[out] * spline(u[out], nu=1)
        return values

    def std(self, x: FloatArray) -> FloatArray:
        """Posterior standard deviation of the curve at ``x``.

        Outside the points it grows as that of an integrated Wiener process, the prior of which
        this spline is the posterior mean.

        Parameters
        ----------
        x : ndarray, shape (m,)

        Returns
        -------
        ndarray, shape (m,)
        """
        u, beyond = self._split(x)
        first, rows = _local_basis(self.knots, u)
        out = beyond != 0
        if np.any(out):
            rows[:, out] += beyond[out] * _end_slopes(self.knots, beyond[out] > 0)
        variance = np.zeros(len(u))
        for i in range(4):
            with_others = rows[i] * self.covariance[0][first + i]
            for j in range(1, 4 - i):
                with_others += 2 * rows[i + j] * self.covariance[j][first + i]
            variance += rows[i] * with_others
        if np.any(out) and 0 < self.smoothing < np.inf:
            steps = np.diff(self.knots[3:-3]).tolist()
            turns = np.where(beyond[out] < 0, _slope_variance(steps[::-1]), _slope_variance(steps))
            far = np.abs(beyond[out])
            variance[out] += self.scale / self.smoothing * far**2 * (turns + far / 3)
        return self.widening * np.sqrt(np.maximum(variance, 0.0))

    def _split(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Standardise, and tell what is inside the knots from what is beyond them."""
        u = (np.asarray(x, dtype=np.float64) - self.center) / self.width
        inside = np.clip(u, self.knots[0], self.knots[-1])
        return inside, u - inside


def _local_basis(knots: FloatArray, u: FloatArray) -> tuple[IntArray, FloatArray]:
    """Return the first of the four cubic B-splines that meet at each ``u``, and their values.

    The recursion of Cox and de Boor, shape (4, m).
    """
    span = np.clip(np.searchsorted(knots, u, side="right") - 1, 3, len(knots) - 5)
    rows = np.zeros((4, len(u)))
    rows[0] = 1.0
    for degree in range(1, 4):
        before = rows[:degree].copy()
        rows[: degree + 1] = 0.0
        for r in range(degree):
            left, right = knots[span + r + 1 - degree], knots[span + r + 1]
            share = before[r] / (right - left)
            rows[r] += (right - u) * share
            rows[r + 1] += (u - left) * share
    return span - 3, rows


def _end_slopes(knots: FloatArray, at_end: BoolArray) -> FloatArray:
    """Return the derivatives of the four B-splines at the first or last knot, shape (4, m)."""
    k = len(knots) - 4
    start, end = 3 / (knots[4] - knots[1]), 3 / (knots[k + 2] - knots[k - 1])
    slopes = np.array([[-start, start, 0.0, 0.0], [0.0, 0.0, -end, end]])
    return slopes[at_end.astype(np.int64)].T


def _slope_variance(steps: list[float]) -> float:
    """Return the variance of the slope at the last node, the values at all nodes being known.

    That of an integrated Wiener process of rate 1, which the coefficients do not tell.
    """
    variance = steps[0] / 3
    for h in steps[1:]:
        variance += h - (variance + h / 2) ** 2 / (variance + h / 3)
    return variance
