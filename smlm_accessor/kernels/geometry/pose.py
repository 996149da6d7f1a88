"""A transformation of space: ``matrix @ position + offset``."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from smlm_accessor._typing import FloatArray


class Pose(NamedTuple):
    """Where a set of points is moved: ``matrix @ position + offset``.

    Examples
    --------
    >>> import numpy as np
    >>> turn = Pose(np.array([[0.0, -1.0], [1.0, 0.0]]), np.array([5.0, 0.0]))
    >>> turn.move(np.array([[1.0, 2.0]])).tolist()
    [[3.0, 1.0]]
    >>> turn.inverse().after(turn).offset.tolist()
    [0.0, 0.0]
    """

    matrix: FloatArray
    offset: FloatArray

    @classmethod
    def identity(cls, n_axes: int) -> Pose:
        """Return the pose that moves nothing."""
        return cls(np.eye(n_axes), np.zeros(n_axes))

    def after(self, first: Pose) -> Pose:
        """Return this pose applied to what ``first`` gives."""
        return Pose(self.matrix @ first.matrix, self.matrix @ first.offset + self.offset)

    def inverse(self) -> Pose:
        """Return the pose that undoes this one."""
        matrix: FloatArray = np.linalg.inv(self.matrix).astype(np.float64, copy=False)
        return Pose(matrix, -matrix @ self.offset)

    def move(self, points: FloatArray) -> FloatArray:
        """Apply to points of shape (n, d)."""
        return points @ self.matrix.T + self.offset
