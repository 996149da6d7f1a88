"""Segments that went astray: told from a course, found again, and fitted once more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.coarse import checks
from smlm_accessor.methods.coarse.checks import astray, cell_of, refined, verified
from tests.scenes import PRECISION, Scene, sites, smooth, visits

CELL = 2 * PRECISION
FLAT = np.array([1, 1, 0]) / CELL  # cells per nm
K, LENGTH = 20, 50  # segments, frames of each


def scene(d: int) -> tuple[Scene, tuple[Any, ...], WindowDrift, FloatArray]:
    """A scene, its localizations, its true drift by segments, and cells per nm."""
    n_frames = K * LENGTH
    seen = visits(sites(150, d=d), n=12_000, n_frames=n_frames)
    seen = seen.drifting(smooth(n_frames, d=d, extent=60.0))
    edges = np.arange(0, n_frames + 1, LENGTH)
    true = np.zeros((K, 3))
    true[:, :d] = seen.drift.reshape(K, LENGTH, d).mean(axis=1)
    motion = replace(WindowDrift.at_rest(seen.frames, edges), drift=true)
    precision = np.append(seen.precision, [np.inf])[:3]
    return seen, (seen.moved_positions, seen.frames), motion, 1 / (2 * precision)


def course(kind: str, k: int = 30) -> FloatArray:
    """A drift in cells, as wide as that of segments."""
    t = np.arange(k)
    x = {"rest": 0.0 * t, "ramp": 1.5 * t, "bend": 20 * np.sin(t / 8), "step": 40.0 * (t > 12)}
    noise = np.random.default_rng(1).normal(0, 0.1, k)
    return np.stack([x[kind] + noise, -0.5 * x[kind], 0.0 * t], axis=1)


@pytest.mark.parametrize("kind", ["rest", "ramp", "bend", "step"])
def test_a_course_has_no_segments_astray(kind: str) -> None:
    assert not astray(course(kind)).any()


@pytest.mark.parametrize("kind", ["rest", "step"])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("at", [[1], [7], [3, 21], [17, 18], [28]])
def test_segments_three_cells_off_are_astray(kind: str, axis: int, at: list[int]) -> None:
    drift = course(kind)
    drift[at, axis] += 3.0
    assert np.flatnonzero(astray(drift)).tolist() == at


def test_the_first_and_the_last_segment_may_be_beyond_a_jump() -> None:
    drift = course("rest")
    drift[[0, -1], 0] += 9.0
    assert not astray(drift).any()


def test_segments_near_the_others_are_not_astray() -> None:
    drift = course("rest")
    drift[7, 0] += 1.5
    assert not astray(drift).any()


def test_where_all_is_restless_more_is_needed_to_be_astray() -> None:
    drift = course("rest")
    drift[:, 1] = np.random.default_rng(2).normal(0, 1.0, len(drift))
    assert not astray(drift).any()
    drift[9, 1] = 30.0
    assert np.flatnonzero(astray(drift)).tolist() == [9]


def test_segments_whose_drift_is_unknown_are_left_out() -> None:
    drift = course("rest")
    drift[[3, 4]] = np.nan
    drift[11, 1] = np.nan
    drift[8, 0] += 3.0
    assert np.flatnonzero(astray(drift)).tolist() == [8]


@pytest.mark.parametrize(("known", "found"), [(8, []), (9, [4])])
def test_of_few_segments_nothing_is_told(known: int, found: list[int]) -> None:
    drift = course("rest", known)
    drift[4, 0] += 3.0
    assert np.flatnonzero(astray(drift)).tolist() == found
    padded = np.concatenate([drift, np.full((30, 3), np.nan)])
    assert np.flatnonzero(astray(padded)).tolist() == found


def displaced(motion: WindowDrift, at: list[int], by: Any) -> WindowDrift:
    drift = motion.drift.copy()
    drift[at] += by
    return replace(motion, drift=drift)


@pytest.mark.parametrize("at", [[0], [11], [K - 1], [4, 5, 13]])
@pytest.mark.parametrize("cells", [(2, 0), (5, -3), (-7, 7)])
def test_segments_that_are_displaced_return(at: list[int], cells: tuple[int, int]) -> None:
    _, arrays, true, scale = scene(2)
    ways = np.array([[1, 1, 0], [-1, 1, 0], [1, -1, 0]])[: len(at)]  # each elsewhere
    start = displaced(true, at, ways * np.append(cells, 0) * CELL)
    found = verified(arrays, start, scale, 1)
    others = np.setdiff1d(np.arange(K), at)
    np.testing.assert_array_equal(found.drift[others], true.drift[others])
    assert np.abs((found.drift - true.drift)[at] * scale).max() < 1


def test_in_3d_a_segment_returns_along_all_axes() -> None:
    _, arrays, true, scale = scene(3)
    start = displaced(true, [6], np.array([5, -4, 5]) / scale)
    found = verified(arrays, start, scale, 1)
    assert np.abs((found.drift - true.drift)[6] * scale).max() < 1


def test_a_segment_that_belongs_nowhere_else_stays() -> None:
    seen, arrays, true, scale = scene(2)
    there = seen.frames // LENGTH == 11
    arrays[0][there] = np.random.default_rng(3).uniform(-2500, 2500, (int(there.sum()), 2))
    np.testing.assert_array_equal(verified(arrays, true, scale, 1).drift, true.drift)
    # So does one that is farther off than is looked for.
    _, arrays, true, scale = scene(2)
    start = displaced(true, [11], np.array([20 * CELL, 0, 0]))
    np.testing.assert_array_equal(verified(arrays, start, scale, 1).drift, start.drift)


def test_a_segment_does_not_answer_for_its_neighbours() -> None:
    """Blinks that go on from one segment to the next would hold both where they are."""
    seen, _, true, scale = scene(2)
    frames = np.concatenate([seen.frames, np.repeat(np.arange(490, 510), 60)])
    order = np.argsort(frames, kind="stable")
    start = displaced(true, [9, 10], np.array([4 * CELL, 0, 0]))
    shared = np.tile(sites(60, seed=5), (20, 1)) + start.drift[9, :2]
    positions = np.concatenate([seen.moved_positions, shared])
    arrays = positions[order], frames[order]
    start = replace(WindowDrift.at_rest(arrays[1], LENGTH * np.arange(K + 1)), drift=start.drift)
    away = (verified(arrays, start, scale, 1).drift - true.drift) * scale
    assert np.abs(away[[9, 10]]).max() < 1


def errors(d: int) -> FloatArray:
    return np.random.default_rng(4).choice([-0.5, 0.5], (K, d))


@pytest.mark.parametrize("d", [2, 3])
def test_half_a_cell_of_error_shrinks(d: int) -> None:
    _, arrays, true, scale = scene(d)
    off = np.zeros((K, 3))
    off[:, :d] = errors(d) / scale[:d]
    found = refined(arrays, displaced(true, list(range(K)), off), scale, list(range(d)), 1)
    for axis in range(d):
        assert np.std((found.drift - true.drift)[:, axis]) < 0.6 * np.std(off[:, axis])
    # Of one segment, with all others where they belong, hardly any error is left.
    found = refined(arrays, displaced(true, [7], off[7]), scale, list(range(d)), 1)
    assert np.abs((found.drift - true.drift)[7] * scale).max() < 0.15
    assert np.abs((found.drift - true.drift)[0] * scale).max() < 0.15


@pytest.mark.parametrize("k", [2, 3])
def test_few_segments_meet_and_do_not_change_places(k: int) -> None:
    """Each sees itself, too: without, two would both go all the way, and miss each other."""
    seen = visits(sites(150), n=6_000, n_frames=k * LENGTH)
    still = WindowDrift.at_rest(seen.frames, LENGTH * np.arange(k + 1))
    start = displaced(still, [0], np.array([0.5, -0.5, 0]) * CELL)
    drift = refined((seen.positions, seen.frames), start, FLAT, [0, 1], 1).drift / CELL
    assert np.abs(drift[0] - drift[1:].mean(axis=0)).max() < 0.15


def test_axes_that_are_not_asked_for_stay() -> None:
    _, arrays, true, scale = scene(3)
    start = displaced(true, [7], np.array([0.5, 0.5, 0.5]) / scale)
    found = refined(arrays, start, FLAT, [0, 1], 1)
    np.testing.assert_array_equal(found.drift[:, 2], start.drift[:, 2])
    assert np.abs((found.drift - true.drift)[7] * FLAT).max() < 0.15


def test_steps_are_no_longer_than_a_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    _, arrays, true, scale = scene(2)
    monkeypatch.setattr(checks, "newton_step", lambda *_: (np.full((K, 3), -7.0), None))
    moved = (refined(arrays, true, scale, [0, 1], 1).drift - true.drift) * scale
    np.testing.assert_allclose(moved, np.tile([-1.0, -1.0, 0.0], (K, 1)))


def test_an_axis_that_does_not_exist_has_an_infinite_cell() -> None:
    np.testing.assert_array_equal(cell_of(np.array([10.0, 12.0, np.nan])), [10.0, 12.0, np.inf])
    np.testing.assert_array_equal(cell_of(np.array([10.0, 0.0, 24.0])), [10.0, np.inf, 24.0])
