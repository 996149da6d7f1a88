"""Shifts of windows from those of all pairs of them, by weighted least squares."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor
from scipy.linalg.lapack import dpotri
from scipy.sparse.linalg import LinearOperator, cg

from smlm_accessor._typing import BoolArray, FloatArray, IntArray

_ROUNDS = 50
# Of the outliers, the worst part is dropped before the next solution, and of this only what is
# nearly as far off as the worst: the worst moves the solution, and others may be right.
_WORST = 0.2
_AS_BAD = 0.7
# Relative residual at which conjugate gradients end: shifts are good to about as much.
_TOLERANCE = 1e-12
_ROWS = 64  # of a matrix that are gone through at a time, for the memory


class Network(NamedTuple):
    """Shifts from all pairs; those of windows that no pairs connect cannot be compared.

    ``shift`` has shape (k, d); its mean over each connected component is 0. ``used`` tells which
    pairs were kept, shape (k, k), ``component`` the connected component of each window.
    """

    shift: FloatArray
    used: BoolArray
    component: IntArray


def solve_pairs(
    differences: FloatArray, weights: FloatArray, max_residual: FloatArray | None = None
) -> Network:
    """Minimize ``sum(weights[i, j] * (differences[:, i, j] - shift[i] + shift[j])**2)``.

    ``differences``, (d, k, k), are antisymmetric. ``weights``, (k, k), are inverse variances but
    for a factor, 0 for no measurement. Pairs with a residual above ``max_residual``, (k, k), along
    any axis, are dropped, worst first, as long as each component stays connected. Then the rest is
    solved again, with those pairs that agree with the solution after all.

    References
    ----------
    Y. Wang et al., Opt. Express 22, 15982 (2014), DOI 10.1364/OE.22.015982.
    """
    network = _solve_used(differences, weights, weights > 0)
    if max_residual is None:
        return network
    for _ in range(_ROUNDS):
        off = _excess(differences, network.shift, max_residual, network.used)
        n = int((off > 0).sum()) // 2
        if not n:
            break
        # Each pair stands twice.
        least = max(np.sort(off[off > 0])[-2 * max(int(_WORST * n), 1)], _AS_BAD * float(off.max()))
        fewer = _without(network, off, least)
        if fewer is None:
            break
        network = _solve_used(differences, weights, fewer)
    again = (weights > 0) & ~(_excess(differences, network.shift, max_residual, weights > 0) > 0)
    if (again & ~network.used).any():
        network = _solve_used(differences, weights, network.used | again)
    return network


def solve_all(right: FloatArray, weights: FloatArray) -> Network:
    """Find the same from ``right = (differences * weights).sum(axis=2)``, shape (d, k)."""
    degree = weights.sum(axis=1)
    inverse = np.divide(1.0, degree, out=np.zeros_like(degree), where=degree > 0)
    k = len(degree)
    # Dense weights, few iterations: faster than Cholesky from 500 windows on, 20 times if all
    # pairs overlap. Not by `@`, for which BLAS starts threads: where others work, too, it took 40
    # times as long for 1000 windows.
    laplacian = LinearOperator((k, k), matvec=lambda x: degree * x - np.vecdot(weights, x))
    scaled = LinearOperator((k, k), matvec=lambda r: inverse * r)
    component = connected(weights > 0)
    sizes = np.bincount(component)

    def less_mean(x: FloatArray) -> FloatArray:
        return np.asarray(x - (np.bincount(component, weights=x) / sizes)[component])

    # The sum of the right side over a component is 0 but for rounding, which no shift could match.
    columns = [
        cg(laplacian, less_mean(r), rtol=_TOLERANCE, M=scaled, maxiter=4 * k)[0] for r in right
    ]
    shift = np.stack([less_mean(column) for column in columns], axis=1)
    return Network(shift, weights > 0, component)


def variances(weights: FloatArray, network: Network) -> FloatArray:
    """Return the variance of each shift, if a pair of unit weight has unit variance, shape (k,).

    It is the diagonal of the pseudo-inverse of the Laplacian of the weights that were used.
    """
    w, component = np.where(network.used, weights, 0.0), network.component
    degree = w.sum(axis=1)
    usual = float(degree.mean())
    if not usual > 0:
        return np.full(len(w), np.inf)
    # One more equation for each component: its mean is 0.
    size = np.bincount(component)[component]
    same = component[:, None] == component if component.any() else True
    # In place: where windows are many, these are the largest arrays. It is its own transpose, which
    # is in the order that LAPACK takes.
    matrix = np.negative(w, out=w).T
    np.add(matrix, usual / size, out=matrix, where=same)
    matrix.flat[:: len(w) + 1] += degree
    factor, lower = cho_factor(matrix, overwrite_a=True)
    inverse, _ = dpotri(factor, lower=lower, overwrite_c=True)
    return np.where(degree > 0, np.diag(inverse) - 1 / (usual * size), np.inf)


def connected(used: BoolArray) -> IntArray:
    """Return the number of the connected component of each window, from 0.

    Of a dense matrix this is a hundred times faster than `scipy.sparse.csgraph`, which has to make
    it sparse first.
    """
    component = np.full(len(used), -1, dtype=np.int64)
    for start in range(len(used)):
        if component[start] < 0:
            reached = np.arange(len(used)) == start
            new = reached.copy()
            while new.any():
                new = used[new].any(axis=0) & ~reached
                reached |= new
            component[reached] = component.max() + 1
    return component


def _solve_used(differences: FloatArray, weights: FloatArray, used: BoolArray) -> Network:
    w = np.where(used, weights, 0.0)
    return solve_all(np.einsum("cij,ij->ci", differences, w), w)


def _excess(
    differences: FloatArray, shift: FloatArray, limit: FloatArray, used: BoolArray
) -> FloatArray:
    """Return the residual of each pair, in units of the limit; 0 below it or if not used."""
    off = np.zeros(used.shape)
    for measured, x in zip(differences, shift.T, strict=True):
        for start in range(0, len(x), _ROWS):
            some = slice(start, start + _ROWS)
            one = measured[some] - x[some, None]
            one += x
            np.maximum(off[some], np.abs(one, out=one), out=off[some])
    with np.errstate(over="ignore"):  # infinitely far off, if next to nothing is allowed
        off /= limit
    off[~(used & (off > 1))] = 0.0
    return off


def _without(network: Network, off: FloatArray, least: float) -> BoolArray | None:
    """Drop pairs that are off so far; put back what holds a component together, best first."""
    kept = network.used & ~(off >= least)
    parts = connected(kept)
    if parts.max() == network.component.max():
        return np.asarray(kept)
    i, j = np.nonzero(np.triu(network.used & ~kept))
    dropped = len(i)
    for p in np.argsort(off[i, j], kind="stable"):
        one, other = parts[i[p]], parts[j[p]]
        if one != other:
            parts = np.where(parts == other, one, parts)
            kept[i[p], j[p]] = kept[j[p], i[p]] = True
            dropped -= 1
    return np.asarray(kept) if dropped else None
