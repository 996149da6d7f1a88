"""Rotations with a scale, as matrices and as angles and the log of the scale; many at once.

`smlm_accessor.kernels.geometry.rigid` does the same for one matrix at a time, in the loop of icp.
"""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray

TOLERANCE = 1e-6  # matrices that went through single precision are still similarities


def are_similarities(matrix: FloatArray) -> BoolArray:
    """Return which matrices turn and scale, but neither shear nor mirror.

    Parameters
    ----------
    matrix : ndarray, shape (n, d, d)

    Returns
    -------
    ndarray, shape (n,)
        False too where a matrix is not finite.

    Examples
    --------
    >>> turn, shear = [[0.0, -2.0], [2.0, 0.0]], [[1.0, 0.1], [0.0, 1.0]]
    >>> are_similarities(np.array([turn, shear])).tolist()
    [True, False]
    """
    d = matrix.shape[-1]
    finite = np.isfinite(matrix).all(axis=(1, 2), keepdims=True)
    matrix = np.where(finite, matrix, 0.0)
    with np.errstate(all="ignore"):  # of numbers too large to square, which are no similarities
        gram = np.swapaxes(matrix, 1, 2) @ matrix
        square = np.trace(gram, axis1=1, axis2=2) / d
        away = np.abs(gram - square[:, None, None] * np.eye(d)).max(axis=(1, 2), initial=0)
        return np.asarray((np.linalg.det(matrix) > 0) & (away <= TOLERANCE * square))


def to_rotation(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the rotation and the log of the scale of each matrix.

    Parameters
    ----------
    matrix : ndarray, shape (n, d, d)

    Returns
    -------
    rotation : ndarray, shape (n, 1) or (n, 3)
        In the plane the angle from x to y; in space the rotation vector, whose direction is the
        axis and whose length is the angle. Radians, at most half a turn. NaN where the matrix is
        no similarity.
    log_scale : ndarray, shape (n,)

    Examples
    --------
    >>> rotation, log_scale = to_rotation(np.array([[[0.0, -2.0], [2.0, 0.0]]]))
    >>> np.allclose(rotation, np.pi / 2), np.allclose(log_scale, np.log(2))
    (True, True)
    """
    n, d = len(matrix), matrix.shape[-1]
    similar = are_similarities(matrix)
    rotation = np.full((n, 1 if d == 2 else 3), np.nan)
    log_scale = np.full(n, np.nan)
    m = matrix[similar]
    log_scale[similar] = np.log(np.linalg.det(m)) / d
    if d == 2:
        sine, cosine = m[:, 1, 0] - m[:, 0, 1], m[:, 0, 0] + m[:, 1, 1]
        rotation[similar, 0] = np.arctan2(sine, cosine)
    elif len(m):
        from scipy.spatial.transform import Rotation

        pure = m * np.exp(-log_scale[similar])[:, None, None]
        rotation[similar] = Rotation.from_matrix(pure).as_rotvec()
    return rotation, log_scale


def to_matrix(rotation: FloatArray, log_scale: FloatArray) -> FloatArray:
    """Return the matrices of rotations, shape (n, 1) or (n, 3), and logs of scales, shape (n,).

    Examples
    --------
    >>> to_matrix(np.array([[np.pi / 2]]), np.log([2.0])).round(12).tolist()
    [[[0.0, -2.0], [2.0, 0.0]]]
    """
    if rotation.shape[1] == 1:
        c, s = np.cos(rotation[:, 0]), np.sin(rotation[:, 0])
        turn = np.moveaxis(np.array([[c, -s], [s, c]]), 2, 0)
    else:
        turn = np.full((len(rotation), 3, 3), np.nan)
        finite = np.isfinite(rotation).all(axis=1)
        if finite.any():
            from scipy.spatial.transform import Rotation

            turn[finite] = Rotation.from_rotvec(rotation[finite]).as_matrix()
    return np.asarray(np.exp(log_scale)[:, None, None] * turn)


def unwrapped(rotation: FloatArray) -> FloatArray:
    """Return the same rotations, each by the full turns more that bring it next to the one before.

    Parameters
    ----------
    rotation : ndarray, shape (n, 1) or (n, 3)
        Angles or rotation vectors; rows with NaN are passed over.

    Examples
    --------
    >>> unwrapped(np.array([[3.0], [-3.0]])).round(3).tolist()
    [[3.0], [3.283]]
    """
    result = np.array(rotation, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(result).all(axis=1))
    rows = result[known]
    far = np.linalg.norm(np.diff(rows, axis=0), axis=1) > np.pi
    for i in range(int(np.argmax(far)) + 1 if far.any() else len(rows), len(rows)):
        # An axis may point either way; at no rotation any axis will do.
        axis = rows[i] if np.linalg.norm(rows[i]) > 1e-12 else rows[i - 1]
        length = np.linalg.norm(axis)
        if length > 1e-12:
            turn = 2 * np.pi * axis / length
            rows[i] += np.round((rows[i - 1] - rows[i]) @ turn / (turn @ turn)) * turn
    result[known] = rows
    return result
