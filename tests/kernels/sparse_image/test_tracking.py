"""Windows followed from one to the next, on known drift."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.sparse_image.tracking import follow
from smlm_accessor.methods.aim.sparse_image import Image, Kernel, WindowDrift

CELL, PRECISION = 10.0, 5.0
N_WINDOWS, EACH = 40, 150
HOW = 4  # column: windows together, negative if far away, 0 if not found


def followed(
    drift: FloatArray, *, noise: Any = (), each: int = EACH, order: IntArray | None = None
) -> FloatArray:
    """Follow windows of one frame each that moved by so many cells; ``noise`` shows no site."""
    rng, d = np.random.default_rng(3), drift.shape[1]
    sites = rng.uniform(-1_000, 1_000, (100, d))
    window = np.repeat(np.arange(len(drift)), each)
    positions = sites[rng.integers(100, size=len(window))]
    lost = np.isin(window, noise)
    positions[lost] = rng.uniform(-1_000, 1_000, (int(lost.sum()), d))
    positions += rng.normal(0, PRECISION, positions.shape) + CELL * drift[window]
    scale = np.where(np.arange(3) < d, 1 / CELL, 0.0)
    motion = WindowDrift.at_rest(window, np.arange(len(drift) + 1))
    kernel = Kernel((1, 1, int(d > 2)), np.where(scale > 0, 1.0, 0.0), 0.5)
    image = Image(scale)
    reaches = np.array([[3, 3, 3], [20, 20, 20]]) * (scale > 0)
    return follow(
        (positions, window), motion.bounds, motion.drift, scale, image.arrays, image.quantum,
        kernel.arrays(), np.arange(len(drift)) if order is None else order, reaches,
        4.5, 15, 4096, 4096,
    )  # fmt: skip


def walk(d: int = 2, step: float = 0.3) -> FloatArray:
    moved = np.cumsum(np.random.default_rng(5).normal(0, step, (N_WINDOWS, d)), axis=0)
    return np.asarray(moved - moved[0])


@pytest.mark.parametrize("d", [2, 3])
def test_each_window_is_found_within_a_part_of_a_cell(d: int) -> None:
    """A mean of 150 localizations, half a cell each, is good to 0.04 cells."""
    drift = walk(d)
    out = followed(drift)
    assert (out[:, HOW] == 1).all()
    assert (out[1:, 3] > 4.5).all()
    away = out[:, :d] - drift
    assert (away - away.mean(axis=0)).std() < 0.1
    assert not out[:, d:3].any()


def test_a_jump_beyond_the_near_reach_is_found_far_away() -> None:
    drift = walk(step=0.1)
    drift[20:] += [12.0, -9.0]
    out = followed(drift)
    assert out[20, HOW] < 0
    assert (out[np.arange(N_WINDOWS) != 20, HOW] > 0).all()
    away = out[:, :2] - drift
    assert (away - away.mean(axis=0)).std() < 0.1


def test_a_jump_beyond_the_far_reach_is_not_found() -> None:
    drift = np.zeros((N_WINDOWS, 2))
    drift[25:] += [31.0, 0.0]
    out = followed(drift)
    assert (out[:25, HOW] == 1).all()
    assert not out[25:].any()


def test_windows_that_show_nothing_wait_for_the_next() -> None:
    """What shows no site is looked for with the next window, and lies where that lies."""
    out = followed(np.zeros((N_WINDOWS, 2)), noise=[10, 30])
    assert out[11, HOW] == out[31, HOW] == 2
    np.testing.assert_array_equal(out[[10, 30]], out[[11, 31]])
    assert np.abs(out[:, :2]).max() < 0.3


def test_windows_that_show_a_few_sites_are_found_together_at_first() -> None:
    """Twenty localizations on 100 sites: one window shows hardly any site of the one before."""
    out = followed(np.zeros((200, 2)), each=20)
    together = int(out[1, HOW])
    assert together > 1
    assert (out[1 : 1 + together] == out[1]).all()
    assert (out[50:, HOW] == 1).all()
    assert np.abs(out[:, :2]).max() < 1


def test_nothing_is_found_in_noise() -> None:
    """It stops after 60 windows."""
    out = followed(np.zeros((100, 2)), noise=np.arange(100))
    assert (out[:, HOW] == 0).mean() > 0.9


def test_the_order_says_where_drift_is_zero_and_the_rest_is_followed_from_there() -> None:
    drift = walk()
    order = np.concatenate([np.arange(25, N_WINDOWS), np.arange(24, -1, -1)])
    out = followed(drift, order=order)
    assert not out[25, :4].any()
    assert (out[:, HOW] == 1).all()
    np.testing.assert_allclose(out[:, :2], drift - drift[25], atol=0.3)
