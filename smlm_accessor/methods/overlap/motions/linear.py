"""Linear motions about the centre over time: turning, growing, shearing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.geometry.generators import GROUPS, generators, undoing
from smlm_accessor.methods.api import Registered
from smlm_accessor.methods.overlap.motions.block_sums import BlockSums


class LinearMotion(NamedTuple):
    """How the sample moves about its centre besides its drift.

    Parameters
    ----------
    generators : ndarray, shape (m, d, d)
    frames : ndarray, shape (k,)
        Mean frames of windows, and the first and the last frame.
    level, std : ndarray, shape (k, m)
        Parameters at these, and their standard deviations.
    smoothing_time : float
        Frames of which the errors are alike.
    """

    generators: FloatArray
    frames: FloatArray
    level: FloatArray
    std: FloatArray
    smoothing_time: float

    def matrices(self, frames: FloatArray) -> FloatArray:
        """Return the matrices that undo the motion at frames, shape (n, d, d)."""
        d = self.generators.shape[1]
        entries = undoing(self.level, self.generators).reshape(-1, d * d).T
        found = [np.interp(frames, self.frames, entry) for entry in entries]
        return np.stack(found, axis=1).reshape(-1, d, d)

    def std_at(self, frames: FloatArray) -> FloatArray:
        """Return the standard deviations of the parameters at frames, shape (n, m)."""
        return np.stack([np.interp(frames, self.frames, one) for one in self.std.T], axis=1)

    def undone(self, positions: FloatArray, at: FloatArray, drift: FloatArray) -> FloatArray:
        """Return positions of a sample that only drifts; drift and frame ``at`` of each."""
        frames, number = np.unique(at, return_inverse=True)
        left = positions - drift
        return np.asarray(drift + np.einsum("nij,nj->ni", self.matrices(frames)[number], left))

    def applied_to(self, registered: Registered, used: IntArray, frames: FloatArray) -> Registered:
        """Return what corrects a sample that drifts as registered, and moves so.

        ``frames`` are the mean ones of the chunks that are ``used``.
        """
        k, d = registered.offset.shape
        matrix, std = np.full((k, d, d), np.nan), np.full((k, self.std.shape[1]), np.nan)
        matrix[used], std[used] = self.matrices(frames), self.std_at(frames)
        n_turns = len(generators("rotation", d))
        pose_std = {"rotation_std": std[:, 0] if d == 2 else std[:, :n_turns]}
        if std.shape[1] > n_turns:
            pose_std["log_scale_std"] = std[:, n_turns]
        # The drift was found in the coordinates of the sample at its centre: x -> M (x - drift).
        offset = np.einsum("kij,kj->ki", matrix, registered.offset)
        matrix[~registered.valid] = np.nan
        return replace(registered, offset=offset, matrix=matrix, pose_std=pose_std)


@dataclass(frozen=True)
class LinearMotions:
    """The motions with some generators, shape (m, d, d): what may be found.

    Examples
    --------
    >>> len(LinearMotions.of("similarity", 2).generators)
    2
    """

    generators: FloatArray

    @classmethod
    def of(cls, transformation: str, d: int) -> LinearMotions:
        """Return those of a transformation, and of all that are less free."""
        names = list(GROUPS)[: list(GROUPS).index(transformation) + 1]
        return cls(np.concatenate([generators(GROUPS[name], d) for name in names]))

    @property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return len(self.generators)

    def velocities(self, sums: BlockSums) -> FloatArray:
        """Return how each parameter moves the blocks, shape (m, n_blocks, d)."""
        return np.asarray(np.einsum("mij,bj->mbi", self.generators, sums.middle))

    def motion(
        self, frames: FloatArray, level: FloatArray, std: FloatArray, smoothing_time: float
    ) -> LinearMotion:
        """Return the motion with these parameters, (k, m), at frames."""
        return LinearMotion(self.generators, frames, level, std, smoothing_time)
