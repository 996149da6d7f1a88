"""Loops of the local trend: the Kalman filter, and the smoother that goes back through it.

The state is level, slope and acceleration. Covariances are six numbers: 11, 12, 13, 22, 23, 33.
"""

from __future__ import annotations

import math

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.compilation import kernel

# Rates that are tried at once: with 16, on a processor with vectors of four or eight numbers, one
# takes an eighth of the time that it takes alone; with 8 and 12, which are not made vectors, half.
_LANES = 16
_NOT_KEPT = np.empty((0, 3)), np.empty((0, 6))  # state and spread
_FACTORS = 4  # variances of innovations that are multiplied: up to 1e77, they do not overflow

# Variance of the unknown level and slope at the start, in units of that of the first values: much
# more would cost digits.
_FREE = 1e7
# Values can be noisier than their variances say, but hardly less noisy: a curve that bends faster
# than it is sampled would pass for one without noise.
QUIETEST = 0.8


def filter_forwards(
    step: FloatArray,
    value: FloatArray,
    variance: FloatArray,
    rates: FloatArray,
    free: BoolArray,
    scaled: bool,
    state: FloatArray,
    spread: FloatArray,
) -> tuple[float, float]:
    """Predict each value by those before.

    Return the log-likelihood of the values, and the factor of the variances that it is for. The
    first two values of each segment are spent on the unknown level and slope.

    Parameters
    ----------
    step : ndarray, shape (n,)
        Time since the value before; the first is not used.
    value, variance : ndarray, shape (n,)
        The variance is infinite where there is no value.
    rates : ndarray, shape (3,)
        Variance that level, slope and acceleration gain per unit of time; the acceleration at the
        start has the variance that it gains over all time.
    free : ndarray of bool, shape (n,)
        Level, slope and acceleration start anew there.
    scaled : bool
        Whether all variances, rates included, have a factor: the likeliest; else it is 1.
    state, spread : ndarray, shapes (n, 3) and (n, 6)
        Written: prediction, and its covariance.
    """
    found = _filtered(step, value, variance, rates[None], free, scaled, state, spread)
    return float(found[0, 0]), float(found[1, 0])


def likelihoods(
    step: FloatArray,
    value: FloatArray,
    variance: FloatArray,
    rates: FloatArray,
    free: BoolArray,
    scaled: bool,
) -> FloatArray:
    """Return the log-likelihood of `filter_forwards` for many rates, shape (k, 3)."""
    found = np.empty(len(rates))
    for k in range(0, len(rates), _LANES):
        part = slice(k, k + _LANES)
        lanes = _filtered(step, value, variance, rates[part], free, scaled, *_NOT_KEPT)
        found[part] = lanes[0, : len(rates) - k]
    return found


def _filtered(
    step: FloatArray,
    value: FloatArray,
    variance: FloatArray,
    rates: FloatArray,
    free: BoolArray,
    scaled: bool,
    state: FloatArray,
    spread: FloatArray,
) -> FloatArray:
    """Return log-likelihoods and factors for as many rates as there are lanes, shape (2, lanes)."""
    lanes, found = np.empty((3, _LANES)), np.empty((2, _LANES))
    lanes[:] = rates[:1].T
    lanes[:, : len(rates)] = rates.T
    room = np.empty((12, _LANES))
    _filter_lanes(step, value, variance, lanes, free, scaled, room, state, spread, found)
    return found


@kernel
def _filter_lanes(  # type: ignore[no-untyped-def]
    step, value, variance, rates, free, scaled, w, state, spread, found
):
    """Run the filter for several rates at once, each in a lane of the processor.

    Parameters
    ----------
    step, value, variance, free, scaled
        As in `filter_forwards`.
    rates : (3, lanes)
    w : (12, lanes) room: state, covariance, logarithms and squares of innovations, and the product
        of the variances of some innovations, for a logarithm takes as long as the rest
    state, spread : written for the first lane, unless they are empty
    found : (2, lanes) written: log-likelihood and factor
    """
    n = len(value)
    whole = 0.0
    for i in range(1, n):
        whole += step[i]
    for r in range(_LANES):
        w[9, r], w[10, r], w[11, r] = 0.0, 0.0, 1.0
    number = known = 0
    empty = False  # no values since the start
    for i in range(n):
        if i == 0 or free[i]:
            known = 0
            first, second, t1, t2, t = -1, -1, 0.0, 0.0, 0.0
            for k in range(i, n):
                if k > i:
                    if free[k]:
                        break
                    t += step[k]
                if math.isfinite(variance[k]):
                    if first < 0:
                        first, t1 = k, t
                    else:
                        second, t2 = k, t
                        break
            empty = first < 0
            # Nearly free, and centred where the first two values are.
            for r in range(_LANES):
                w[0, r] = w[1, r] = w[2, r] = w[4, r] = w[5, r] = w[7, r] = 0.0
                w[3, r], w[6, r], w[8, r] = 1.0, 1.0, rates[2, r] * whole
                if first >= 0:
                    w[0, r] = value[first]
                    w[3, r] = w[6, r] = _FREE * variance[first]
                if second >= 0:
                    dt = t2 - t1
                    gain = variance[first] + variance[second]
                    gain += rates[0, r] * dt + rates[1, r] * dt**3 / 3
                    gain += rates[2, r] * (dt**5 / 20 + whole * dt**4 / 4)
                    x2 = (value[second] - value[first]) / dt
                    w[0, r] -= t1 * x2
                    w[1, r] = x2
                    w[6, r] = _FREE * gain / dt**2
                    w[3, r] = _FREE * gain + t1 * t1 * w[6, r]
        if i < len(state):
            for c in range(3):
                state[i, c] = w[c, 0]
            for c in range(6):
                spread[i, c] = w[3 + c, 0]
            if empty:
                spread[i, 0] = math.inf
        # In the lanes are no branches: a value that is not there has the weight 0.
        y, v, seen = 0.0, 1.0, 0.0
        if math.isfinite(variance[i]):
            y, v, seen = value[i], variance[i], 1.0
            known += 1
        counts = seen if known > 2 else 0.0
        dt = step[i + 1] if i + 1 < n else 0.0
        # What the state gains until the next value.
        h = 0.5 * dt * dt
        b11, b12, j11, j12 = dt**3 / 3, h, dt**5 / 20, dt**4 / 8
        j13, j22, j23 = dt**3 / 6, dt**3 / 3, h
        for r in range(_LANES):
            x1, x2, x3 = w[0, r], w[1, r], w[2, r]
            p11, p12, p13 = w[3, r], w[4, r], w[5, r]
            p22, p23, p33 = w[6, r], w[7, r], w[8, r]
            walk, bend, jerk = rates[0, r], rates[1, r], rates[2, r]
            f = p11 + v
            one = 1.0 / f
            innovation = (y - x1) * seen
            w[10, r] += counts * (innovation * innovation * one)
            w[11, r] *= f if counts > 0.0 else 1.0
            k1, k2, k3 = p11 * one * seen, p12 * one * seen, p13 * one * seen
            x1 += k1 * innovation
            x2 += k2 * innovation
            x3 += k3 * innovation
            p22 -= k2 * p12
            p23 -= k2 * p13
            p33 -= k3 * p13
            left = v * one * seen + (1.0 - seen)  # 1 - k1, without losing digits
            p11, p12, p13 = p11 * left, p12 * left, p13 * left
            w[0, r] = x1 + dt * x2 + h * x3
            w[1, r] = x2 + dt * x3
            w[2, r] = x3
            p11 += dt * (2.0 * p12 + dt * p22) + 2.0 * h * (p13 + dt * p23) + h * h * p33
            p12 += dt * (p22 + p13) + (h + dt * dt) * p23 + h * dt * p33
            p13 += dt * p23 + h * p33
            p22 += dt * (2.0 * p23 + dt * p33)
            p23 += dt * p33
            w[3, r] = p11 + walk * dt + bend * b11 + jerk * j11
            w[4, r] = p12 + bend * b12 + jerk * j12
            w[5, r] = p13 + jerk * j13
            w[6, r] = p22 + bend * dt + jerk * j22
            w[7, r] = p23 + jerk * j23
            w[8, r] = p33 + jerk * dt
        if counts > 0.0:
            number += 1
            if number % _FACTORS == 0:
                for r in range(_LANES):
                    w[9, r] += math.log(w[11, r])
                    w[11, r] = 1.0
    for r in range(_LANES):
        total, squares, factor = w[9, r] + math.log(w[11, r]), w[10, r], 1.0
        if scaled:
            factor = max(squares / max(number, 1), QUIETEST)
            total += number * math.log(factor)
        found[0, r], found[1, r] = -0.5 * (total + squares / factor), factor


@kernel
def smooth_backwards(  # type: ignore[no-untyped-def]
    step, value, variance, free, state, spread, level, slope, covariance
):
    """Write level, slope and covariance of the state by all values; see `filter_forwards`.

    With the prediction ``x`` and its covariance ``P``, the state by all values is ``x + P r``, and
    its covariance ``P - P M P``. The adjoint ``r`` and its covariance ``M`` come back from later
    values: at each, ``r`` gains ``(value - x) / f`` for the level, and loses what later values owe
    to it (Bierman, Automatica 9, 503, 1973, https://doi.org/10.1016/0005-1098(73)90094-1). No
    matrix is inverted. Where the prediction is nearly free, up to the second value of a segment,
    the difference of covariances has no digits left: there, see `trend.covariance_at_starts`.
    """
    n = len(value)
    r1 = r2 = r3 = m11 = m12 = m13 = m22 = m23 = m33 = 0.0
    for i in range(n - 1, -1, -1):
        if i < n - 1:
            if free[i + 1]:
                r1 = r2 = r3 = m11 = m12 = m13 = m22 = m23 = m33 = 0.0
            else:  # back over the step: r by the transposed transition, M from both sides
                t = step[i + 1]
                h = 0.5 * t * t
                r3 += t * r2 + h * r1
                r2 += t * r1
                m33 += 2 * (t * m23 + h * m13) + t * t * m22 + 2 * t * h * m12 + h * h * m11
                m23 += t * m13 + t * m22 + (h + t * t) * m12 + t * h * m11
                m13 += t * m12 + h * m11
                m22 += 2 * t * m12 + t * t * m11
                m12 += t * m11
        p11, p12, p13 = spread[i, 0], spread[i, 1], spread[i, 2]
        if not math.isfinite(p11):
            # No values at all since the start.
            level[i], slope[i], covariance[i, :] = 0.0, 0.0, math.inf
            continue
        if math.isfinite(variance[i]):
            f = p11 + variance[i]
            k1, k2, k3 = p11 / f, p12 / f, p13 / f
            # What later values say by the level of the state, less what this one knew of it.
            g1 = m11 * k1 + m12 * k2 + m13 * k3
            g2 = m12 * k1 + m22 * k2 + m23 * k3
            g3 = m13 * k1 + m23 * k2 + m33 * k3
            left = variance[i] / f  # 1 - k1, without losing digits
            r1 = r1 * left - k2 * r2 - k3 * r3 + (value[i] - state[i, 0]) / f
            m11 = m11 - 2 * g1 + k1 * g1 + k2 * g2 + k3 * g3 + 1 / f
            m12 -= g2
            m13 -= g3
        p22, p23, p33 = spread[i, 3], spread[i, 4], spread[i, 5]
        level[i] = state[i, 0] + p11 * r1 + p12 * r2 + p13 * r3
        slope[i] = state[i, 1] + p12 * r1 + p22 * r2 + p23 * r3
        # M P, by columns of P.
        a1 = m11 * p11 + m12 * p12 + m13 * p13
        a2 = m12 * p11 + m22 * p12 + m23 * p13
        a3 = m13 * p11 + m23 * p12 + m33 * p13
        b1 = m11 * p12 + m12 * p22 + m13 * p23
        b2 = m12 * p12 + m22 * p22 + m23 * p23
        b3 = m13 * p12 + m23 * p22 + m33 * p23
        c1 = m11 * p13 + m12 * p23 + m13 * p33
        c2 = m12 * p13 + m22 * p23 + m23 * p33
        c3 = m13 * p13 + m23 * p23 + m33 * p33
        covariance[i, 0] = p11 - (p11 * a1 + p12 * a2 + p13 * a3)
        covariance[i, 1] = p12 - (p11 * b1 + p12 * b2 + p13 * b3)
        covariance[i, 2] = p13 - (p11 * c1 + p12 * c2 + p13 * c3)
        covariance[i, 3] = p22 - (p12 * b1 + p22 * b2 + p23 * b3)
        covariance[i, 4] = p23 - (p12 * c1 + p22 * c2 + p23 * c3)
        covariance[i, 5] = p33 - (p13 * c1 + p23 * c2 + p33 * c3)
