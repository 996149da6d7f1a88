"""Composition and inversion."""

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.geometry.pose import Pose


def test_after_and_inverse_do_what_moving_does() -> None:
    rng = np.random.default_rng(0)
    one, two = (Pose(np.eye(3) + rng.normal(0, 0.3, (3, 3)), rng.normal(size=3)) for _ in "ab")
    points = rng.normal(size=(10, 3))
    np.testing.assert_allclose(two.after(one).move(points), two.move(one.move(points)))
    np.testing.assert_allclose(one.inverse().move(one.move(points)), points)
    np.testing.assert_array_equal(Pose.identity(3).move(points), points)
