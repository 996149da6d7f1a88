"""Shifts of segments from those of all pairs of them, by weighted least squares."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
from scipy.linalg import cho_factor, cho_solve

from smlm_accessor._typing import BoolArray, FloatArray, IntArray

_ROUNDS = 50
# Of those too far off, the worst part is dropped before the next look, and of this only what is
# nearly as bad as the worst.
_WORST = 0.2
_AS_BAD = 0.7


class Network(NamedTuple):
    """Shifts from all pairs; those of different components cannot be compared.

    ``shift`` has shape (k, d), the mean of each component is 0. ``used`` tells which pairs were
    kept, shape (k, k), ``component`` the connected part of each segment.
    """

    shift: FloatArray
    used: BoolArray
    component: IntArray


def solve_pairs(
    differences: FloatArray, weights: FloatArray, max_residual: FloatArray | None = None
) -> Network:
    """Find shifts whose differences are those measured, in the sense of least squares.

    Parameters
    ----------
    differences : ndarray, shape (d, k, k)
        ``differences[:, i, j]`` is the shift of ``i`` less that of ``j``: antisymmetric.
    weights : ndarray, shape (k, k)
        Inverse variances but for a factor, symmetric; 0 for no measurement.
    max_residual : ndarray, shape (k, k), optional
        Pairs that are farther off, along any axis, are dropped, worst first, as long as all
        segments of a component stay connected; then the rest is solved again, with those that
        turn out to be right. By default all stay.

    References
    ----------
    Y. Wang et al., Opt. Express 22, 15982 (2014), DOI 10.1364/OE.22.015982.

    Examples
    --------
    >>> true = np.array([0.0, 1.0, 5.0, 3.0])
    >>> measured = true[:, None] - true
    >>> measured[0, 3] += 40
    >>> measured[3, 0] -= 40
    >>> weights = 1 - np.eye(4)
    >>> solve_pairs(measured[None], weights).shift[:, 0].round(2)
    array([ 7.75, -1.25,  2.75, -9.25])
    >>> solve_pairs(measured[None], weights, np.full((4, 4), 5.0)).shift[:, 0].round(2)
    array([-2.25, -1.25,  2.75,  0.75])
    """
    used = weights > 0
    component = connected(used)
    network = _solve(differences, weights, used, component)
    if max_residual is None:
        return network
    for _ in range(_ROUNDS):
        off = _excess(differences, network.shift, max_residual, used)
        n = int((off > 0).sum()) // 2
        if not n:
            break
        # Each pair stands twice. What is off may be right, and only pulled by what is worse.
        least = max(np.sort(off[off > 0])[-2 * max(int(_WORST * n), 1)], _AS_BAD * float(off.max()))
        fewer = _without(used, off, least, component)
        if fewer is None:
            break
        used = fewer
        network = _solve(differences, weights, used, component)
    again = (weights > 0) & ~(_excess(differences, network.shift, max_residual, weights > 0) > 0)
    if (again & ~network.used).any():
        network = _solve(differences, weights, network.used | again, component)
    return network


def _excess(
    differences: FloatArray, shift: FloatArray, limit: FloatArray, used: BoolArray
) -> FloatArray:
    """Return how far each pair is off, in units of the limit; 0 below it or if not used."""
    off = np.zeros(used.shape)
    for measured, x in zip(differences, shift.T, strict=True):
        off = np.maximum(off, np.abs(measured - (x[:, None] - x)))
    with np.errstate(over="ignore"):  # infinitely far off, if next to nothing is allowed
        off = np.where(used, off / limit, 0.0)
    return np.where(off > 1, off, 0.0)


def _without(
    used: BoolArray, off: FloatArray, least: float, component: IntArray
) -> BoolArray | None:
    """Drop pairs that are off so far; put back what holds a component together, best first."""
    kept = used & ~(off >= least)
    parts = connected(kept)
    if parts.max() == component.max():
        return np.asarray(kept)
    i, j = np.nonzero(np.triu(used & ~kept))
    dropped = len(i)
    for p in np.argsort(off[i, j], kind="stable"):
        one, other = parts[i[p]], parts[j[p]]
        if one != other:
            parts = np.where(parts == other, one, parts)
            kept[i[p], j[p]] = kept[j[p], i[p]] = True
            dropped -= 1
    return np.asarray(kept) if dropped else None


def variances(weights: FloatArray, used: BoolArray, component: IntArray) -> FloatArray:
    """Return the variance of each shift, if a pair of unit weight has unit variance, shape (k,).

    The parameters are those of `solve_pairs` and what came out of it.
    """
    w = np.where(used, weights, 0.0)
    degree = w.sum(axis=1)
    usual = float(degree.mean())
    if not usual > 0:
        return np.full(len(w), np.inf)
    # One more equation for each component: its mean is 0.
    same = component[:, None] == component
    size = same.sum(axis=1)
    factor = cho_factor(np.diag(degree) - w + same * (usual / size))
    inverse = np.diag(cho_solve(factor, np.eye(len(w)))) - 1 / (usual * size)
    return np.where(degree > 0, inverse, np.inf)


def solve_all(right: FloatArray, weights: FloatArray) -> Network:
    """Find the same shifts from the sums of the weighted differences of each segment.

    Parameters
    ----------
    right : ndarray, shape (d, k)
        ``(differences * weights).sum(axis=2)``.
    weights : ndarray, shape (k, k)
    """
    used = weights > 0
    component = connected(used)
    return Network(_shifts(right, weights, component), used, component)


def _solve(
    differences: FloatArray, weights: FloatArray, used: BoolArray, component: IntArray
) -> Network:
    w = np.where(used, weights, 0.0)
    shift = _shifts(np.einsum("cij,ij->ci", differences, w), w, component)
    return Network(shift, used, component)


def _shifts(right: FloatArray, weights: FloatArray, component: IntArray) -> FloatArray:
    degree = weights.sum(axis=1)
    shift = np.stack([_conjugate_gradients(weights, degree, r) for r in right], axis=1)
    sizes = np.bincount(component)
    for column in shift.T:
        column -= (np.bincount(component, weights=column) / sizes)[component]
    return shift


@numba.njit(cache=True, nogil=True)
def connected(used):  # type: ignore[no-untyped-def]
    """Return the number of the connected component of each segment, from 0."""
    k = used.shape[0]
    component = np.full(k, -1, np.int64)
    queue = np.empty(k, np.int64)
    n = 0
    for start in range(k):
        if component[start] >= 0:
            continue
        component[start] = n
        queue[0] = start
        first, last = 0, 1
        while first < last:
            i = queue[first]
            first += 1
            for j in range(k):
                if used[i, j] and component[j] < 0:
                    component[j] = n
                    queue[last] = j
                    last += 1
        n += 1
    return component


@numba.njit(cache=True, nogil=True)
def _conjugate_gradients(weights, degree, right):  # type: ignore[no-untyped-def]
    """Solve ``degree * x - weights @ x = right``, whose sum is 0 over each component."""
    k = right.size
    inverse = np.zeros(k)
    for i in range(k):
        if degree[i] > 0.0:
            inverse[i] = 1.0 / degree[i]
    x = np.zeros(k)
    r = right.copy()
    z = inverse * r
    p = z.copy()
    rz = 0.0
    for i in range(k):
        rz += r[i] * z[i]
    stop = rz * 1e-24
    image = np.zeros(k)
    for _ in range(4 * k):
        if not rz > stop:
            break
        curvature = 0.0
        for i in range(k):
            total = degree[i] * p[i]
            for j in range(k):
                total -= weights[i, j] * p[j]
            image[i] = total
            curvature += p[i] * total
        if not curvature > 0.0:
            break
        step = rz / curvature
        for i in range(k):
            x[i] += step * p[i]
            r[i] -= step * image[i]
            z[i] = inverse[i] * r[i]
        before = rz
        rz = 0.0
        for i in range(k):
            rz += r[i] * z[i]
        for i in range(k):
            p[i] = z[i] + rz / before * p[i]
    return x
