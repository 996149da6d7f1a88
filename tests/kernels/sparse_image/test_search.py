"""Windows looked for in the sparse image."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.sparse_image import search as loops
from smlm_accessor.kernels.sparse_image.image import add, with_room
from smlm_accessor.kernels.sparse_image.search_loops import median
from smlm_accessor.methods.aim.sparse_image import Image, WindowDrift


def searched(
    shift: FloatArray, *, noise: bool = False, far: int = 20, few: int = 500
) -> FloatArray:
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
        *((9, 10), rest.rows, reaches, 4.5, False, 500, few, out),
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


def test_a_few_molecules_are_enough_if_they_stand_out_near() -> None:
    near, far = np.array([1, -2]), np.array([15, -12])
    every, some, one = (searched(near, few=few) for few in (500, 20, 1))
    np.testing.assert_array_equal(some[:2], near)
    assert 4.5 + 3 < some[3] < every[3]
    np.testing.assert_array_equal(one, every)
    np.testing.assert_array_equal(searched(far, few=20), searched(far))


def test_what_is_not_there_is_not_found() -> None:
    assert searched(np.zeros(2), noise=True)[4] == -1
    assert searched(np.array([15, -12]), far=5)[4] == -1


@pytest.mark.parametrize("d", [2, 3])
def test_lists_of_occupied_cells_find_the_same_while_the_image_grows(
    d: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    sites = rng.uniform(-900, 900, (150, d))  # on both sides of 0
    positions = sites[rng.integers(150, size=9000)] + rng.normal(0, 5, (9000, d))
    rest = WindowDrift.at_rest(np.arange(9000), np.arange(0, 9001, 300))
    positions += 10 * rng.integers(-6, 7, (30, d))[np.arange(9000) // 300]
    scale = np.where(np.arange(3) < d, 0.1, 0.0)
    reaches = np.array([[1, 1, 1], [15, 15, 7]]) * (scale > 0)

    def found(many: int) -> list[FloatArray]:
        monkeypatch.setattr(loops, "_MANY", many)
        image, result = Image(scale).arrays, []
        searcher = loops.Searcher(positions, rest.bounds, rest.drift, scale, reaches, 4.5, 512)
        for s in range(30):
            last = np.zeros(3)
            seen = searcher.search(image, (s, s), last, 0.5, 0.0, True, False)
            result.append(np.array([*last, *seen]))
            image = with_room(image, 300)
            rows = (300 * s, 300 * s + 300)
            add((positions, np.arange(9000)), rest.scaled(scale), scale, image, 1024.0, rows, 1)
        return result

    lists, one_by_one = found(0), found(10**9)
    np.testing.assert_allclose(lists, one_by_one, rtol=1e-9)
    assert (np.array(lists)[5:, 4] == 1).sum() > 5


@pytest.mark.parametrize("n", [1, 3, 49, 343])
@pytest.mark.parametrize("ties", [False, True])
def test_the_median(n: int, ties: bool) -> None:
    rng = np.random.default_rng(n)
    values = rng.integers(0, 4, n).astype(float) if ties else rng.normal(size=n)
    before = values.copy()
    assert median(values, np.empty(n), n) == np.median(values)
    np.testing.assert_array_equal(values, before)
