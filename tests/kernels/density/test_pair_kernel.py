"""The width of the kernel of a pair."""

from __future__ import annotations

import numpy as np

from smlm_accessor.kernels.density.pair_kernel import COARSE, FINE, PairKernel
from smlm_accessor.kernels.density.pair_loops import CUT


def test_it_reaches_as_far_as_the_kernel_of_the_pair() -> None:
    variance = np.array([1.0, 4.0])
    reach = PairKernel(2.0, 3.0, 0.1).reach(variance)
    np.testing.assert_allclose(reach**2 / (2 * 2.0 * variance + 3.0), CUT)
    assert (COARSE.reach(variance) > FINE[0].reach(variance)).all()
