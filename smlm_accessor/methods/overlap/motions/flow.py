"""A smooth field of shifts over time: the sample flows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.geometry.smooth_field import SmoothField
from smlm_accessor.methods.api import Registered
from smlm_accessor.methods.overlap.motions.block_sums import BlockSums

_RIDGE = 1e-9  # of the variance of a term over the field: blocks that tell it not at all


class Flow(NamedTuple):
    """How parts of the sample move besides its drift.

    A sample at ``s`` is seen at ``s + drift + constant + sum(coefficient * term(s))``.

    Parameters
    ----------
    field : SmoothField
    frames : ndarray, shape (k,)
        Mean frames of windows, and the first and the last frame.
    constant, constant_std : ndarray, shape (k, d)
        The drift is that of what is known best; this is the rest of the mean over the field.
    coefficient, std : ndarray, shape (k, n_terms, d)
    smoothing_time : float
        Frames of which the errors are alike.
    """

    field: SmoothField
    frames: FloatArray
    constant: FloatArray
    constant_std: FloatArray
    coefficient: FloatArray
    std: FloatArray
    smoothing_time: float

    def at(self, values: FloatArray, frames: FloatArray) -> FloatArray:
        """Return values, shape (k, ...), at frames, (n, ...)."""
        columns = values.reshape(len(values), -1).T
        found = [np.interp(frames, self.frames, column) for column in columns]
        return np.stack(found, axis=1).reshape(len(frames), *values.shape[1:])

    def undone(self, positions: FloatArray, at: FloatArray, drift: FloatArray) -> FloatArray:
        """Return positions of a sample that only drifts; drift and frame ``at`` of each."""
        frames, number = np.unique(at, return_inverse=True)
        constant = self.at(self.constant, frames)[number]
        seen = positions - drift - constant
        shifts = self.field.shifts(seen, self.at(self.coefficient, frames), number)
        return np.asarray(positions - constant - shifts)

    def applied_to(self, registered: Registered, used: IntArray, frames: FloatArray) -> Registered:
        """Return what corrects a sample that drifts as registered, and flows so.

        ``frames`` are the mean ones of the chunks that are ``used``.
        """
        k, d = registered.offset.shape
        offset, offset_std = registered.offset.copy(), registered.offset_std
        local, std = np.full((2, k, len(self.field.terms), d), np.nan)
        offset[used] -= self.at(self.constant, frames)
        local[used], std[used] = -self.at(self.coefficient, frames), self.at(self.std, frames)
        if offset_std is not None:
            offset_std = offset_std.copy()
            offset_std[used] = np.hypot(offset_std[used], self.at(self.constant_std, frames))
        local[~registered.valid] = std[~registered.valid] = np.nan
        return replace(
            registered,
            offset=offset,
            offset_std=offset_std,
            local=local,
            local_std=std,
            field=self.field,
        )


@dataclass(frozen=True)
class Flows:
    """The flows of a field up to an order: what may be found.

    Each axis has combinations of the terms of its own, whose means over the events, weighted by
    their information, are 0, and that are not correlated: then each is found by itself.

    Parameters
    ----------
    field : SmoothField
    mean : ndarray, shape (d, n_terms)
    combined : ndarray, shape (d, n_terms, n_terms)
        The combinations are ``(terms - mean) @ combined``.
    """

    field: SmoothField
    mean: FloatArray
    combined: FloatArray

    @classmethod
    def of(cls, field: SmoothField, sums: BlockSums) -> Flows:
        """Return the combinations of terms that blocks tell independently."""
        values, means, combined = field.values(sums.middle), [], []
        for weight in sums.information.T:
            share = weight / max(float(weight.sum()), 1e-300)
            mean = share @ values
            left = values - mean
            spread = (share[:, None] * left).T @ left
            spread += _RIDGE * np.diag(np.maximum(np.diag(spread), _RIDGE))
            means.append(mean)
            combined.append(np.linalg.inv(np.linalg.cholesky(spread)).T)
        return cls(field, np.stack(means), np.stack(combined))

    @property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return self.mean.size

    def velocities(self, sums: BlockSums) -> FloatArray:
        """Return how each parameter moves the blocks, shape (m, n_blocks, d), axis after axis."""
        values = self.field.values(sums.middle)
        d, n_terms = self.mean.shape
        found = np.zeros((d, n_terms, len(values), d))
        for axis in range(d):
            found[axis, :, :, axis] = ((values - self.mean[axis]) @ self.combined[axis]).T
        return found.reshape(d * n_terms, len(values), d)

    def motion(
        self, frames: FloatArray, level: FloatArray, std: FloatArray, smoothing_time: float
    ) -> Flow:
        """Return the flow with these parameters, (k, m), at frames."""
        d, n_terms = self.mean.shape
        by_axis = level.reshape(-1, d, n_terms), std.reshape(-1, d, n_terms) ** 2
        coefficient = np.einsum("atj,kaj->kta", self.combined, by_axis[0])
        variance = np.einsum("atj,kaj->kta", self.combined**2, by_axis[1])
        to_constant = np.einsum("at,atj->aj", self.mean, self.combined)
        constant = -np.einsum("aj,kaj->ka", to_constant, by_axis[0])
        of_constant = np.einsum("aj,kaj->ka", to_constant**2, by_axis[1])
        return Flow(
            self.field,
            frames,
            constant,
            np.sqrt(of_constant),
            coefficient,
            np.sqrt(variance),
            smoothing_time,
        )
