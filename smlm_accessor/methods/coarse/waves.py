"""A course of waves at which near pairs of events overlap best."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.density.wave_loops import differences, overlaps

_FINEST = 2.0  # precisions: width of the overlap in the end
_NARROWER = 2**-0.5  # from one width to the next, as in graduated optimization
_REACH = 3.5  # widths: pairs farther apart overlap by .002
_TURNS = 8  # of weights and solution, at each width: with half as many, far courses are missed
_AT_REST = 0.01  # widths, root mean square of what the course moves by
_SAME = 4  # turns with the same pairs: the course moves little in them
_MOST_PAIRS = 60_000  # at once: of more, a part of the events tells as well
_LARGEST = 2.5  # first widths: amplitude of the first wave, one standard deviation


def most_likely(
    where: FloatArray,
    time: FloatArray,
    number: int,
    widest: float,
    start: FloatArray | None = None,
) -> tuple[float, FloatArray]:
    """Return the log-likelihood, and the coefficients of the waves.

    The course is a sum of cosines of time, ``d(t) = sum_m c_m cos(pi m t)``. Its log-likelihood is
    ``sum_i log(1 + sum_j exp(-r_ij**2 / (2 w**2)))`` with the distances ``r`` of the events less
    their drift, in precisions. It is maximized for smaller and smaller widths ``w``, with more and
    more waves, by expectation and maximization: pairs are weighted by the part of the sum that each
    is, and weighted least squares gives the coefficients.

    Parameters
    ----------
    where : ndarray, shape (n, d)
        Precisions.
    time : ndarray, shape (n,)
        From 0 to 1.
    number : int
        Waves.
    widest : float
        Precisions: the first width.
    start : ndarray, shape (m, d), optional
        Coefficients of a course that is nearly right, of fewer waves. By default none.

    Returns
    -------
    float
    ndarray, shape (number, d)
    """
    waves, found = waves_at(time, number), np.zeros((number, where.shape[1]))
    if start is not None:
        found[: len(start)] = start
    n_widths = round(np.log(_FINEST / widest) / np.log(_NARROWER)) + 1
    amplitude = _LARGEST * widest / np.arange(1, number + 1)
    for step in range(n_widths):
        width = widest * _NARROWER**step
        m = number if start is not None else max(1, round(number * ((step + 1) / n_widths) ** 2))
        prior = np.diag(amplitude[:m] ** -2.0)
        for turn in range(_TURNS):
            if turn % _SAME == 0:
                still = where - waves[:, :m] @ found[:m]
                every, pairs = 1, _pairs(still, width)
                if pairs.shape[1] > _MOST_PAIRS:
                    every = int(np.ceil(np.sqrt(pairs.shape[1] / _MOST_PAIRS)))
                    pairs = _pairs(still[::every], width)
                here, some = where[::every], waves[::every, :m].copy()
            weight, of_event = _overlap(here - some @ found[:m], pairs, width)
            share = every / (1 + every * of_event)
            # Sums over pairs of differences are those of the Laplacian of the weights.
            left = np.empty_like(some)
            differences(some, pairs, weight, share, left)
            left = every * left.T / width**2
            now = np.linalg.solve(left @ some + prior, left @ here)
            moved, found[:m] = some @ (now - found[:m]), now
            if np.square(moved).mean() < (_AT_REST * width) ** 2:
                break
    return log_likelihood(where - waves @ found), found


def log_likelihood(still: FloatArray) -> float:
    """Return that of events less their drift, in precisions, at the smallest width."""
    return float(np.log1p(_overlap(still, _pairs(still, _FINEST), _FINEST)[1]).sum())


def waves_at(time: FloatArray, number: int) -> FloatArray:
    """Return ``cos(pi m t)`` of the first waves, shape (n, number)."""
    return np.cos(np.pi * time[:, None] * np.arange(1, number + 1))


def _pairs(still: FloatArray, width: float) -> IntArray:
    """Return near pairs of events, shape (2, p)."""
    return np.ascontiguousarray(cKDTree(still).query_pairs(_REACH * width, output_type="ndarray").T)


def _overlap(still: FloatArray, pairs: IntArray, width: float) -> tuple[FloatArray, FloatArray]:
    """Return ``exp(-r**2 / (2 width**2))`` of pairs of events, and the sum of it for each event."""
    of_pairs, of_events = np.empty(pairs.shape[1]), np.empty(len(still))
    overlaps(np.ascontiguousarray(still), pairs, width, of_pairs, of_events)
    return of_pairs, of_events
