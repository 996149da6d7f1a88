"""Rotations with one scale: as matrices, as parameters, and fitted to paired points.

Parameters are the rotation, in the plane an angle, in space a rotation vector, and the logarithm of
the scale.
"""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray

TOLERANCE = 1e-6  # matrices that went through single precision are still similarities


def fit_matrix(
    cross: FloatArray, spread: FloatArray, *, with_rotation: bool, with_scaling: bool
) -> FloatArray:
    """Return the matrix that maps source points onto target points by least squares.

    ``cross`` and ``spread``, (d, d), are the sums of ``t s^T`` and ``s s^T`` over pairs of source
    ``s`` and target ``t``, each less its mean; ``d`` is 2 or 3. The matrix is never a reflection;
    NaN if the points do not determine it. Own code:
    `scipy.spatial.transform.Rotation.align_vectors` fits no scale.

    References
    ----------
    Umeyama, IEEE Trans. Pattern Anal. Mach. Intell. 13, 376 (1991), DOI 10.1109/34.88573.

    Examples
    --------
    >>> import numpy as np
    >>> s = np.array([[-1.0, -1.0], [1.0, -1.0], [0.0, 2.0]])
    >>> t = s @ np.array([[0.0, 1.0], [-1.0, 0.0]])
    >>> matrix = fit_matrix(t.T @ s, s.T @ s, with_rotation=True, with_scaling=False)
    >>> np.allclose(matrix, [[0, -1], [1, 0]])
    True
    """
    n_axes = len(cross)
    undetermined = np.full((n_axes, n_axes), np.nan)
    rotation = np.eye(n_axes)
    if with_rotation:
        left, singular, right = np.linalg.svd(cross)
        # In the plane one direction is enough, in space it takes two.
        if not singular[-2] > n_axes * np.finfo(float).eps * max(singular[0], spread.trace()):
            return undetermined
        signs = np.ones(n_axes)
        signs[-1] = np.sign(np.linalg.det(left @ right))
        rotation = (left * signs) @ right
    if not with_scaling:
        return rotation
    gain = float(np.sum(rotation * cross))
    matrix: FloatArray = gain / spread.trace() * rotation if gain > 0 else undetermined
    return matrix


def to_parameters(matrix: FloatArray) -> FloatArray:
    """Return rotation and logarithm of the scale of one similarity, shape (2,) or (4,).

    For the iterations of icp, whose rotations are by far less than half a turn: five times faster
    than `to_rotation`, 12 instead of 60 microseconds.

    Examples
    --------
    >>> matrix = to_matrix(np.array([[0.1, -0.2, 0.3]]), np.array([0.01]))[0]
    >>> to_parameters(matrix).round(12).tolist()
    [0.1, -0.2, 0.3, 0.01]
    """
    n_axes = len(matrix)
    log_scale = float(np.log(np.linalg.det(matrix))) / n_axes
    if n_axes == 2:
        return np.array([np.arctan2(matrix[1, 0] - matrix[0, 1], np.trace(matrix)), log_scale])
    rotation = matrix * np.exp(-log_scale)
    skew = rotation - rotation.T
    axis = np.array([skew[2, 1], skew[0, 2], skew[1, 0]])  # 2 sin(angle) times the unit axis
    length = float(np.linalg.norm(axis))
    angle = float(np.arctan2(length, np.trace(rotation) - 1))
    return np.append(axis * (angle / length if length > 0 else 0.5), log_scale)


def are_similarities(matrix: FloatArray) -> BoolArray:
    """Return which of the matrices, shape (n, d, d), turn and scale, but neither shear nor mirror.

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
    """Return rotation, (n, 1) or (n, 3), and log of the scale, (n,), of matrices (n, d, d).

    In the plane the angle from x to y; in space the rotation vector, whose direction is the axis
    and whose length is the angle. Radians, at most half a turn. NaN of what is no similarity.

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

    Rows with NaN are passed over; shape (n, 1) or (n, 3).

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
