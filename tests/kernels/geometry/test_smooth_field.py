from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.geometry.smooth_field import SmoothField, terms_up_to


def test_terms_have_no_mean_and_are_not_correlated() -> None:
    field = SmoothField(terms_up_to(3, 2), np.array([50.0, -20.0]), np.array([10.0, 40.0]))
    nodes, weights = np.polynomial.legendre.leggauss(5)
    u, v = (grid.ravel() for grid in np.meshgrid(nodes, nodes))
    positions = np.stack([u, v], axis=1) * field.scale + field.center
    weight = np.outer(weights, weights).ravel()
    values = field.values(positions)
    np.testing.assert_allclose(weight @ values, 0, atol=1e-12)
    products = (weight[:, None] * values).T @ values
    np.testing.assert_allclose(products, np.diag(np.diag(products)), atol=1e-12)


def test_shifts_are_those_of_each_time() -> None:
    field = SmoothField(("x", "xy"), np.zeros(2), np.array([10.0, 10.0]))
    coefficients = np.zeros((2, 2, 2))
    coefficients[1] = [[1.0, 0.0], [0.0, 4.0]]
    positions = np.array([[5.0, 5.0], [5.0, 5.0], [-5.0, 10.0]])
    shifts = field.shifts(positions, coefficients, np.array([0, 1, 1]))
    np.testing.assert_allclose(shifts, [[0, 0], [0.5, 1.0], [-0.5, -2.0]])


def test_around_positions_and_with_more_axes() -> None:
    field = SmoothField.around(np.array([[0.0, 10.0], [4.0, 30.0]]), 1)
    assert (field.terms, field.order) == (("x", "y"), 1)
    np.testing.assert_array_equal(field.center, [2.0, 20.0])
    np.testing.assert_array_equal(field.scale, [2.0, 10.0])
    wide = field.widened([1, 2], 3)
    assert wide.terms == ("y", "z")
    values = wide.values(np.array([[99.0, 4.0, 20.0]]))
    np.testing.assert_allclose(values, [[1.0, 0.0]])
