from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.frames.order import in_order


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("n_frames", [1, 7, 3000])
@pytest.mark.parametrize("is_sorted", [False, True])
def test_the_order_is_that_of_lexsort(d: int, n_frames: int, is_sorted: bool) -> None:
    rng = np.random.default_rng(n_frames)
    frames = rng.integers(n_frames, size=4000)
    if is_sorted:
        frames.sort()
    positions = rng.integers(9, size=(4000, d)).astype(float)  # with ties
    order = in_order(frames, positions)
    np.testing.assert_array_equal(np.sort(order), np.arange(4000))
    expected = np.lexsort((*positions.T[::-1], frames))
    np.testing.assert_array_equal(frames[order], frames[expected])
    np.testing.assert_array_equal(positions[order], positions[expected])


def test_nothing_and_one() -> None:
    assert in_order(np.zeros(0, np.int64), np.zeros((0, 2))).tolist() == []
    assert in_order(np.array([5]), np.zeros((1, 2))).tolist() == [0]
