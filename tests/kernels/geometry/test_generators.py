"""Generators: what they do to a square, and that matrices undo the motion."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import expm

from smlm_accessor.kernels.geometry.generators import GROUPS, generators, undoing


@pytest.mark.parametrize("d", [2, 3])
def test_all_of_them_are_all_linear_motions(d: int) -> None:
    each = np.concatenate([generators(group, d) for group in GROUPS.values()])
    assert len(each) == d * d
    products = each.reshape(d * d, -1) @ each.reshape(d * d, -1).T
    np.testing.assert_allclose(products, np.diag(np.diag(products)), atol=1e-12)


@pytest.mark.parametrize("d", [2, 3])
def test_rotations_turn_scales_grow_and_shears_keep_the_volume(d: int) -> None:
    for generator in generators("rotation", d):
        turn = expm(0.3 * generator)
        np.testing.assert_allclose(turn @ turn.T, np.eye(d), atol=1e-12)
        assert np.trace(turn) == pytest.approx(d - 2 + 2 * np.cos(0.3))
    np.testing.assert_allclose(expm(0.3 * generators("scale", d)[0]), np.exp(0.3) * np.eye(d))
    for generator in generators("shear", d):
        assert np.linalg.det(expm(0.3 * generator)) == pytest.approx(1)
        np.testing.assert_allclose(generator, generator.T)


def test_a_positive_rotation_goes_from_x_to_y() -> None:
    assert (expm(0.1 * generators("rotation", 2)[0]) @ [1.0, 0.0])[1] > 0
    about_z = generators("rotation", 3)[2]
    assert (expm(0.1 * about_z) @ [1.0, 0.0, 0.0])[1] > 0


def test_matrices_undo_the_motion() -> None:
    each = np.concatenate([generators("rotation", 2), generators("scale", 2)])
    parameters = np.random.default_rng(1).normal(0, 0.2, (5, 2))
    for one, matrix in zip(parameters, undoing(parameters, each), strict=True):
        moved = expm(np.tensordot(one, each, axes=1))
        np.testing.assert_allclose(matrix @ moved, np.eye(2), atol=1e-12)
