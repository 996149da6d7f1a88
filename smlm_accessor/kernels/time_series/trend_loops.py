"""Loops of the local trend: the Kalman filter, and the smoother that goes back through it.

The state is level, slope and acceleration. Covariances are six numbers: 11, 12, 13, 22, 23, 33.
"""

from __future__ import annotations

import numba
import numpy as np

# Variance of the unknown level and slope at the start, in units of that of the first values: much
# more would cost digits.
_FREE = 1e7
# Values can be noisier than their variances say, but hardly less noisy: a curve that bends faster
# than it is sampled would pass for one without noise.
QUIETEST = 0.8


@numba.njit(cache=True, nogil=True)
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
    whole = step[1:].sum()
    for i in range(n):
        if i == 0 or free[i]:
            known = 0
            # Nearly free, and centred where the first two values are.
            first, t1, t = -1, 0.0, 0.0
            x1 = x2 = 0.0
            p11 = p22 = np.inf
            for k in range(i, n):
                if k > i:
                    if free[k]:
                        break
                    t += step[k]
                if not np.isfinite(variance[k]):
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
        if not np.isfinite(variance[i]):
            continue
        f = p11 + variance[i]
        innovation = value[i] - x1
        known += 1
        if known > 2:
            total += np.log(f)
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
    return -0.5 * (total + number * np.log(factor) + squares / factor), factor


@numba.njit(cache=True, nogil=True)
def smooth_backwards(  # type: ignore[no-untyped-def]
    step, value, variance, free, state, spread, level, slope, level_variance
):
    """Write level, slope and the variance of the level by all values; see `filter_forwards`.

    This is the smoother of Rauch, Tung and Striebel (1965, https://doi.org/10.2514/3.3166).
    """
    n = len(value)
    move, filtered, predicted = np.eye(3), np.zeros((3, 3)), np.zeros((3, 3))
    ahead, covariance = np.zeros((3, 3)), np.zeros((3, 3))
    x, later = np.zeros(3), np.zeros(3)
    for i in range(n - 1, -1, -1):
        _matrix(spread[i], filtered)
        x[:] = state[i]
        if not np.isfinite(filtered[0, 0]):
            # No values at all since the start.
            level[i], slope[i], level_variance[i] = 0.0, 0.0, np.inf
            continue
        if np.isfinite(variance[i]):
            f = filtered[0, 0] + variance[i]
            gain = filtered[:, 0] / f
            x += gain * (value[i] - x[0])
            left = variance[i] / f  # 1 - gain[0], without losing digits
            for a in range(1, 3):
                for b in range(1, 3):
                    filtered[a, b] -= gain[a] * filtered[0, b]
            filtered[0, :] *= left
            filtered[1:, 0] = filtered[0, 1:]
        if i == n - 1 or free[i + 1]:
            later[:] = x
            covariance[:] = filtered
        else:
            dt = step[i + 1]
            move[0, 1], move[0, 2], move[1, 2] = dt, 0.5 * dt * dt, dt
            _matrix(spread[i + 1], predicted)
            # In units of its standard deviations, the matrix is far from singular.
            unit = np.sqrt(np.maximum(np.diag(predicted), 1e-300))
            ahead[:] = predicted / unit.reshape(3, 1) / unit
            for a in range(3):
                ahead[a, a] = 1.0  # also of a rate that is none
            back = np.linalg.solve(ahead, (move @ filtered) / unit.reshape(3, 1)).T / unit
            later[:] = x + back @ (later - state[i + 1])
            covariance[:] = filtered + back @ (covariance - predicted) @ back.T
        level[i], slope[i], level_variance[i] = later[0], later[1], covariance[0, 0]


@numba.njit(cache=True, nogil=True)
def _matrix(numbers, matrix):  # type: ignore[no-untyped-def]
    """Write the symmetric matrix of six numbers."""
    matrix[0, 0], matrix[0, 1], matrix[0, 2] = numbers[0], numbers[1], numbers[2]
    matrix[1, 0], matrix[1, 1], matrix[1, 2] = numbers[1], numbers[3], numbers[4]
    matrix[2, 0], matrix[2, 1], matrix[2, 2] = numbers[2], numbers[4], numbers[5]
