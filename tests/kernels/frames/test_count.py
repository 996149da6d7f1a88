"""The unit of time of frames, on frames counted in known units."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.frames.count import FrameCount, image_period, image_step, time_unit


def blinks(n: int = 2000, length: int = 5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Frames and positions of molecules that shine in five successive frames each."""
    rng = np.random.default_rng(seed)
    frames = np.repeat(np.sort(rng.integers(0, 20 * n, n)), length) + np.tile(range(length), n)
    positions = rng.uniform(0, 5000, (n, 2)).repeat(length, axis=0)
    order = np.argsort(frames, kind="stable")
    return frames[order], (positions + rng.normal(0, 5, positions.shape))[order]


@pytest.mark.parametrize("factor", [1, 7, 50, 100_000])
@pytest.mark.parametrize("start", [0, 1, -(10**9)])
def test_a_factor_is_the_unit(factor: int, start: int) -> None:
    frames, positions = blinks()
    count = FrameCount.of(frames * factor + start, positions)
    assert count.unit == factor
    np.testing.assert_array_equal(count.number(frames * factor + start), frames - frames[0])


@pytest.mark.parametrize("exposure", [16.67, 50.3, 400.4])
def test_times_read_from_a_clock(exposure: float) -> None:
    frames, positions = blinks()
    late = 0.1 * exposure * np.random.default_rng(1).random(frames[-1] + 1)[frames]
    times = np.round(frames * exposure + late).astype(np.int64)
    unit, clock = time_unit(times, positions)
    assert abs(unit / exposure - 1) < 0.05
    assert clock


@pytest.mark.parametrize("exposure", [50.3, 400.4, 1e6 / 30, 12_345.6789])
@pytest.mark.parametrize("gap", [0, 5000, 10**6])
@pytest.mark.parametrize("start", [0, -(10**9) + 0.5])
def test_times_of_images_that_were_rounded_number_the_images(
    exposure: float, gap: int, start: float
) -> None:
    frames, positions = blinks()
    frames = frames + gap * (frames > 20_000)
    times = np.round(frames * exposure + start).astype(np.int64)
    edges = np.array([times[0], times[5000], times[-1] + 1])
    count = FrameCount.of(times, positions, edges)
    assert not count.clock
    assert count.unit == pytest.approx(exposure, rel=1e-5)
    np.testing.assert_array_equal(count.number(times), frames - frames[0])
    ends = [0, frames[5000] - frames[0], frames[-1] - frames[0] + 1]
    np.testing.assert_array_equal(count.edge(edges), ends)
    numbers = np.unique(frames - frames[0])
    begins = count.frame(numbers)
    assert (np.abs(begins - np.unique(times)) <= 2 * count.rounded).all()
    np.testing.assert_array_equal(np.searchsorted(begins, times, side="right") - 1,
                                  np.searchsorted(numbers, frames - frames[0]))  # fmt: skip


def test_times_by_chance_have_no_period() -> None:
    rng = np.random.default_rng(1)
    for n in (30, 300, 3000):
        times = np.sort(rng.integers(0, 10**9, n))
        assert image_period(times) is None
        assert image_step(times) == 1
    assert image_step(np.arange(0, 700, 7)) == 7
    assert image_step(np.array([5, 5])) == 1


def test_molecules_that_come_back_by_chance_are_no_blinks() -> None:
    rng = np.random.default_rng(1)
    frames = np.sort(rng.choice(1_000_000, 4000, replace=False))
    positions = rng.uniform(0, 5000, (200, 2))[rng.integers(200, size=4000)]
    assert time_unit(frames, positions) == (250, True)  # one localization in each, on average
    assert time_unit(np.sort(rng.integers(0, 4000, 4000)), positions) == (1, False)  # of images


def test_every_number_has_its_first_frame() -> None:
    frames = np.array([3, 10, 17, 24, 45, 80])
    count = FrameCount(7, np.array([3, 20]), np.array([0, 3]))
    np.testing.assert_array_equal(count.number(frames), [0, 1, 2, 3, 6, 11])
    numbers = np.arange(12)
    np.testing.assert_array_equal(count.number(count.frame(numbers)), numbers)
    np.testing.assert_array_equal(count.edge(np.array([3, 20, 81])), [0, 3, 12])


def test_given_edges_begin_a_number() -> None:
    frames, positions = blinks()
    edges = np.array([1003, 20_011])
    count = FrameCount.of(frames * 10, positions, edges)
    np.testing.assert_array_equal(count.frame(count.edge(edges)), edges)


def test_few_blinks_in_many_images_are_not_of_a_clock() -> None:
    frames, positions = blinks(500, length=6)
    assert len(np.unique(frames)) < np.ptp(frames) / 3
    assert time_unit(frames * 20, positions) == (20, False)
