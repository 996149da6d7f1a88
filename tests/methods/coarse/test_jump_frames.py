"""Steps that a continuous drift would not take, and the first frame after each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.methods.aim.sparse_image import WindowDrift
from smlm_accessor.methods.coarse.jump_frames import steps_of, with_jumps
from tests.scenes import PRECISION, jumping, linear, sites, visits

K, LENGTH = 20, 50  # segments, frames of each
N_FRAMES = K * LENGTH
EDGES = LENGTH * np.arange(K + 1)
SCALE = np.array([0.5, 0.5, 0.0]) / PRECISION  # cells per nm


def series(jumps: Mapping[int, float], k: int = 30, slope: float = 0.0) -> FloatArray:
    """A noisy drift in cells that steps along y, at the first segments after."""
    y = jumping(slope * np.arange(k), jumps)
    x = np.random.default_rng(1).normal(0, 0.1, k)
    return np.stack([x, y + x[::-1], 0 * x], axis=1)


@pytest.mark.parametrize("jumps", [{}, {12: 6.0}, {1: -6.0}, {29: 8.0}, {6: 5.0, 10: -5.0, 20: 9}])
@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_steps_are_found_where_they_are(jumps: dict[int, float], slope: float) -> None:
    assert steps_of(series(jumps, slope=slope)) == [(j - 1, j) for j in jumps]


def test_small_steps_and_fast_drift_are_none() -> None:
    assert steps_of(series({12: 1.5})) == []
    assert steps_of(series({12: 6.0}, slope=3.0)) == []


def test_a_step_in_parts_is_one_step_and_a_slow_one_none() -> None:
    assert steps_of(series({12: 5.0, 13: 5.0})) == [(11, 13)]
    assert steps_of(series({12: 5.0, 13: 5.0, 14: 5.0})) == [(11, 14)]
    assert steps_of(series({12: 5.0, 13: 5.0, 14: 5.0, 15: 5.0})) == []


@pytest.mark.parametrize("n", [1, 2])
def test_segments_that_went_astray_are_no_steps(n: int) -> None:
    drift = series({})
    drift[12 : 12 + n, 1] += 9.0
    assert steps_of(drift) == []


def test_unknown_segments_are_stepped_over() -> None:
    drift = series({12: 6.0})
    drift[[11, 12, 20]] = np.nan
    assert steps_of(drift) == [(10, 13)]
    assert steps_of(np.full((5, 3), np.nan)) == []
    assert steps_of(np.array([[0.0, 0, 0], [9, 9, 9]])) == []


def jumped(
    jumps: dict[int, Any], wrong: dict[int, int] | None = None
) -> tuple[tuple[Any, ...], WindowDrift]:
    """A sample with jumps, and the drift of its segments, of which some have that of others."""
    drift = jumping(linear(N_FRAMES), jumps)
    seen = visits(sites(150), n=12_000, n_frames=N_FRAMES, seed=3).drifting(drift)
    found = np.zeros((K, 3))
    # A segment in which the sample jumps lies where it is for longer.
    found[:, :2] = np.median(drift.reshape(K, LENGTH, 2), axis=1)
    for segment, like in (wrong or {}).items():
        found[segment] = found[like]
    motion = replace(WindowDrift.at_rest(seen.frames, EDGES), drift=found)
    return (seen.moved_positions, seen.frames), motion


def placed(
    jumps: dict[int, Any], wrong: dict[int, int] | None = None, given: IntArray | None = None
) -> IntArray:
    """Where jumps are placed; no segment has the drift of the other side."""
    edges, found, frames = consistent(*jumped(jumps, wrong), given)
    true = jumping(linear(N_FRAMES), jumps)
    middle = ((edges[:-1] + edges[1:]) // 2).astype(int)
    assert np.abs(found[:, :2] - true[middle]).max() < 2 * PRECISION
    return frames


def consistent(
    arrays: tuple[Any, ...], motion: WindowDrift, given: IntArray | None = None
) -> tuple[IntArray, FloatArray, IntArray]:
    """Edges, drift and jumps, each of which is an edge."""
    evidence = 10.0 + np.arange(K)
    edges, found, evidence, frames = with_jumps(arrays, EDGES, motion, evidence, SCALE, given)
    assert np.isin(frames, edges).all()
    assert (np.diff(edges) > 0).all()
    assert edges[[0, -1]].tolist() == [0, N_FRAMES]
    assert len(found.drift) == len(evidence) == len(edges) - 1
    np.testing.assert_array_equal(found.bounds, np.searchsorted(arrays[1], edges))
    return edges, found.drift, frames


@pytest.mark.parametrize("frame", [423, 450, 437, 402, 449, 30, 965])
@pytest.mark.parametrize("by", [(80.0, 0.0), (-30.0, 45.0)])
def test_a_jump_is_placed_to_the_frame(frame: int, by: tuple[float, float]) -> None:
    assert placed({frame: by}).tolist() == [frame]


def test_nothing_changes_without_jumps() -> None:
    arrays, motion = jumped({})
    evidence = np.arange(K)
    edges, found, after, frames = with_jumps(arrays, EDGES, motion, evidence, SCALE)
    assert edges is EDGES
    assert found is motion
    assert after is evidence
    assert not len(frames)


@pytest.mark.parametrize("frames", [(423, 731), (423, 571), (310, 470, 640)])
def test_several_jumps_are_placed_to_the_frame(frames: tuple[int, ...]) -> None:
    jumps = {f: (80.0 * (-1) ** i, 20.0) for i, f in enumerate(frames)}
    assert placed(jumps).tolist() == list(frames)


@pytest.mark.parametrize("frame", [405, 452, 389])
def test_segments_around_a_jump_may_be_on_the_wrong_side(frame: int) -> None:
    before, after = frame // LENGTH - 2, frame // LENGTH + 2
    segment = frame // LENGTH
    assert placed({frame: (80.0, 0.0)}, {segment: before}).tolist() == [frame]
    assert placed({frame: (80.0, 0.0)}, {segment: after}).tolist() == [frame]
    if frame == 389:  # two of them are
        assert placed({frame: (80.0, 0.0)}, {segment: before, segment + 1: before}).tolist() == [
            frame
        ]


def test_a_given_jump_stays_where_it_is() -> None:
    # It is where the user says, whatever the localizations say.
    assert placed({418: (80.0, 0.0)}, given=np.array([400])).tolist() == [400]
    found = placed({423: (80.0, 0.0)}, given=np.array([700]))
    assert found.tolist() == [423, 700]
    # One at which there is no edge is not known to the stage.
    assert placed({423: (80.0, 0.0)}, given=np.array([711])).tolist() == [423]


@pytest.mark.parametrize("given", [None, np.array([400])])
def test_a_step_back_a_few_segments_later_leaves_the_first_jump(given: IntArray | None) -> None:
    """The sample is where it was before: it must not be looked for there."""
    jumps = {400: (80.0, 0.0), 480: (-80.0, 0.0)}
    assert placed(jumps, {10: 8}, given).tolist() == [400, 480]


@pytest.mark.parametrize("given", [None, np.array([600])])
def test_a_step_back_a_few_segments_later_leaves_the_last_jump(given: IntArray | None) -> None:
    jumps = {520: (80.0, 0.0), 600: (-80.0, 0.0)}
    assert placed(jumps, {9: 11}, given).tolist() == [520, 600]


@pytest.mark.parametrize("given", [None, np.array([250, 700])])
def test_every_jump_is_an_edge_however_wrong_the_drift_is(given: IntArray | None) -> None:
    arrays, motion = jumped({300: (80.0, 0.0), 390: (-80.0, 0.0), 520: (80.0, 0.0)})
    rng, several = np.random.default_rng(5), 0
    for _ in range(30):
        high = np.repeat(rng.random(K) < 0.5, rng.integers(2, 5, K))[:K]
        drift = np.where(high[:, None], [80.0, 0.0, 0.0], 0.0)
        _, _, frames = consistent(arrays, replace(motion, drift=drift), given)
        assert given is None or np.isin(given, frames).all()
        several += len(frames) > 1
    assert several > 10
