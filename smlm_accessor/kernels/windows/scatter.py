"""How much more slow changes of the drift scatter over the field than windows by themselves do."""

from __future__ import annotations

import numpy as np
from scipy.fft import dct

from smlm_accessor._typing import BoolArray, FloatArray

# Modes are averaged with those that are as much slower and faster: their scatter is alike.
_ALIKE = 1.3
_NO_INFORMATION = 1e-9  # of the largest eigenvalue


def by_scatter(
    information: FloatArray, gradient: FloatArray, parts: FloatArray, main: BoolArray
) -> tuple[FloatArray, FloatArray]:
    r"""Return the information and the gradient of windows with slow changes as known as they are.

    The information :math:`L` takes the errors of events for independent. Those of a molecule that
    was paired with another one, beside it, are not: they have the distance of both in common, for
    as long as both are seen. By the parts :math:`h_b` of the gradient, of squares of the field that
    are independent, the modes :math:`c_m` of a cosine transform over the windows have the variance
    :math:`\rho_m = \sum_b (c_m^T L^{-1/2} h_b)^2`, which would be 1. The information is
    :math:`L^{1/2} C \operatorname{diag}(1 / \rho) C^T L^{1/2}`, with :math:`\rho_m` as of modes
    like it, and no less than 1; and the gradient is what it gives for the same drift.

    Parameters
    ----------
    information : ndarray, shape (k, k)
        Its rows add up to 0.
    gradient : ndarray, shape (k,)
    parts : ndarray, shape (n_parts, k)
        They add up to the gradient.
    main : ndarray of bool, shape (k,)
        Windows that are connected.
    """
    on, n_parts = np.flatnonzero(main), len(parts)
    if len(on) < 2 or n_parts < 2:
        return information, gradient
    mu, vectors = np.linalg.eigh(information[np.ix_(on, on)])
    seen = mu > _NO_INFORMATION * mu[-1]
    mu, vectors = mu[seen], vectors[:, seen]
    root, inverse = (vectors * np.sqrt(mu)) @ vectors.T, (vectors / np.sqrt(mu)) @ vectors.T
    apart = parts[:, on] - parts[:, on].mean(axis=0)
    modes = _cosines(apart @ inverse)[:, 1:]  # the first one is a constant, of which nothing tells
    factor = np.maximum(_smoothed((modes**2).sum(axis=0) * n_parts / (n_parts - 1)), 1.0)
    some = _cosines(root)[:, 1:] / factor
    known = np.zeros_like(information)
    known[np.ix_(on, on)] = some @ _cosines(root)[:, 1:].T
    told = np.zeros_like(gradient)
    told[on] = some @ _cosines(gradient[on] @ inverse)[1:]
    return known, told


def _cosines(rows: FloatArray) -> FloatArray:
    """Return the cosine transforms of rows, which are orthonormal."""
    return np.asarray(dct(rows, norm="ortho", axis=-1))


def _smoothed(values: FloatArray) -> FloatArray:
    """Return means over the modes that are alike; the first one is slowest."""
    number = np.arange(1, len(values) + 1)
    first = np.ceil(number / _ALIKE).astype(np.int64) - 1
    stop = np.minimum(np.floor(number * _ALIKE).astype(np.int64), len(values))
    sums = np.append(0.0, np.cumsum(values))
    return np.asarray((sums[stop] - sums[first]) / (stop - first))
