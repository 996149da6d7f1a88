from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.geometry.generators import generators
from smlm_accessor.methods.overlap.motions.linear import LinearMotion


def test_a_motion_goes_on_to_the_first_and_the_last_frame() -> None:
    motion = LinearMotion(
        generators("scale", 2),
        np.array([0.0, 10.0]),
        np.array([[0.0], [0.1]]),
        np.array([[0.01], [0.03]]),
        5.0,
    )
    np.testing.assert_allclose(motion.matrices(np.array([10.0]))[0], np.exp(-0.1) * np.eye(2))
    np.testing.assert_allclose(motion.std_at(np.array([5.0])), [[0.02]])
    moved = motion.undone(np.array([[101.0, 2.0]]), np.array([10.0]), np.array([[1.0, 2.0]]))
    np.testing.assert_allclose(moved, [[1 + 100 * np.exp(-0.1), 2.0]])
