"""The redundant solution: one shift of each window from the correlations of all pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.correlation.pair_sums import PairSums
from smlm_accessor.kernels.correlation.peak_precision import own_variance
from smlm_accessor.kernels.solvers.redundant import Network, responses, solve_all, solve_pairs

# An overlap as small as this, in units of the usual, counts as none.
_TOUCH = 1e-6
# Standard deviations of a residual that are no chance.
_FAR = 6.0


class Solution(NamedTuple):
    """How far windows are off, ``move``, its ``variance`` (k, d), and the pairs that say so.

    ``influence``, (k, n_blocks, d), is how windows would move without each field block; it is None
    if pairs were not to be dropped.
    """

    move: FloatArray
    variance: FloatArray
    network: Network
    influence: FloatArray | None


def redundant_solution(
    sums: PairSums, reach: FloatArray, *, drop: bool, max_residual: float | None = None
) -> Solution | None:
    """Solve for the shifts of windows by weighted least squares over all pairs.

    The shift of a pair is its slope over its curvature (Newton's method). The curvature is in
    proportion to the overlap, which therefore is the weight of the pair. The variance of a window
    is what it contributes itself, ``(squares - pair_squares) / curvature**2``, and its variance in
    the network of all pairs.

    The unit of the sums is ``reach``, (d,). With ``drop``, pairs with residuals above
    ``max_residual`` are dropped, by default six standard deviations of each pair: this takes the
    slopes of pairs, which are overwritten. None where nothing has a maximum.
    """
    total = float(sums.overlap.sum())
    if not (total > 0 and (sums.curvature.sum(axis=0) > 0).all()):
        return None
    curvature = sums.curvature.sum(axis=0) / total
    weights = np.where(sums.overlap > _TOUCH * total / sums.overlap.size, sums.overlap, 0.0)
    # Of a pair, at unit weight.
    unit = sums.pair_squares.sum(axis=0) / total / curvature**2 * reach**2
    if drop:
        assert sums.slope is not None
        least = np.finfo(float).tiny
        inverse = np.divide(1.0, weights, out=np.zeros_like(weights), where=weights > 0)
        differences = sums.slope  # in place: where windows are many, these are the largest arrays
        differences *= (reach / curvature)[:, None, None]
        differences *= inverse
        limit = np.sqrt(inverse, out=inverse)
        limit *= _FAR * np.sqrt(unit.max())
        if max_residual is not None:
            limit[:] = max_residual
        network = solve_pairs(differences, weights, np.maximum(limit, least, out=limit))
        del inverse, limit
        response = responses(weights, network)
        of_pairs = np.where(network.used.any(axis=1), np.diag(response), np.inf)
        # Windows follow those that they are compared with, whose localizations lie elsewhere if
        # molecules bleach: then errors add up from window to window.
        influence = np.tensordot(response, sums.by_block, 1) * (reach / curvature)
    else:
        pull = sums.by_block.sum(axis=1).T
        network, influence = solve_all(pull * (reach / curvature)[:, None], weights), None
        with np.errstate(divide="ignore"):
            of_pairs = 1 / weights.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = (reach / sums.curvature) ** 2
        own = own_variance(sums.squares * scale, sums.pair_squares * scale)
    own[~(sums.curvature > 0)] = np.inf
    return Solution(network.shift, own + unit * of_pairs[:, None], network, influence)
