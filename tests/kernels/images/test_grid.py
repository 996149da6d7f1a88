"""Pixels: they cover the field, leave room for shifts, and know the frequencies they keep."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import fft

from smlm_accessor.kernels.images.grid import REACH, field_of, make_grid

LOWER, UPPER = np.array([-3.0, 10.0]), np.array([7.0, 16.0])
ROOM = np.array([2.0, 3.0])
GRID = make_grid(LOWER, UPPER, bin_size=0.25, smoothing=0.5, max_shift=ROOM)


def test_a_few_outliers_do_not_widen_the_field() -> None:
    rng = np.random.default_rng(1)
    x = rng.uniform(LOWER, UPPER, (20_000, 2))
    x[:5] += 1e6
    x[5:10] -= 1e6
    lower, upper = field_of(x)
    margin = 0.1 * (UPPER - LOWER)
    assert (lower < LOWER).all()
    assert (upper > UPPER).all()
    assert (lower >= LOWER - margin).all()
    assert (upper <= UPPER + margin).all()


def test_without_outliers_the_field_is_the_range() -> None:
    x = np.random.default_rng(2).uniform(LOWER, UPPER, (5000, 2))
    np.testing.assert_array_equal(field_of(x), [x.min(axis=0), x.max(axis=0)])


def test_pixels_cover_the_field_and_leave_room_for_shifts() -> None:
    for axis in range(2):
        assert GRID.corner[axis] <= LOWER[axis]
        last = GRID.corner[axis] + (GRID.bins[axis] - 1) * GRID.bin_size
        assert last >= UPPER[axis]
        assert (GRID.padded[axis] - GRID.bins[axis]) * GRID.bin_size >= ROOM[axis] + 3 * 0.5


def test_the_field_covers_its_area_of_the_pixels() -> None:
    for axis, profile in enumerate(GRID.profiles):
        assert profile.sum() * GRID.bin_size == pytest.approx(UPPER[axis] - LOWER[axis])
        assert profile.max() == pytest.approx(1.0)
        assert profile.min() >= 0


def test_wavenumbers_are_those_of_the_transform() -> None:
    rows, columns = GRID.wavenumbers
    first, last = GRID.modes
    all_rows = 2 * np.pi * fft.fftfreq(GRID.padded[0], GRID.bin_size)
    all_columns = 2 * np.pi * fft.rfftfreq(GRID.padded[1], GRID.bin_size)
    np.testing.assert_allclose(rows, np.concatenate([all_rows[: first + 1], all_rows[-first:]]))
    np.testing.assert_allclose(columns, all_columns[: last + 1])


def test_weights_count_the_half_that_is_not_kept() -> None:
    """The sum of the squares of an image, by Parseval."""
    grid = make_grid(LOWER, UPPER, bin_size=0.25, smoothing=0.0, max_shift=ROOM)
    assert all(n % 2 for n in (2 * grid.modes[0] + 1, 2 * grid.modes[1] + 1))
    image = np.full(grid.padded, 0.3)
    rng = np.random.default_rng(3)
    rows, columns = grid.wavenumbers
    at = np.stack(np.meshgrid(*map(np.arange, grid.padded), indexing="ij")) * grid.bin_size
    for _ in range(5):
        k = rng.choice(rows), rng.choice(columns)
        image += np.cos(k[0] * at[0] + k[1] * at[1] + rng.uniform(0, 6))
    kept = fft.rfft2(image)[:, : grid.modes[1] + 1]
    power = (np.abs(kept) ** 2 * grid.weights).sum() / grid.pixels
    assert power == pytest.approx((image**2).sum(), rel=1e-9)


def test_a_low_pass_leaves_nothing_beyond_the_frequencies_kept() -> None:
    for smoothing in (0.5, 2.0):
        grid = GRID.narrow(smoothing)
        for axis, k in enumerate(grid.wavenumbers):
            step = 2 * np.pi / (grid.padded[axis] * grid.bin_size)
            assert REACH / smoothing - step < k.max() <= REACH / smoothing
            assert np.exp(-((k.max() + step) ** 2) * smoothing**2 / 2) < 0.003
    assert GRID.narrow(0.1) == GRID  # nothing comes back


def test_an_axis_without_extent_has_one_pixel_and_no_frequency() -> None:
    grid = make_grid(LOWER, np.array([7.0, 10.0]), bin_size=0.25, smoothing=0.5, max_shift=ROOM)
    assert (grid.bins[1], grid.padded[1], grid.modes[1]) == (1, 1, 0)
    assert grid.corner[1] == LOWER[1]
    assert grid.profiles[1].tolist() == [1.0]
