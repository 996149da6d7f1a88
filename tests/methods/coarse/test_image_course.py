"""Courses that images tell, where molecules come back too rarely to be followed."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.coarse.image_course import followed_by_images
from smlm_accessor.methods.coarse.throughout import coarse
from smlm_accessor.methods.coarse.tracker import CELL, Coarse, nothing
from smlm_accessor.timeline import Timeline
from tests import scenes
from tests.scenes import Scene

N, PRECISION = 3_000, 3.3


def pores(n: int, seed: int, at: FloatArray | None = None) -> Scene:
    """Pores that drift by half a micrometre; each site is seen two or three times."""
    at = scenes.rings(300, 3_700, seed=seed) if at is None else at
    scene = scenes.visits(at, n=n, n_frames=N, precision=PRECISION, seed=seed)
    return scene.with_background(0.2).drifting(scenes.linear(N, (0.15, -0.25)))


def error(scene: Scene, found: Coarse) -> float:
    frames = found.in_frames(Timeline.of(scene.frames))
    away = frames.drift - scene.drift[frames.timeline.frames]
    return float(np.abs(away - np.median(away, axis=0)).max())


@pytest.mark.parametrize("seed", range(2))
def test_what_cannot_be_followed_is_seen_in_images(seed: int) -> None:
    scene = pores(8_000, seed)
    found = coarse(scene.chunked(), scene.precision, threads=1)
    assert found.chosen["coarse_by_images"]
    assert found.valid.all()
    assert error(scene, found) < 3 * PRECISION


@pytest.mark.parametrize("seed", range(2))
def test_molecules_that_never_come_back_are_not_followed(seed: int) -> None:
    """What is seen was anywhere, so images tell nothing, or what cannot be followed."""
    at = np.random.default_rng(seed).uniform(0, 3_700, (200_000, 2))
    sample = pores(8_000, seed, at).chunked()
    before = nothing(sample)
    precision = np.full(2, PRECISION)
    found = followed_by_images(sample, precision, CELL * precision, before, threads=1)
    assert found is before


def test_what_is_followed_is_left_as_it_is() -> None:
    scene = scenes.blinking(scenes.sites(), n_frames=N, per_frame=6.0)
    found = coarse(scene.chunked(), scene.precision, threads=1)
    assert found.valid.all()
    assert "coarse_by_images" not in found.chosen
