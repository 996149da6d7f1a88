"""Jumps to where only one emitter is seen are taken back; those that the sample made are not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.density.pair_kernel import COARSE
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.jumps.excursions import without_excursions
from smlm_accessor.timeline import Timeline
from tests import scenes
from tests.scenes import Scene

N_FRAMES, FAR = 6_000, np.array([300.0, -200.0])
FIRST, STOP = 4_000, 4_600


def scene_of(*, hot: int, seen: int) -> Scene:
    """Two hundred sites; from one frame to another few of them, and an emitter that shines on.

    It is ``FAR`` from one of the sites, which drift by as much would lay it on.
    """
    still = scenes.visits(scenes.sites(), n=12_000, n_frames=N_FRAMES)
    inside = (still.frames >= FIRST) & (still.frames < STOP)
    kept = still.kept(~inside | (np.cumsum(inside) <= seen))
    rng = np.random.default_rng(3)
    frames = np.sort(rng.integers(FIRST, STOP, hot))
    at = kept.sites[7] + FAR + rng.normal(0, 1, (hot, 2)) * kept.precision
    order = np.argsort(np.concatenate([kept.frames, frames]), kind="stable")
    return Scene(
        np.concatenate([kept.frames, frames])[order],
        np.concatenate([kept.positions, at])[order],
        np.concatenate([kept.emitter, np.full(hot, -1)])[order],
        *(kept.sites, kept.precision, kept.drift),
    )


def judged(
    scene: Scene, drift: FloatArray, jumps: Any, told: IntArray | None = None
) -> tuple[list[int], FloatArray]:
    """Jumps that are left of a drift, and how far it is from the truth."""
    rows = WeightedLocalizations.of(scene.chunked(), scene.precision)
    if told is not None:
        timeline = rows.timeline.with_jumps(told)
        rows = WeightedLocalizations(rows.positions, rows.frame, rows.weight, rows.axial, timeline)
    timeline: Timeline = rows.timeline.with_jumps(np.asarray(jumps))
    drift = drift[timeline.frames]
    events = rows.events(drift, scene.precision, timeline.segment)
    density = Density.of(events, drift, scene.precision, COARSE, 1)
    left, found = without_excursions(timeline, drift, density, rows)
    return left.jumps.tolist(), np.abs(found - scene.drift[timeline.frames]).max(axis=1)


@pytest.mark.parametrize("hot", [20, 300])
@pytest.mark.parametrize("seen", [0, 30])
def test_one_emitter_makes_no_excursion(hot: int, seen: int) -> None:
    wrong = scenes.jumping(np.zeros((N_FRAMES, 2)), {FIRST: FAR, STOP: -FAR})
    jumps, error = judged(scene_of(hot=hot, seen=seen), wrong, [FIRST, STOP])
    assert jumps == []
    assert error.max() < 1e-6


@pytest.mark.parametrize("hot", [0, 300])
@pytest.mark.parametrize("seen", [30, 300])
def test_what_several_sites_show_is_one(hot: int, seen: int) -> None:
    """Although the emitter stays where it lies on a site without the excursion."""
    scene, there = (
        scene_of(hot=hot, seen=seen),
        scenes.jumping(np.zeros((N_FRAMES, 2)), {FIRST: FAR, STOP: -FAR}),
    )
    jumps, error = judged(scene.drifting(there), there, [FIRST, STOP])
    assert jumps == [FIRST, STOP]
    assert error.max() < 1e-6


@pytest.mark.parametrize("true", [FIRST, STOP])
def test_a_jump_with_a_short_segment_beside_it_stays_one(true: int) -> None:
    """A line between both sides would have lost it."""
    scene = scene_of(hot=0, seen=300).drifting(scenes.jumping(np.zeros((N_FRAMES, 2)), {true: FAR}))
    between = {FIRST: -0.7 * FAR, STOP: 1.7 * FAR}
    wrong = scenes.jumping(np.zeros((N_FRAMES, 2)), between)
    jumps, error = judged(scene, wrong, [FIRST, STOP])
    assert jumps == [true]
    assert error.max() < 1e-6


def test_the_end_of_a_movie_is_held() -> None:
    scene = scene_of(hot=300, seen=30)
    scene = scene.kept(scene.frames < STOP)
    wrong = scenes.jumping(np.zeros((N_FRAMES, 2)), {FIRST: FAR})
    jumps, error = judged(scene, wrong, [FIRST])
    assert jumps == []
    assert error.max() < 1e-6


def test_a_jump_that_is_told_stays() -> None:
    wrong = scenes.jumping(np.zeros((N_FRAMES, 2)), {FIRST: FAR, STOP: -FAR})
    told = np.array([FIRST])
    jumps, error = judged(scene_of(hot=300, seen=30), wrong, [FIRST, STOP], told)
    assert jumps == [FIRST, STOP]
    assert error.max() == pytest.approx(300)


def test_most_of_the_table_is_no_excursion() -> None:
    """Nothing but one emitter: what it tells is all there is, and it did move."""
    scene = scenes.visits(scenes.sites(1), n=3_000, n_frames=N_FRAMES)
    there = scenes.jumping(np.zeros((N_FRAMES, 2)), {FIRST: FAR, STOP: -FAR})
    jumps, _ = judged(scene.drifting(there), there, [FIRST, STOP])
    assert jumps == [FIRST, STOP]
