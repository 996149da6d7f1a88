"""Windows that went astray, and windows that end at the first frame after a jump."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.methods.rcc.aligner import Aligner
from smlm_accessor.methods.rcc.jumps import (
    FoundJump,
    _jumps,
    cut_at_jumps,
    only_continuous,
    retry_beside_neighbours,
    split_at_jumps,
    with_jump_errors,
)
from smlm_accessor.methods.rcc.pairs import Aligned
from smlm_accessor.timeline import Timeline, Windows
from tests.scenes import PRECISION, jumping, linear, sites, visits

K, LENGTH = 20, 50  # windows, frames of each
N_FRAMES = K * LENGTH
SMOOTHING = np.full(2, 2 * PRECISION)
NONE = np.zeros(K, dtype=bool)


def series(jumps: Mapping[int, float], slope: float = 0.0) -> FloatArray:
    """A noisy drift of windows that steps along y, at the first windows after."""
    x = np.random.default_rng(1).normal(0, 1.0, K)
    return np.stack([x, jumping(slope * np.arange(K), jumps) + x[::-1]], axis=1)


@pytest.mark.parametrize("jumps", [{}, {7: 60.0}, {1: -60.0}, {19: 60.0}, {4: 70.0, 9: -70.0}])
@pytest.mark.parametrize("slope", [0.0, 3.0])
def test_jumps_are_after_windows(jumps: dict[int, float], slope: float) -> None:
    assert _jumps(series(jumps, slope), SMOOTHING).tolist() == [j - 1 for j in jumps]


def test_a_window_across_a_jump_lies_between_and_the_larger_step_counts() -> None:
    assert _jumps(series({7: 40.0, 8: 60.0}), SMOOTHING).tolist() == [7]
    assert _jumps(series({7: 60.0, 8: 40.0}), SMOOTHING).tolist() == [6]


def test_steps_are_far_in_smoothing_lengths_and_unusual() -> None:
    assert not len(_jumps(series({7: 20.0}), SMOOTHING))
    assert _jumps(series({7: 20.0}), SMOOTHING / 3).tolist() == [6]
    assert not len(_jumps(series({7: 60.0}, slope=20.0), SMOOTHING))
    # Of few windows nothing is usual.
    assert not len(_jumps(series({2: 60.0})[:4], SMOOTHING))
    assert _jumps(series({2: 60.0})[:5], SMOOTHING).tolist() == [1]


def scene(curve: FloatArray, told: list[int] | None = None) -> tuple[Aligner, Windows, Aligned]:
    """A sample that drifts, windows of equal length, and their mean drift."""
    seen = visits(sites(150), n=12_000, n_frames=N_FRAMES, seed=3).drifting(curve)
    localizations = replace(seen.chunked(), jumps=None if told is None else np.array(told))
    aligner = Aligner(localizations, None, None, 1)
    windows = aligner.all.timeline.cut(LENGTH * np.arange(K + 1))
    return aligner, windows, aligned(windows.mean(curve))


def aligned(drift: FloatArray, valid: BoolArray | None = None) -> Aligned:
    k = len(drift)
    valid = np.ones(k, dtype=bool) if valid is None else valid
    return Aligned(drift, np.ones((k, 2)), np.full(k, 9.0), np.full(k, 5.0), valid, 0.0).only(valid)


@pytest.mark.parametrize("frame", [423, 450, 402, 449, 437, 130, 890])
@pytest.mark.parametrize("by", [(80.0, 0.0), (-30.0, 60.0)])
def test_windows_end_at_the_frame_of_a_jump(frame: int, by: tuple[float, float]) -> None:
    curve = jumping(linear(N_FRAMES), {frame: by})
    aligner, windows, found = scene(curve)
    cut = cut_at_jumps(aligner, windows, found, SMOOTHING)
    assert cut.jumps.tolist() == [frame]
    assert frame in cut.windows.edges
    at = int(np.searchsorted(cut.windows.edges, frame))
    assert np.flatnonzero(cut.beside).tolist() == [at - 1, at]
    assert np.abs(cut.drift - cut.windows.mean(curve)).max() < PRECISION
    assert len(cut.drift) == len(cut.windows) == len(cut.beside)


@pytest.mark.parametrize(("astray", "at"), [(8, 55.0), (9, 25.0)])
def test_a_jump_is_found_beside_the_largest_step(astray: int, at: float) -> None:
    """The window before it, or after it, lies somewhere between."""
    curve = jumping(linear(N_FRAMES), {450: (80.0, 0.0)})
    aligner, windows, found = scene(curve)
    wrong = found.drift.copy()
    wrong[astray, 0] += at - (80.0 if astray == 9 else 0.0)
    cut = cut_at_jumps(aligner, windows, aligned(wrong), SMOOTHING)
    assert cut.jumps.tolist() == [450]
    assert np.abs(cut.drift - cut.windows.mean(curve)).max() < PRECISION


def test_several_jumps() -> None:
    curve = jumping(linear(N_FRAMES), {237: (80.0, 0), 423: (0, -60.0), 781: (-90.0, 0)})
    cut = cut_at_jumps(*scene(curve), SMOOTHING)
    assert cut.jumps.tolist() == [237, 423, 781]
    assert np.abs(cut.drift - cut.windows.mean(curve)).max() < PRECISION
    assert cut.beside.sum() == 6


def test_without_jumps_windows_stay() -> None:
    aligner, windows, found = scene(linear(N_FRAMES))
    cut = cut_at_jumps(aligner, windows, found, SMOOTHING)
    assert cut.windows is windows
    np.testing.assert_array_equal(cut.drift, found.drift)
    assert not cut.beside.any()
    assert not len(cut.jumps)


def test_a_step_that_localizations_do_not_show_is_no_jump() -> None:
    aligner, windows, found = scene(linear(N_FRAMES))
    wrong = found.drift + np.where(np.arange(K) >= 16, 60.0, 0.0)[:, None]
    cut = cut_at_jumps(aligner, windows, aligned(wrong), SMOOTHING)
    assert not len(cut.jumps)
    np.testing.assert_array_equal(cut.windows.edges, windows.edges)
    assert not cut.beside.any()


def test_a_jump_that_is_told_is_where_it_is_told() -> None:
    curve = jumping(linear(N_FRAMES), {423: (80.0, 0.0)})
    cut = cut_at_jumps(*scene(curve, [418, 700]), SMOOTHING)
    assert cut.jumps.tolist() == [418, 700]
    assert np.isin([418], cut.windows.edges).all()


def test_windows_that_are_not_valid_are_stepped_over() -> None:
    curve = jumping(linear(N_FRAMES), {430: (80.0, 0.0)})
    aligner, windows, found = scene(curve)
    known = ~np.isin(np.arange(K), [8, 13])
    cut = cut_at_jumps(aligner, windows, aligned(found.drift, known), SMOOTHING)
    assert cut.jumps.tolist() == [430]
    assert np.abs(cut.drift - cut.windows.mean(curve)).max() < PRECISION


@pytest.mark.parametrize("lost", [[8], [8, 9], [0], [K - 1]])
@pytest.mark.parametrize("unknown", [False, True])
def test_a_window_of_low_overlap_is_found_beside_its_neighbours(
    lost: list[int], unknown: bool
) -> None:
    curve = linear(N_FRAMES)
    aligner, windows, true = scene(curve)
    wrong = true.drift.copy()
    wrong[lost] += [250.0, -90.0]
    overlap = np.where(np.isin(np.arange(K), lost), 0.5, 5.0)
    start = aligned(wrong, ~np.isin(np.arange(K), lost) if unknown else None)
    found = retry_beside_neighbours(aligner, windows, start._replace(overlap=overlap), SMOOTHING)
    error = found.drift - true.drift
    assert found.valid.all()
    assert np.abs(error - error.mean(axis=0)).max() < PRECISION / 2


@pytest.mark.parametrize("jump", [450, 500])
def test_a_window_between_two_levels_is_tried_on_both(jump: int) -> None:
    """Its neighbours are far from each other; it may belong to either."""
    aligner, windows, true = scene(jumping(linear(N_FRAMES), {jump: (120.0, 0.0)}), [jump])
    wrong = true.drift.copy()
    wrong[9] = [-300.0, 300.0]
    overlap = np.where(np.arange(K) == 9, 0.5, 5.0)
    found = retry_beside_neighbours(
        aligner, windows, aligned(wrong)._replace(overlap=overlap), SMOOTHING
    )
    error = found.drift - true.drift
    assert np.abs(error - error.mean(axis=0)).max() < PRECISION / 2


def test_good_windows_are_not_tried_again() -> None:
    aligner, windows, found = scene(linear(N_FRAMES))
    assert retry_beside_neighbours(aligner, windows, found, SMOOTHING) is found
    rather = found._replace(overlap=np.where(np.arange(K) == 8, 3.5, 5.0))
    assert retry_beside_neighbours(aligner, windows, rather, SMOOTHING) is rather
    # From where those beside it are, it would come to the same place.
    near = aligned(0 * found.drift)._replace(overlap=np.where(np.arange(K) == 8, 0.5, 5.0))
    assert retry_beside_neighbours(aligner, windows, near, SMOOTHING) is near
    # Nothing is known to start from.
    alone = aligned(found.drift, np.arange(K) == 4)
    assert retry_beside_neighbours(aligner, windows, alone, SMOOTHING) is alone


@pytest.mark.parametrize(
    ("steps", "jumps", "dropped"),
    [
        ({}, [], []),
        ({7: 60.0, 8: -60.0}, [], [7]),  # one that is elsewhere, and comes back
        ({7: 60.0, 8: -60.0}, [350, 400], []),
        ({3: 60.0}, [], [0, 1, 2]),  # the shorter side of what is no jump
        ({15: 60.0}, [], [15, 16, 17, 18, 19]),
        ({15: 60.0}, [750], []),
        ({3: 60.0, 5: -90.0, 9: 30.0}, [450], [0, 1, 2, 3, 4]),
    ],
)
def test_the_drift_has_no_steps_but_at_jumps(
    steps: dict[int, float], jumps: list[int], dropped: list[int]
) -> None:
    windows = Timeline.of(np.arange(N_FRAMES)).cut(LENGTH * np.arange(K + 1))
    found = only_continuous(windows, aligned(series(steps)), SMOOTHING, np.array(jumps, dtype=int))
    assert np.flatnonzero(~found.valid).tolist() == dropped
    assert np.isnan(found.drift[dropped]).all()


def test_windows_are_as_wrong_as_the_frame_of_a_jump_is_uncertain() -> None:
    windows = Timeline.of(np.arange(100)).cut(np.array([0, 48, 50, 60, 100]))
    found = aligned(np.array([[0.0, 0.0], [0.0, 0.0], [40.0, -10.0], [40.0, -10.0]]))
    at = FoundJump(50, np.arange(45, 56), np.eye(11)[[4, 5, 10]].T @ [0.25, 0.5, 0.25])
    now = with_jump_errors(windows, found, (at,))
    # Frame 49 is after the jump, or 50 to 54 are before it.
    share = np.array([0.0, 0.25 * 0.5**2, 0.25 * 0.5**2, 0.0])
    np.testing.assert_allclose(now.variance - 1, np.outer(share, [1600.0, 100.0]))
    told = FoundJump(50, at.frames[:0], at.probability[:0])
    np.testing.assert_array_equal(with_jump_errors(windows, found, (told,)).variance, 1.0)


@pytest.mark.parametrize("gone", [0, 20, 60])
def test_where_few_localizations_tell_the_frame_of_a_jump_its_error_is_stated(gone: int) -> None:
    """Frames around the jump show only some background."""
    curve, off, away = jumping(linear(N_FRAMES), {430: (80.0, 0.0)}), [], []
    for seed in range(8):
        seen = visits(sites(150), n=12_000, n_frames=N_FRAMES, seed=seed).drifting(curve)
        empty = np.flatnonzero(np.abs(seen.frames - 429.5) < gone / 2)
        noise = np.random.default_rng(seed).uniform(-2500, 2500, (len(empty), 2))
        seen.positions[empty] = noise
        gap = empty[np.arange(len(empty)) % 20 > 0]
        seen = seen.kept(np.delete(np.arange(len(seen.frames)), gap))
        aligner = Aligner(seen.chunked(), None, None, 1)
        windows = aligner.all.timeline.cut(LENGTH * np.arange(K + 1))
        drift = windows.mean(curve[windows.timeline.frames])
        (found,) = cut_at_jumps(aligner, windows, aligned(drift), SMOOTHING).found
        off.append(found.frame - 430)
        away.append(found.probability @ (found.frames - found.frame) ** 2)
        assert abs(found.probability.sum() - 1) < 1e-9
    assert np.abs(off).max() <= gone // 2
    assert 0.6 * np.std(off) <= np.sqrt(np.mean(away)) <= gone / 3 + 0.5


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_the_frames_beside_a_jump_have_windows_of_their_own(slope: float) -> None:
    curve = jumping(linear(200, (slope, -slope)), {100: (80.0, 0.0)})
    windows = Timeline.of(np.arange(200)).cut(20 * np.arange(11))
    start = aligned(windows.mean(curve))
    beside = np.isin(np.arange(10), [4, 5])
    new, found = split_at_jumps(windows, start, beside)
    expected = [0, 20, 40, 60, 80, 99, 100, 101, 120, 140, 160, 180, 200]
    assert new.edges.tolist() == expected
    at = [5, 6]
    np.testing.assert_allclose(found.drift[at], curve[[99, 100]], atol=1e-9)
    np.testing.assert_array_equal(found.drift[[4, 7]], start.drift[[4, 5]])
    assert found.valid.all()
    # Between the windows nothing is interpolated but from frame 99 to 100.
    np.testing.assert_allclose(new.curve(found.drift, found.valid), curve, atol=4.1 * slope + 1e-9)


def split(curve: FloatArray, jump_at: list[int], lost: tuple[int, ...] = ()) -> Any:
    """Windows of 20 frames before and after splitting, those beside jumps as they are."""
    windows = Timeline.of(np.arange(len(curve))).cut(20 * np.arange(len(curve) // 20 + 1))
    of_jump = np.array(jump_at) // 20
    beside = np.isin(np.arange(len(windows)), np.append(of_jump - 1, of_jump))
    start = aligned(windows.mean(curve), ~np.isin(np.arange(len(windows)), lost))
    return start, *split_at_jumps(windows, start, beside)


def test_the_slope_at_a_jump_is_that_of_the_nearest_four_windows() -> None:
    x = np.concatenate([np.zeros(60), 0.2 * np.arange(80), 100 + 0.3 * np.arange(80), np.ones(60)])
    _, new, found = split(np.stack([x, -x], axis=1), [140])
    at = np.searchsorted(new.edges, [139, 140])
    np.testing.assert_allclose(found.drift[at, 0], x[[139, 140]], atol=1e-9)


def test_windows_that_are_not_valid_have_no_part_in_a_slope() -> None:
    curve = jumping(linear(200, (0.2, 0.1)), {100: (80.0, 0.0)})
    start, new, found = split(curve, [100], lost=(3, 6))
    at = np.searchsorted(new.edges, [99, 100])
    np.testing.assert_allclose(found.drift[at], curve[[99, 100]], atol=1e-9)
    # One that is beside a jump is not split, nor is the other.
    start, new, found = split(curve, [100], lost=(5,))
    assert len(new) == 10
    assert found is start


@pytest.mark.parametrize("jumps", [(40, 100), (40, 80), (160,), (40,)])
def test_where_fewer_than_three_windows_are_between_jumps_the_slope_is_none(
    jumps: tuple[int, ...],
) -> None:
    """A slope from two windows would be noise, and one across the next jump is wrong."""
    way = {jump: ((-80.0) ** (i + 1), 0.0) for i, jump in enumerate(jumps)}
    start, new, found = split(jumping(linear(200, (0.2, 0.1)), way), list(jumps))
    frame = jumps[0] - 1 if jumps[0] == 40 else jumps[0]
    at = np.searchsorted(new.edges, frame)
    np.testing.assert_array_equal(found.drift[at], start.drift[frame // 20])
    if len(jumps) == 2:
        at = np.searchsorted(new.edges, [40, jumps[1] - 1])
        np.testing.assert_array_equal(found.drift[at], start.drift[[2, jumps[1] // 20 - 1]])


def test_without_jumps_nothing_is_split() -> None:
    windows = Timeline.of(np.arange(200)).cut(20 * np.arange(11))
    start = aligned(windows.mean(linear(200)))
    for beside in (NONE[:10], np.arange(10) == 4):  # one of the two sides is not known
        new, found = split_at_jumps(windows, start, beside)
        assert new is windows
        assert found is start


def test_windows_of_two_frames_are_short_enough() -> None:
    curve: Any = jumping(linear(20), {10: (80.0, 0.0)})
    windows = Timeline.of(np.arange(20)).cut(2 * np.arange(11))
    start = aligned(windows.mean(curve))
    new, _ = split_at_jumps(windows, start, np.isin(np.arange(10), [4, 5]))
    assert new is windows
