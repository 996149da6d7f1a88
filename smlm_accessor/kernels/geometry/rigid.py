"""The similarity transformation between two sets of paired points, in closed form."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray


def fit(
    source: FloatArray,
    target: FloatArray,
    *,
    with_rotation: bool = True,
    with_scaling: bool = False,
) -> tuple[FloatArray, FloatArray]:
    """Fit ``matrix @ source + offset`` to ``target`` by least squares.

    Parameters
    ----------
    source, target : ndarray, shape (n, d)
        Paired points, ``d`` 2 or 3.
    with_rotation, with_scaling : bool
        What the matrix may hold; it is never a reflection.

    Returns
    -------
    matrix : ndarray, shape (d, d)
        NaN if the points do not determine it.
    offset : ndarray, shape (d,)

    References
    ----------
    Umeyama, IEEE Trans. Pattern Anal. Mach. Intell. 13, 376 (1991), DOI 10.1109/34.88573.

    Examples
    --------
    >>> import numpy as np
    >>> source = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    >>> turned = source @ np.array([[0.0, 1.0], [-1.0, 0.0]]) + 5.0
    >>> matrix, offset = fit(source, turned)
    >>> np.allclose(matrix, [[0, -1], [1, 0]]), np.allclose(offset, 5)
    (True, True)
    """
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    s, t = source - source_mean, target - target_mean
    matrix = fit_matrix(t.T @ s, s.T @ s, with_rotation=with_rotation, with_scaling=with_scaling)
    return matrix, target_mean - matrix @ source_mean


def fit_matrix(
    cross: FloatArray, spread: FloatArray, *, with_rotation: bool, with_scaling: bool
) -> FloatArray:
    """Return the matrix of `fit` from sums over centred pairs: ``t s^T`` and ``s s^T``."""
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
    """Return the rotation vector (in the plane an angle), then the log of the scale.

    Any rotation by less than half a turn.

    Examples
    --------
    >>> to_parameters(to_matrix(np.array([0.1, -0.2, 0.3, 0.01]))).round(12).tolist()
    [0.1, -0.2, 0.3, 0.01]
    """
    n_axes = len(matrix)
    log_scale = float(np.log(np.linalg.det(matrix))) / n_axes
    if n_axes == 2:
        return np.array([np.arctan2(matrix[1, 0] - matrix[0, 1], np.trace(matrix)), log_scale])
    rotation = matrix * np.exp(-log_scale)
    axis = np.array(
        [
            rotation[2, 1] - rotation[1, 2],
            rotation[0, 2] - rotation[2, 0],
            rotation[1, 0] - rotation[0, 1],
        ]
    )  # 2 sin(angle) times the unit axis
    length = float(np.linalg.norm(axis))
    angle = float(np.arctan2(length, np.trace(rotation) - 1))
    return np.append(axis * (angle / length if length > 0 else 0.5), log_scale)


def to_matrix(parameters: FloatArray) -> FloatArray:
    """Return the matrix of a rotation vector (in the plane an angle) and the log of a scale."""
    *vector, log_scale = parameters
    scale = np.exp(log_scale)
    rotation: FloatArray
    if len(vector) == 1:
        c, s = np.cos(vector[0]), np.sin(vector[0])
        rotation = np.array([[c, -s], [s, c]])
    else:
        x, y, z = vector
        half_turns = float(np.sqrt(x * x + y * y + z * z)) / np.pi
        skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
        # Rodrigues' formula; sinc keeps it true at angle zero.
        rotation = np.eye(3) + np.sinc(half_turns) * skew
        rotation += 0.5 * np.sinc(half_turns / 2) ** 2 * (skew @ skew)
    matrix: FloatArray = scale * rotation
    return matrix
