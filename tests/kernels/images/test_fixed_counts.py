from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.images.fixed_counts import (
    STEPS,
    add_counts,
    count_chunks,
    in_some_frames,
    thinned,
)
from smlm_accessor.kernels.images.grid import PixelGrid, make_grid
from smlm_accessor.kernels.images.images import count


def grid(width: float = 100.0, height: float = 80.0) -> PixelGrid:
    return make_grid(
        np.zeros(2), np.array([width, height]), bin_size=3.0, smoothing=4.0, max_shift=np.ones(2)
    )


def test_images_are_those_of_count_at_rounded_positions() -> None:
    rng = np.random.default_rng(0)
    pixels = grid()
    step = pixels.bin_size / STEPS
    # On the steps themselves, so that nothing is rounded; some outside the field.
    xy = pixels.corner + step * rng.integers(-40, 1300, (5000, 2))
    slot = rng.integers(-1, 3, 5000)
    images = np.zeros((3, *pixels.bins), np.uint32)
    add_counts(xy, slot, pixels, images)
    for k in range(3):
        expected = count(xy[slot == k], pixels)[0]
        np.testing.assert_allclose(images[k] / STEPS**2, expected, atol=1e-3)


def test_rounding_is_less_than_a_step() -> None:
    rng = np.random.default_rng(1)
    pixels = grid()
    xy = rng.uniform(0, 80, (20_000, 2))
    images = np.zeros((1, *pixels.bins), np.uint32)
    add_counts(xy, np.zeros(len(xy), np.int64), pixels, images)
    assert int(images.sum()) == len(xy) * STEPS**2
    expected = count(xy, pixels)[0]
    assert np.abs(images[0] / STEPS**2 - expected).max() < 0.05 * expected.max()


@pytest.mark.parametrize(("width", "height"), [(100.0, 0.0), (0.0, 80.0)])
def test_an_axis_without_extent_has_one_pixel(width: float, height: float) -> None:
    pixels = grid(width, height)
    xy = np.random.default_rng(2).uniform(0, 1, (100, 2)) * [width, height]
    images = np.zeros((1, *pixels.bins), np.uint32)
    add_counts(xy, np.zeros(100, np.int64), pixels, images)
    assert int(images.sum()) == 100 * STEPS**2


def test_parts_add_up_and_what_is_not_finite_is_left_out() -> None:
    rng = np.random.default_rng(3)
    pixels = grid()
    xy = rng.uniform(0, 80, (1000, 2))
    xy[::50] = np.nan
    slot = rng.integers(0, 2, 1000)
    whole, parts = np.zeros((2, 2, *pixels.bins), np.uint32)
    add_counts(xy, slot, pixels, whole)
    for rows in np.array_split(rng.permutation(1000), 6):
        add_counts(xy[rows], slot[rows], pixels, parts)
    np.testing.assert_array_equal(whole, parts)


def test_chunks_of_frames() -> None:
    rng = np.random.default_rng(4)
    edges = np.array([-5, 0, 10, 11, 40])
    frames = rng.integers(-8, 45, 2000)
    counts, sums = np.zeros((2, 4), np.int64)
    chunk = count_chunks(frames, edges, counts, sums)
    inside = (frames >= -5) & (frames < 40)
    expected = np.where(inside, np.searchsorted(edges, frames, side="right") - 1, -1)
    np.testing.assert_array_equal(chunk, expected)
    for k in range(4):
        own = frames[expected == k]
        assert counts[k] == len(own)
        assert sums[k] == (own - edges[k]).sum()


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 1.0])
def test_thinning_takes_about_as_many_as_asked_for(part: float) -> None:
    rng = np.random.default_rng(5)
    positions, frames = rng.normal(size=(20_000, 3)), rng.integers(100, size=20_000)
    chunk = np.where(frames < 90, 0, -1)
    rows = thinned(positions, frames, chunk, part)
    assert (chunk[rows] == 0).all()
    n = int((chunk == 0).sum())
    assert abs(len(rows) - part * n) <= 5 * np.sqrt(n * part * (1 - part))
    # The same localizations in another order.
    mixed = rng.permutation(20_000)
    others = mixed[thinned(positions[mixed], frames[mixed], chunk[mixed], part)]
    np.testing.assert_array_equal(np.sort(others), rows)
    rounded = thinned(np.zeros((20_000, 2)), frames, chunk, part)  # all alike but for the frame
    assert set(np.unique(frames[rounded])).isdisjoint(
        np.unique(np.delete(frames, rounded)[np.delete(chunk, rounded) == 0])
    )


def test_some_frames_are_taken_as_a_whole() -> None:
    frames, edges = np.repeat(np.arange(10_000), 3), np.array([0, 5000, 10_000])
    counts = np.zeros(2, np.int64)
    rows = in_some_frames(frames, edges, np.array([0.2, 0.7]), counts)
    np.testing.assert_array_equal(counts, [15_000, 15_000])
    taken, count_of = np.unique(frames[rows], return_counts=True)
    assert (count_of == 3).all()
    assert abs((taken < 5000).mean() * len(taken) - 1000) < 150
    assert abs((taken >= 5000).sum() - 3500) < 170
    first = in_some_frames(frames, edges, np.array([1.0, 0.0]), counts)
    assert first.tolist() == list(range(15_000))
    np.testing.assert_array_equal(counts, [30_000, 30_000])


def test_frames_in_any_order_and_outside_the_chunks() -> None:
    rng = np.random.default_rng(4)
    edges, part = np.array([-20, 5, 5, 300, 900]), np.array([0.5, 0.5, 0.3, 0.8])
    for frames in (rng.integers(-300, 1200, 5000), np.array([2000, 2000]), np.zeros(0, np.int64)):
        counts = np.zeros(4, np.int64)
        rows = in_some_frames(frames, edges, part, counts)
        expected = np.zeros((2, 4), np.int64)
        chunk = count_chunks(frames, edges, *expected)
        np.testing.assert_array_equal(counts, expected[0])
        assert (chunk[rows] >= 0).all()
        # Of a frame all rows or none, wherever they are.
        assert not np.isin(frames[rows], np.delete(frames, rows)).any()
        ordered = np.sort(frames)
        same = in_some_frames(ordered, edges, part, counts)
        np.testing.assert_array_equal(ordered[same], np.sort(frames[rows]))
