"""How a registration would change without one block of the field: a jackknife to first order.

A registration is the zero of the gradient. The gradient is summed by field blocks around the
solution; without block ``k`` the zero moves by ``slope^-1 @ gradient_k`` (Wu, Ann. Statist. 14,
1261 (1986), DOI 10.1214/aos/1176350142). Nothing is registered again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.kernels.solvers.fixed_point import Evaluation

if TYPE_CHECKING:
    from smlm_accessor.kernels.neighbours.closest_points import ClosestPointMap

_LEAST_SLOPE = 1 / 30  # of the gradient; it is 1 where every localization has its true partner
_LARGEST_SHARE = 0.9  # of one block in all localizations


class BlockGradients:
    """A closest-point map that keeps what each field block contributes to its gradient.

    The gradient is the mean residual, from the moved source to its neighbours: minus half the
    derivative of the mean squared distance. ``blocks`` are those of the localizations of the
    source.
    """

    def __init__(self, pairs: ClosestPointMap, blocks: IntArray, n_blocks: int) -> None:
        self.pairs, self.blocks, self.n_blocks = pairs, blocks, n_blocks
        self._parameters: list[FloatArray] = []
        self._gradients: list[FloatArray] = []
        self._shares: list[FloatArray] = []

    def __call__(self, parameters: FloatArray) -> Evaluation | None:
        """Evaluate the map, and note what each block contributes."""
        evaluation = self.pairs(parameters)
        if evaluation is not None:
            gradient, share = self._by_block(parameters)
            self._parameters.append(parameters)
            self._gradients.append(gradient)
            self._shares.append(share)
        return evaluation

    def influence(self, pose: Pose) -> Pose:
        """Return how a pose would change without each block: matrix (n, d, d), offset (n, d).

        Scaled such that the sum of the squares is the variance.
        """
        d, at = self.pairs.n_axes, self.pairs.to_parameters(pose)
        if not self._parameters and self(at) is None:
            return no_influence(self.n_blocks, d)
        parameters, gradients = np.array(self._parameters), np.array(self._gradients)
        center, p = parameters.mean(axis=0), len(at)
        share = np.mean(self._shares, axis=0)
        slope, slopes = -np.eye(p), np.zeros((p, self.n_blocks, p))
        if len(parameters) > p:
            # Slope of the gradient of each block with each parameter, (p, n_blocks, p).
            slopes = np.tensordot(np.linalg.pinv(parameters - center), gradients, axes=1)
            slope = slopes.sum(axis=1).T
        there = gradients.mean(axis=0) + np.tensordot(at - center, slopes, axes=1)
        there -= share[:, None] * there.sum(axis=0)
        changes = np.linalg.solve(_falling(slope), there.T).T
        # A block that holds much of all draws the solution to itself.
        changes /= np.sqrt(1 - np.minimum(share, _LARGEST_SHARE))[:, None]
        matrix = np.zeros((self.n_blocks, d, d))
        if p > d:
            matrix = np.tensordot(changes[:, d:], self._turns(at), axes=1)
        return Pose(matrix, changes[:, :d] - matrix @ self.pairs.matcher.centroid)

    def _by_block(self, parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what each block adds to the residual just evaluated, and its share of the points.

        To first order in rotation and scale. Shapes are (n_blocks, p) and (n_blocks,).
        """
        matcher = self.pairs.matcher
        count, r, rs, s, ss = matcher.moments(self.blocks, self.n_blocks)
        n, d = int(count.sum()), len(s)
        gradient = r / n
        if len(parameters) > d:
            mean, turns = s / n, self._turns(parameters)
            normal = np.einsum("jab,bc,kac->jk", turns, ss - n * np.outer(mean, mean), turns)
            torque = np.einsum("jab,nab->nj", turns, rs - r[:, :, None] * mean)
            turned = torque @ np.linalg.pinv(normal)
            gradient = np.hstack([gradient - turned @ (turns @ mean), turned])
        return gradient, count / n

    def _turns(self, parameters: FloatArray) -> FloatArray:
        """Return the derivative of the matrix by each parameter that it has."""
        step = 1e-4 * self.pairs.radius
        steps = step * np.eye(len(parameters))[self.pairs.n_axes :]
        sides = [
            self.pairs.to_pose(parameters + s).matrix - self.pairs.to_pose(parameters - s).matrix
            for s in steps
        ]
        return np.array(sides) / (2 * step)


def _falling(slope: FloatArray) -> FloatArray:
    """Return the slope, made at least as steep as is needed for a stable solution."""
    values, vectors = np.linalg.eigh(-(slope + slope.T) / 2)
    if values[0] >= _LEAST_SLOPE:
        return slope
    return np.asarray(-(vectors * np.maximum(values, _LEAST_SLOPE)) @ vectors.T)


def no_influence(n_blocks: int, n_axes: int) -> Pose:
    """Return the influence on a pose that does not depend on any block."""
    return Pose(np.zeros((n_blocks, n_axes, n_axes)), np.zeros((n_blocks, n_axes)))


def on_composition(last: Pose, first: Pose, on_last: Pose, on_first: Pose) -> Pose:
    """Return the influence on ``last.after(first)``, from those on both."""
    return Pose(
        on_last.matrix @ first.matrix + last.matrix @ on_first.matrix,
        on_last.matrix @ first.offset + on_first.offset @ last.matrix.T + on_last.offset,
    )


def on_inverse(pose: Pose, influence: Pose) -> Pose:
    """Return the influence on ``pose.inverse()``."""
    back = pose.inverse()
    matrix: FloatArray = -back.matrix @ influence.matrix @ back.matrix
    return Pose(matrix, -matrix @ pose.offset - influence.offset @ back.matrix.T)


def mean_influence(influences: Sequence[Pose], weights: Sequence[int]) -> Pose:
    """Return the weighted mean."""
    matrix = np.average([c.matrix for c in influences], axis=0, weights=weights)
    return Pose(matrix, np.average([c.offset for c in influences], axis=0, weights=weights))
