"""Loops of the local linear trend: the Kalman filter, and the Rauch-Tung-Striebel smoother."""

from __future__ import annotations

import numba
import numpy as np

# Variance of the unknown level and slope at the start, in units of that of the first values: much
# more would cost digits.
_FREE = 1e4
# Values can be noisier than their variances say, but hardly less noisy: a curve that bends faster
# than it is sampled would pass for one without noise.
_QUIETEST = 0.8


@numba.njit(cache=True, nogil=True)
def log_likelihood(  # type: ignore[no-untyped-def]
    step, value, variance, walk, bend, free, scaled
):
    """Return the log-likelihood of the values, and the factor of the variances that it is for.

    Parameters
    ----------
    step : (n,) time since the value before; the first is not used
    value, variance : (n,) variance is inf where there is no value
    walk, bend : variance that level and slope gain per unit of time
    free : (n,) bool, level and slope start anew there
    scaled : whether all variances, rates included, have a factor: the likeliest; else it is 1
    """
    total = squares = 0.0
    number = 0
    level = slope = 0.0
    p11, p12, p22 = np.inf, 0.0, np.inf
    known = 0  # values since the start: two are needed before there is a prediction
    before = 0.0
    spread = 0.0
    since = 0.0
    for i in range(len(value)):
        dt = step[i]
        if i == 0 or free[i]:
            known = 0
        elif known >= 2:
            level += dt * slope
            p11 += dt * (2 * p12 + dt * p22) + walk * dt + bend * dt**3 / 3
            p12 += dt * p22 + bend * dt**2 / 2
            p22 += bend * dt
        else:
            since += dt
        if not np.isfinite(variance[i]):
            continue
        if known >= 2:
            total_variance = p11 + variance[i]
            innovation = value[i] - level
            total += np.log(total_variance)
            squares += innovation**2 / total_variance
            number += 1
            k1, k2 = p11 / total_variance, p12 / total_variance
            level += k1 * innovation
            slope += k2 * innovation
            p22 -= k2 * p12
            p12 -= k2 * p11  # before p11 changes; equals (1 - k1) * p12
            p11 -= k1 * p11
        elif known == 0:
            before, spread, since, known = value[i], variance[i], 0.0, 1
        else:
            level, slope = value[i], (value[i] - before) / since
            grown = spread + walk * since + bend * since**3 / 3
            p11 = variance[i]
            p12 = variance[i] / since
            p22 = (variance[i] + grown) / since**2
            known = 2
    if not scaled:
        return -0.5 * (total + squares), 1.0
    factor = max(squares / max(number, 1), _QUIETEST)
    return -0.5 * (total + number * np.log(factor) + squares / factor), factor


@numba.njit(cache=True, nogil=True)
def smooth(  # type: ignore[no-untyped-def]
    step, value, variance, walk, bend, free, level, slope, spread
):
    """Write the smoothed level, slope and variance of the level; arguments as `log_likelihood`."""
    n = len(value)
    begin = np.empty(n, np.int64)  # the first value since level and slope are free
    f1, f2 = np.empty(n), np.empty(n)  # filtered
    f11, f12, f22 = np.empty(n), np.empty(n), np.empty(n)
    m1, m2 = np.empty(n), np.empty(n)  # predicted
    g11, g12, g22 = np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        dt = step[i]
        if i == 0 or free[i]:
            k = i
            while k < n and not np.isfinite(variance[k]) and (k == i or not free[k]):
                k += 1
            begin[i] = k
        else:
            begin[i] = begin[i - 1]
        if i < begin[i]:
            continue
        if i == begin[i]:
            # Nearly free, and centred where the first two values are.
            k, t = i + 1, 0.0
            while k < n and not free[k]:
                t += step[k]
                if np.isfinite(variance[k]):
                    break
                k += 1
            m1[i], m2[i] = value[i], 0.0
            g11[i], g12[i], g22[i] = _FREE * variance[i], 0.0, _FREE * variance[i]
            if k < n and not free[k]:
                m2[i] = (value[k] - value[i]) / t
                gain = variance[i] + variance[k] + walk * t + bend * t**3 / 3
                g22[i] = _FREE * gain / t**2
        else:
            m1[i], m2[i] = f1[i - 1] + dt * f2[i - 1], f2[i - 1]
            g11[i] = f11[i - 1] + dt * (2 * f12[i - 1] + dt * f22[i - 1])
            g11[i] += walk * dt + bend * dt**3 / 3
            g12[i] = f12[i - 1] + dt * f22[i - 1] + bend * dt**2 / 2
            g22[i] = f22[i - 1] + bend * dt
        f1[i], f2[i], f11[i], f12[i], f22[i] = m1[i], m2[i], g11[i], g12[i], g22[i]
        if np.isfinite(variance[i]):
            s = g11[i] + variance[i]
            k1, k2 = g11[i] / s, g12[i] / s
            e = value[i] - m1[i]
            f1[i] += k1 * e
            f2[i] += k2 * e
            f11[i] = g11[i] * variance[i] / s
            f12[i] = g12[i] * variance[i] / s
            f22[i] = g22[i] - k2 * g12[i]
    s1 = s2 = s11 = s12 = s22 = 0.0
    for i in range(n - 1, -1, -1):
        last = i == n - 1 or free[i + 1]
        if i < begin[i]:
            # Before the first value: straight on.
            if last:
                s1, s2, s11, s12, s22 = 0.0, 0.0, np.inf, 0.0, np.inf
            elif np.isfinite(s11):
                dt = step[i + 1]
                s11 += walk * dt + bend * dt**3 / 3
                s12 += bend * dt**2 / 2
                s22 += bend * dt
                s1 -= dt * s2
                s11 += dt * (dt * s22 - 2 * s12)
                s12 -= dt * s22
        elif last:
            s1, s2, s11, s12, s22 = f1[i], f2[i], f11[i], f12[i], f22[i]
        else:
            dt = step[i + 1]
            # gain = filtered @ transition.T @ inverse(predicted)
            c11, c12 = f11[i] + dt * f12[i], f12[i]
            c21, c22 = f12[i] + dt * f22[i], f22[i]
            det = g11[i + 1] * g22[i + 1] - g12[i + 1] ** 2
            if det <= 0:
                det = 1e-300
            i11, i12, i22 = g22[i + 1] / det, -g12[i + 1] / det, g11[i + 1] / det
            j11, j12 = c11 * i11 + c12 * i12, c11 * i12 + c12 * i22
            j21, j22 = c21 * i11 + c22 * i12, c21 * i12 + c22 * i22
            e1, e2 = s1 - m1[i + 1], s2 - m2[i + 1]
            d11, d12, d22 = s11 - g11[i + 1], s12 - g12[i + 1], s22 - g22[i + 1]
            s1 = f1[i] + j11 * e1 + j12 * e2
            s2 = f2[i] + j21 * e1 + j22 * e2
            a11, a12 = j11 * d11 + j12 * d12, j11 * d12 + j12 * d22
            a21, a22 = j21 * d11 + j22 * d12, j21 * d12 + j22 * d22
            s11 = f11[i] + a11 * j11 + a12 * j12
            s12 = f12[i] + a11 * j21 + a12 * j22
            s22 = f22[i] + a21 * j21 + a22 * j22
            if not (s11 > 0 and s22 > 0):
                # No digits are left of the difference; what later values add is lost with them.
                s11, s12, s22 = f11[i], f12[i], f22[i]
        level[i], slope[i], spread[i] = s1, s2, s11
