"""Linear motions about a point: turning, growing, and what shears or stretches.

A sample that moves by the generator ``G`` with the parameter ``p`` is at ``expm(p G) @ x``; the
matrix ``expm(-p G)`` undoes it.
"""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray

#: The parameters of each kind of transformation; each kind has those of the ones before it, too.
GROUPS = {"rigid": "rotation", "similarity": "scale", "affine": "shear"}


def generators(group: str, d: int) -> FloatArray:
    """Return the generators of a group of parameters, shape (m, d, d).

    Of ``rotation``, one in the plane, positive from x to y, or one about each axis; of ``scale``,
    one; of ``shear``, those that keep angle and area: 2 in the plane, 5 in space.

    Examples
    --------
    >>> generators("rotation", 2)
    array([[[ 0., -1.],
            [ 1.,  0.]]])
    >>> len(generators("shear", 3))
    5
    """
    if group == "scale":
        return np.eye(d)[None]
    pairs = [(0, 1)] if d == 2 else [(1, 2), (2, 0), (0, 1)]
    found = np.zeros((len(pairs), d, d))
    sign = -1.0 if group == "rotation" else 1.0
    for one, (a, b) in zip(found, pairs, strict=True):
        one[a, b], one[b, a] = sign, 1.0
    if group == "rotation":
        return found
    stretches = np.zeros((d - 1, d, d))
    for i, one in enumerate(stretches, start=1):
        one[np.arange(i), np.arange(i)] = 1.0
        one[i, i] = -i
        one *= np.sqrt(2 / (i * (i + 1)))  # as large as a shear
    return np.concatenate([stretches, found])


def undoing(parameters: FloatArray, generators: FloatArray) -> FloatArray:
    """Return the matrices that undo motions with parameters (n, m), shape (n, d, d).

    Examples
    --------
    >>> undoing(np.array([[np.log(2.0)]]), generators("scale", 2))
    array([[[0.5, 0. ],
            [0. , 0.5]]])
    """
    from scipy.linalg import expm

    return np.asarray(expm(-np.tensordot(parameters, generators, axes=1)))
