"""Where a source would lie on a target if one place of the field were left out.

A delete-one-group jackknife to first order: the pull of the target is summed by places around the
solution, and what a place pulls moves the zero of the sum by the inverse of its slope (Wu, Ann.
Statist. 14, 1261 (1986), DOI 10.1214/aos/1176350142). Nothing is registered again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.kernels.solvers.fixed_point import Evaluation

if TYPE_CHECKING:
    from smlm_accessor.kernels.neighbours.closest_points import Pair

_LEAST_SLOPE = 1 / 30  # of the pull, which is 1 where every point has its true partner
_LARGEST_SHARE = 0.9  # of a place, of all localizations


class Pulls:
    """The map of a pair, which keeps what each place contributes to it.

    Parameters
    ----------
    pair : Pair
    blocks : ndarray of int, shape (n,)
        The place of each point of the source.
    n_places : int
    """

    def __init__(self, pair: Pair, blocks: IntArray, n_places: int) -> None:
        self.pair, self.blocks, self.n_places = pair, blocks, n_places
        self._points: list[FloatArray] = []
        self._pulls: list[FloatArray] = []
        self._shares: list[FloatArray] = []

    def __call__(self, parameters: FloatArray) -> Evaluation | None:
        """Evaluate the map, and note by places what it is made of."""
        evaluation = self.pair(parameters)
        if evaluation is not None:
            pulls, share = self._by_place(parameters)
            self._points.append(parameters)
            self._pulls.append(pulls)
            self._shares.append(share)
        return evaluation

    def left_out(self, pose: Pose) -> Pose:
        """Return how a pose would change without each place: matrix (n, d, d), offset (n, d).

        Scaled such that the sum of the squares is the variance.
        """
        d, at = self.pair.n_axes, self.pair.to_parameters(pose)
        if not self._points and self(at) is None:
            return nothing(self.n_places, d)
        points, pulls = np.array(self._points), np.array(self._pulls)
        offsets, p = points - points.mean(axis=0), len(at)
        share = np.mean(self._shares, axis=0)
        slope, slopes = -np.eye(p), np.zeros((p, self.n_places, p))
        if len(points) > p:
            # Change of the pull of each place with each parameter, (p, n_places, p).
            slopes = np.tensordot(np.linalg.pinv(offsets), pulls, axes=1)
            slope = slopes.sum(axis=1).T
        there = pulls.mean(axis=0) + np.tensordot(at - points.mean(axis=0), slopes, axes=1)
        there -= share[:, None] * there.sum(axis=0)
        moves = np.linalg.solve(_falling(slope), there.T).T
        # A place that holds much of all draws the solution to itself.
        moves /= np.sqrt(1 - np.minimum(share, _LARGEST_SHARE))[:, None]
        matrix = np.zeros((self.n_places, d, d))
        if p > d:
            matrix = np.tensordot(moves[:, d:], self._turns(at), axes=1)
        return Pose(matrix, moves[:, :d] - matrix @ self.pair.matcher.centroid)

    def _by_place(self, parameters: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what each place adds to the residual just evaluated, and its share of the points.

        To first order in what is turned. Shapes are (n_places, p) and (n_places,).
        """
        matcher = self.pair.matcher
        count, pull, cross = matcher.by_place(self.blocks, self.n_places)
        n, d = int(count.sum()), pull.shape[1]
        pulls = pull / n
        if len(parameters) > d:
            first, _, second = matcher.second_moments()
            mean, turns = first / n, self._turns(parameters)
            normal = np.einsum("jab,bc,kac->jk", turns, second - n * np.outer(mean, mean), turns)
            torque = np.einsum("jab,nab->nj", turns, cross - pull[:, :, None] * mean)
            turned = torque @ np.linalg.pinv(normal)
            pulls = np.hstack([pulls - turned @ (turns @ mean), turned])
        return pulls, count / n

    def _turns(self, parameters: FloatArray) -> FloatArray:
        """Return the derivative of the matrix by each parameter that it has."""
        step = 1e-4 * self.pair.radius
        turns = []
        for j in range(self.pair.n_axes, len(parameters)):
            plus, minus = parameters.copy(), parameters.copy()
            plus[j] += step
            minus[j] -= step
            sides = self.pair.to_pose(plus).matrix - self.pair.to_pose(minus).matrix
            turns.append(sides / (2 * step))
        return np.array(turns)


def _falling(slope: FloatArray) -> FloatArray:
    """Return the slope, made as steep as one that brings anything back has to be."""
    values, vectors = np.linalg.eigh(-(slope + slope.T) / 2)
    if values[0] >= _LEAST_SLOPE:
        return slope
    return np.asarray(-(vectors * np.maximum(values, _LEAST_SLOPE)) @ vectors.T)


def nothing(n_places: int, n_axes: int) -> Pose:
    """Return the changes of a pose that does not depend on any place."""
    return Pose(np.zeros((n_places, n_axes, n_axes)), np.zeros((n_places, n_axes)))


def of_after(last: Pose, first: Pose, d_last: Pose, d_first: Pose) -> Pose:
    """Return the changes of ``last.after(first)``, from those of both."""
    return Pose(
        d_last.matrix @ first.matrix + last.matrix @ d_first.matrix,
        d_last.matrix @ first.offset + d_first.offset @ last.matrix.T + d_last.offset,
    )


def of_inverse(pose: Pose, change: Pose) -> Pose:
    """Return the changes of ``pose.inverse()``."""
    back = pose.inverse()
    matrix: FloatArray = -back.matrix @ change.matrix @ back.matrix
    return Pose(matrix, matrix @ pose.offset - change.offset @ back.matrix.T)


def mean_of(changes: Sequence[Pose], weights: Sequence[int]) -> Pose:
    """Return the weighted mean of changes."""
    matrix = np.average([c.matrix for c in changes], axis=0, weights=weights)
    return Pose(matrix, np.average([c.offset for c in changes], axis=0, weights=weights))
