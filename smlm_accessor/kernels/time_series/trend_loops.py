"""Loops of the local trend: the Kalman filter, and the smoother that goes back through it.

The state is level, slope and acceleration. Covariances are six numbers: 11, 12, 13, 22, 23, 33.
"""

from __future__ import annotations

import math

from smlm_accessor.kernels.compilation import kernel

# Variance of the unknown level and slope at the start, in units of that of the first values: much
# more would cost digits.
_FREE = 1e7
# Values can be noisier than their variances say, but hardly less noisy: a curve that bends faster
# than it is sampled would pass for one without noise.
QUIETEST = 0.8


@kernel
def filter_forwards(  # type: ignore[no-untyped-def]
    step, value, variance, rates, free, scaled, state, spread
):
    """Predict each value by those before.

    Return the log-likelihood of the values, and the factor of the variances that it is for. The
    first two values of each segment are spent on the unknown level and slope.

    Parameters
    ----------
    step : (n,) time since the value before; the first is not used
    value, variance : (n,) variance is inf where there is no value
    rates : (3,) variance that level, slope and acceleration gain per unit of time; the acceleration
        at the start has the variance that it gains over all time
    free : (n,) bool, level, slope and acceleration start anew there
    scaled : whether all variances, rates included, have a factor: the likeliest; else it is 1
    state : (n, 3) written: prediction
    spread : (n, 6) written: covariance of the prediction
    """
    n = len(value)
    walk, bend, jerk = rates[0], rates[1], rates[2]
    total = squares = 0.0
    number = known = 0
    x1 = x2 = x3 = p11 = p12 = p13 = p22 = p23 = p33 = 0.0
    whole = 0.0
    for i in range(1, n):
        whole += step[i]
    for i in range(n):
        if i == 0 or free[i]:
            known = 0
            # Nearly free, and centred where the first two values are.
            first, t1, t = -1, 0.0, 0.0
            x1 = x2 = 0.0
            p11 = p22 = math.inf
            for k in range(i, n):
                if k > i:
                    if free[k]:
                        break
                    t += step[k]
                if not math.isfinite(variance[k]):
                    continue
                if first < 0:
                    first, t1 = k, t
                    x1, p11, p22 = value[k], _FREE * variance[k], _FREE * variance[k]
                else:
                    dt = t - t1
                    gain = variance[first] + variance[k]
                    gain += walk * dt + bend * dt**3 / 3 + jerk * (dt**5 / 20 + whole * dt**4 / 4)
                    x2 = (value[k] - value[first]) / dt
                    p22 = _FREE * gain / dt**2
                    x1 -= t1 * x2
                    p11 = _FREE * gain + t1 * t1 * p22
                    break
            x3, p12, p13, p23, p33 = 0.0, 0.0, 0.0, 0.0, jerk * whole
        else:
            dt = step[i]
            h = 0.5 * dt * dt
            x1 += dt * x2 + h * x3
            x2 += dt * x3
            p11 += dt * (2 * p12 + dt * p22) + 2 * h * (p13 + dt * p23) + h * h * p33
            p12 += dt * (p22 + p13) + (h + dt * dt) * p23 + h * dt * p33
            p13 += dt * p23 + h * p33
            p22 += dt * (2 * p23 + dt * p33)
            p23 += dt * p33
            p11 += dt * (walk + dt * dt * (bend / 3 + jerk * dt * dt / 20))
            p12 += dt * dt * (bend / 2 + jerk * dt * dt / 8)
            p13 += jerk * dt**3 / 6
            p22 += dt * (bend + jerk * dt * dt / 3)
            p23 += jerk * dt * dt / 2
            p33 += jerk * dt
        state[i, 0], state[i, 1], state[i, 2] = x1, x2, x3
        spread[i, 0], spread[i, 1], spread[i, 2] = p11, p12, p13
        spread[i, 3], spread[i, 4], spread[i, 5] = p22, p23, p33
        if not math.isfinite(variance[i]):
            continue
        f = p11 + variance[i]
        innovation = value[i] - x1
        known += 1
        if known > 2:
            total += math.log(f)
            squares += innovation**2 / f
            number += 1
        k1, k2, k3 = p11 / f, p12 / f, p13 / f
        x1 += k1 * innovation
        x2 += k2 * innovation
        x3 += k3 * innovation
        p22 -= k2 * p12
        p23 -= k2 * p13
        p33 -= k3 * p13
        left = variance[i] / f  # 1 - k1, without losing digits
        p11, p12, p13 = p11 * left, p12 * left, p13 * left
    if not scaled:
        return -0.5 * (total + squares), 1.0
    factor = max(squares / max(number, 1), QUIETEST)
    return -0.5 * (total + number * math.log(factor) + squares / factor), factor


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
