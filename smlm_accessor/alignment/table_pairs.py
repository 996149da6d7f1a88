"""What pairs of tables share, the step that follows from all of them, and its covariance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.kernels.field.jackknife import effective_number, effective_numbers
from smlm_accessor.kernels.solvers.redundant import connected

# Probability that tables which share nothing seem to; and that a pair seems to contradict the rest.
_BY_CHANCE, _CONTRADICTS = 1e-5, 1e-4
#: Groups of field blocks that a pair has in common, effectively, for errors that are known.
FEWEST_EFFECTIVE = 4.0


@dataclass(frozen=True)
class TablePairs:
    """Sums over pairs of tables, by groups of field blocks.

    Parameters
    ----------
    force : ndarray, shape (n_groups, k, k, d)
        Of the first table towards the second, antisymmetric.
    curvature : ndarray, shape (n_groups, k, k, d)
        Symmetric, as is the ``responsibility``, shape (n_groups, k, k).
    slope : ndarray, shape (k, k, d)
        Rate at which the force on each table falls as each is moved.
    shared : ndarray of bool, shape (k, k)
        Pairs that have more in common than by chance.
    """

    force: FloatArray
    curvature: FloatArray
    responsibility: FloatArray
    slope: FloatArray
    shared: BoolArray

    @classmethod
    def of(
        cls,
        force: FloatArray,
        curvature: FloatArray,
        responsibility: FloatArray,
        slope: FloatArray,
    ) -> TablePairs:
        """Join what localizations of the first and of the second table of each pair say."""
        force = (force - force.transpose(0, 2, 1, 3)) / 2
        curvature = (curvature + curvature.transpose(0, 2, 1, 3)) / 2
        responsibility = (responsibility + responsibility.transpose(0, 2, 1)) / 2
        lateral = curvature[..., :2].mean(axis=-1)
        total, n = lateral.sum(axis=0), effective_numbers(responsibility)
        ratio = total / np.maximum(responsibility.sum(axis=0), 1e-300)
        scatter = ((lateral - ratio * responsibility) ** 2).sum(axis=0)
        error = np.sqrt(scatter * n / np.maximum(n - 1, 1e-9))
        chance = stdtr(np.maximum(n - 1, 1.0), -total / np.maximum(error, 1e-300))
        shared = (n >= FEWEST_EFFECTIVE) & (chance < _BY_CHANCE)
        shared &= (curvature.sum(axis=0) > 0).all(axis=-1)
        return cls(force, curvature, responsibility, slope, shared)

    def share(self, used: BoolArray) -> FloatArray:
        """Return curvature over responsibility of the pairs that are used, shape (k, k)."""
        lateral = self.curvature[..., :2].mean(axis=-1).sum(axis=0)
        total = np.maximum(self.responsibility.sum(axis=0), 1e-300)
        return np.where(used, lateral / total, 0.0)

    def solve(self, share: FloatArray, component: IntArray) -> tuple[FloatArray, FloatArray, float]:
        """Return steps (k, d), their covariance (d, k, k) and the effective number of groups."""
        k, d = self.force.shape[2:]
        force = np.einsum("gstc,st->gsc", self.force, share)
        n = effective_number((self.responsibility * share).sum(axis=(1, 2)))
        step, covariance = np.zeros((k, d)), np.zeros((d, k, k))
        same = component[:, None] == component
        for axis in range(d):
            slope = self.slope[..., axis]
            # Of each component the mean does not change: a constant cannot be known.
            usual = max(float(np.diag(slope).mean()), 1e-300)
            free = same / same.sum(axis=1)
            inverse = np.linalg.inv(slope + usual * free) - free / usual
            step[:, axis] = inverse @ force[:, :, axis].sum(axis=0)
            scatter = force[:, :, axis].T @ force[:, :, axis]
            covariance[axis] = inverse @ scatter @ inverse.T
        return step, covariance * n / max(n - 1, 0.5), n

    def alone(self) -> tuple[FloatArray, FloatArray]:
        """Return by how much each pair alone would move its first table, and the error of it."""
        total = self.curvature.sum(axis=0)
        known = self.shared[..., None] & (total > 0)
        curvature = np.where(known, total, np.nan)
        move = self.force.sum(axis=0) / curvature
        n = effective_numbers(self.responsibility)[..., None]
        variance = ((self.force - move * self.curvature) ** 2).sum(axis=0)
        return move, np.sqrt(variance * n / np.maximum(n - 1, 0.5)) / curvature

    def contradiction(self, used: BoolArray) -> tuple[int, int] | None:
        """Return the pair that most contradicts the rest, None if none does more than by chance.

        Pairs that hold a component together contradict nothing.
        """
        move, error = self.alone()
        n = effective_numbers(self.responsibility)[..., None]
        z = np.abs(move) / np.maximum(error, 1e-300)
        chance = np.where(used[..., None], stdtr(np.maximum(n - 1, 1.0), -z), 1.0).min(axis=-1)
        limit = _CONTRADICTS / max(int(used.sum()) // 2, 1)
        parts = int(connected(used).max())
        for flat in np.argsort(chance, axis=None, kind="stable"):
            i, j = divmod(int(flat), len(used))
            if not chance[i, j] < limit:
                return None
            without = used.copy()
            without[i, j] = without[j, i] = False
            if int(connected(without).max()) == parts:
                return i, j
        return None
