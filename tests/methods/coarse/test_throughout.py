"""The coarse drift as a whole: jumps of any length, rest, and what is lost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.chunked import ChunkedLocalizations
from smlm_accessor.methods.coarse import throughout
from smlm_accessor.methods.coarse.relocation import FrameDrift
from smlm_accessor.methods.coarse.throughout import coarse
from smlm_accessor.methods.coarse.tracker import Coarse, nothing
from smlm_accessor.timeline import Timeline
from tests import scenes
from tests.scenes import Scene

N, AT = 3_000, 1_333


def found(scene: Scene) -> Coarse:
    return coarse(scene.chunked(), scene.precision, threads=1)


def error(scene: Scene, drift: Coarse) -> FloatArray:
    """The largest difference from the truth, of frames in windows that are valid."""
    frames = drift.in_frames(Timeline.of(scene.frames))
    away = frames.drift - scene.drift[frames.timeline.frames]
    away = away[~drift.is_lost(frames.timeline)]
    return np.asarray(np.abs(away - np.median(away, axis=0)).max(axis=0))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("jump", [[100.0, -50.0], [-600.0, 300.0]])
def test_halves_that_each_agree_with_themselves_are_joined(seed: int, jump: list[float]) -> None:
    """The tracker alone lays both halves on themselves, and sees no jump in three seeds of four."""
    scene = scenes.blinking(scenes.sites(seed=seed), n_frames=N, per_frame=6.0, seed=seed)
    scene = scene.drifting(scenes.jumping(np.zeros((N, 2)), {AT: jump}))
    drift = found(scene)
    assert drift.jumps.tolist() == [AT]
    assert drift.valid.all()
    assert (error(scene, drift) < scene.precision).all()


def test_a_drift_with_jumps_in_three_dimensions() -> None:
    jumps = {600: [0.0, 0.0, 300.0], 2_100: [-900.0, 400.0, -100.0]}
    scene = scenes.blinking(scenes.sites(d=3), n_frames=N, per_frame=8.0)
    scene = scene.drifting(scenes.jumping(scenes.smooth(N, d=3), jumps))
    drift = found(scene)
    assert drift.jumps.tolist() == list(jumps)
    assert (error(scene, drift) < 1.5 * scene.precision).all()


def test_a_sample_at_rest_is_left_at_rest() -> None:
    for seed in range(5):
        scene = scenes.blinking(scenes.sites(seed=seed), n_frames=N, per_frame=6.0, seed=seed)
        drift = found(scene)
        assert not drift.drift.any()
        assert not len(drift.jumps)


@pytest.mark.parametrize("seed", range(3))
def test_a_sample_that_rests_jumps_when_little_is_left_of_it(seed: int) -> None:
    """Its windows do not gain enough to have a level each: it rests before and after."""
    n = 20_000
    scene = scenes.blinking(scenes.sites(400, seed=seed), n_frames=n, per_frame=8.0, seed=seed)
    rows = np.random.default_rng(seed).random(len(scene.frames)) < np.exp(-scene.frames / 4_000)
    scene = scene.drifting(scenes.jumping(np.zeros((n, 2)), {14_000: [40.0, 200.0]}))
    drift = found(scene.kept(rows))
    assert len(drift.jumps) == 1
    assert abs(drift.jumps[0] - 14_000) < 100
    assert (error(scene.kept(rows), drift) < 0.3 * scene.precision).all()


def test_a_drift_of_a_precision_is_no_rest() -> None:
    scene = scenes.blinking(scenes.sites(), n_frames=N, per_frame=6.0)
    scene = scene.drifting(scenes.linear(N, (5 * scenes.PRECISION / N, 0.0)))
    assert (error(scene, found(scene)) < 0.7 * scene.precision).all()


def test_a_part_without_structure_is_not_valid() -> None:
    scene = scenes.blinking(scenes.sites(), n_frames=N, per_frame=6.0)
    scene = scene.drifting(scenes.smooth(N))
    late = scene.frames >= 2_200
    anywhere = scenes.background(n=len(late), n_frames=N, size=5_000.0).positions - 2_500.0
    scene = replace(scene, positions=np.where(late[:, None], anywhere, scene.positions))
    drift = found(scene)
    middle = drift.middle
    assert drift.valid[middle < 2_100].all()
    assert not drift.valid[middle > 2_300].any()
    assert (error(scene, drift) < 1.5 * scene.precision).all()


def test_background_has_no_jumps() -> None:
    drift = found(scenes.background(n=20_000, n_frames=N))
    assert not len(drift.jumps)


def test_a_jump_that_is_told_is_kept() -> None:
    scene = scenes.blinking(scenes.sites(), n_frames=N, per_frame=6.0)
    scene = scene.drifting(scenes.jumping(np.zeros((N, 2)), {AT: [150.0, 0.0]}))
    told = replace(scene.chunked(), jumps=np.array([500, AT]))
    drift = coarse(told, scene.precision, threads=1)
    assert drift.jumps.tolist() == [500, AT]
    assert (error(scene, drift) < scene.precision).all()


def test_what_was_moved_counts_where_nothing_of_it_is_followed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without it, half of the sample lies elsewhere."""
    scene = scenes.blinking(scenes.sites(seed=1), n_frames=N, per_frame=6.0, seed=1)
    scene = scene.drifting(scenes.jumping(np.zeros((N, 2)), {AT: [-600.0, 300.0]}))
    seen: list[int] = []
    follow = throughout.followed

    def at_first(sample: ChunkedLocalizations, *options: Any) -> Coarse:
        seen.append(len(sample.frames))
        return follow(sample, *options) if len(seen) == 1 else nothing(sample)

    monkeypatch.setattr(throughout, "followed", at_first)
    drift = found(scene)
    assert len(seen) > 1
    assert drift.valid.all()
    assert (error(scene, drift) < 2 * scene.precision).all()


@pytest.mark.parametrize("on", [1.0, 4.0, 9.0])
def test_localizations_of_a_blink_are_counted(on: float) -> None:
    scene = scenes.blinking(scenes.sites(seed=2), n_frames=N, per_frame=5.0, on=on, seed=2)
    timeline = Timeline.of(scene.frames)
    rest = FrameDrift(timeline, np.zeros((len(timeline.frames), 2)))
    counted = throughout.of_a_blink(rest, scene.chunked(), scene.precision)
    assert counted == pytest.approx(on, rel=0.2)
