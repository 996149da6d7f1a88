"""Interpolate between points in time without overshooting, and go on straight beyond them."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicHermiteSpline

from smlm_accessor._typing import FloatArray


def interpolate(times: FloatArray, values: FloatArray, at: FloatArray, *, kind: str) -> FloatArray:
    """Interpolate values given at increasing times.

    Parameters
    ----------
    times : ndarray, shape (k,), float64
        Strictly increasing.
    values : ndarray, shape (k, m), float64
    at : ndarray, shape (n,), float64
        Before the first and after the last time the curve continues on the line through the last
        two points.
    kind : {"linear", "cubic"}
        The cubic stays between the values on either side of it, so it cannot swing.

    Returns
    -------
    ndarray, shape (n, m)

    References
    ----------
    F. N. Fritsch and J. Butland, "A method for constructing local monotone piecewise cubic
    interpolants", SIAM J. Sci. Stat. Comput. 5, 300 (1984), DOI 10.1137/0905021.

    Examples
    --------
    >>> t = np.array([0.0, 1.0, 2.0])
    >>> interpolate(t, t[:, None] ** 2, np.array([1.5, 3.0]), kind="linear").ravel()
    array([2.5, 7. ])
    """
    if len(times) == 1:
        return np.broadcast_to(values, (len(at), values.shape[1])).copy()
    if kind == "linear":
        inner = np.column_stack([np.interp(at, times, column) for column in values.T])
    else:
        curve = CubicHermiteSpline(times, values, _slopes(times, values))
        inner = curve(np.clip(at, times[0], times[-1]))
    for edge, outside in (((0, 1), at < times[0]), ((-1, -2), at > times[-1])):
        if outside.any():
            end, next_to_it = edge
            slope = (values[end] - values[next_to_it]) / (times[end] - times[next_to_it])
            inner[outside] = values[end] + (at[outside] - times[end])[:, None] * slope
    return np.asarray(inner)


def _slopes(times: FloatArray, values: FloatArray) -> FloatArray:
    """Return slopes, shape (k, m), that keep the cubic between its neighbouring values."""
    step = np.diff(times)[:, None]
    secant = np.diff(values, axis=0) / step
    slopes = np.empty_like(values)
    slopes[0], slopes[-1] = secant[0], secant[-1]
    before, after = secant[:-1], secant[1:]
    same_sign = before * after > 0
    weight_before = 2 * step[1:] + step[:-1]
    weight_after = step[1:] + 2 * step[:-1]
    # The weighted harmonic mean; zero where the direction turns.
    divisor = np.where(same_sign, weight_before * after + weight_after * before, 1.0)
    product = before * after * (weight_before + weight_after)
    slopes[1:-1] = np.where(same_sign, product / divisor, 0.0)
    return slopes
