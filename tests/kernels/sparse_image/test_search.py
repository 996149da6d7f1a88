"""Windows looked for in the sparse image."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.sparse_image import search as loops
from smlm_accessor.methods.aim.sparse_image import Image, WindowDrift


def searched(shift: FloatArray, *, noise: bool = False, far: int = 20) -> FloatArray:
    """How a window that has moved by ``shift`` cells is found among 9 others."""
    rng = np.random.default_rng(3)
    sites = rng.uniform(-500, 500, (80, 2))
    positions = sites[rng.integers(80, size=2000)] + rng.normal(0, 5, (2000, 2))
    if noise:
        positions[1800:] = rng.uniform(-500, 500, (200, 2))
    positions[1800:] += 10 * shift
    rest = WindowDrift.at_rest(np.arange(2000), np.arange(0, 2001, 200))
    rows, scale = (positions, np.arange(2000)), np.array([0.1, 0.1, 0.0])
    image = Image(scale)
    image.add(rows, rest)
    motion = rest.scaled(scale)
    out = np.zeros((10, 5))
    reaches = np.array([[3, 3, 0], [far, far, 0]])
    loops.search_windows(
        *(rows, motion, scale, image.arrays, image.quantum),
        *((9, 10), rest.rows, reaches, 4.5, False, 500, out),
    )
    return np.asarray(out[9])


@pytest.mark.parametrize("shift", [[0, 0], [1, -2], [2, 2]])
def test_a_window_is_found_near(shift: list[int]) -> None:
    out = searched(np.array(shift))
    np.testing.assert_array_equal(out[:2], shift)
    assert out[3] > 4.5
    assert out[4] == 0


def test_a_window_is_found_far() -> None:
    out = searched(np.array([15, -12]))
    np.testing.assert_array_equal(out[:2], [15, -12])
    assert out[4] == 1


def test_what_is_not_there_is_not_found() -> None:
    assert searched(np.zeros(2), noise=True)[4] == -1
    assert searched(np.array([15, -12]), far=5)[4] == -1


@pytest.mark.parametrize("n", [1, 3, 49, 343])
@pytest.mark.parametrize("ties", [False, True])
def test_the_median(n: int, ties: bool) -> None:
    rng = np.random.default_rng(n)
    values = rng.integers(0, 4, n).astype(float) if ties else rng.normal(size=n)
    before = values.copy()
    assert loops._median(values, np.empty(n), n) == np.median(values)
    np.testing.assert_array_equal(values, before)
