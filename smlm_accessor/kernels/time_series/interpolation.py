"""Interpolate between points in time without overshooting, and go on straight beyond them."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray


def interpolate(
    times: FloatArray,
    values: FloatArray,
    at: FloatArray | IntArray,
    *,
    kind: str,
    beyond: FloatArray | None = None,
) -> FloatArray:
    """Interpolate values, (k, m), given at increasing times: linearly, or by a cubic.

    The cubic stays between the values on either side of it, so it cannot swing. ``beyond``, (2, m),
    are the slopes before the first and after the last time: by default those of the lines through
    the first two and the last two values; 0 if there is a single one.

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
        kind, secant = "linear", np.zeros_like(values)
    else:
        secant = np.diff(values, axis=0) / np.diff(times)[:, None]
    if kind == "linear":
        inner = np.column_stack([np.interp(at, times, column) for column in values.T])
    else:
        inner = _cubic(times, values, secant, _slopes(times, secant), at)
    slopes = secant[[0, -1]] if beyond is None else beyond
    for end, outside in ((0, at < times[0]), (-1, at > times[-1])):
        if outside.any():
            inner[outside] = values[end] + (at[outside] - times[end])[:, None] * slopes[end]
    return np.asarray(inner)


def _cubic(
    times: FloatArray,
    values: FloatArray,
    secant: FloatArray,
    slopes: FloatArray,
    at: FloatArray | IntArray,
) -> FloatArray:
    """Return the cubics that have these values and slopes at the times.

    Own code: the import of scipy's takes 0.1 s.
    """
    step = np.diff(times)[:, None]
    bend = (slopes[:-1] + slopes[1:] - 2 * secant) / step
    terms = bend / step, (secant - slopes[:-1]) / step - bend, slopes[:-1], values[:-1]
    i = np.clip(np.searchsorted(times, at, side="right") - 1, 0, len(times) - 2)
    t = np.asarray(np.clip(at, times[0], times[-1]) - times[i], np.float64)
    found = np.empty((len(at), values.shape[1]))
    for column in range(values.shape[1]):
        cubic = np.zeros(len(at))
        for term in terms:
            cubic *= t
            cubic += term[:, column].take(i)
        found[:, column] = cubic
    return found


def _slopes(times: FloatArray, secant: FloatArray) -> FloatArray:
    """Return slopes, shape (k, m), that keep the cubic between its neighbouring values."""
    step = np.diff(times)[:, None]
    before, after = secant[:-1], secant[1:]
    same_sign = before * after > 0
    weight_before = 2 * step[1:] + step[:-1]
    weight_after = step[1:] + 2 * step[:-1]
    # The weighted harmonic mean; zero where the direction turns.
    divisor = np.where(same_sign, weight_before * after + weight_after * before, 1.0)
    product = before * after * (weight_before + weight_after)
    inner = np.where(same_sign, product / divisor, 0.0)
    return np.concatenate([secant[:1], inner, secant[-1:]])
