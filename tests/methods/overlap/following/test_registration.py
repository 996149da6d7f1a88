"""New localizations registered onto a reference: as they drift, after a jump, and noise."""

from __future__ import annotations

from functools import cache

import numpy as np

from smlm_accessor.kernels.density.pair_kernel import FINE
from smlm_accessor.methods.overlap.following.course import Course
from smlm_accessor.methods.overlap.following.reference import Reference
from smlm_accessor.methods.overlap.following.registration import NewWindows, register_new
from tests import scenes

N, NEW, WINDOW = 1200, 300, 10
PRECISION = np.full(2, scenes.PRECISION)


@cache
def scene() -> scenes.Scene:
    drift = scenes.random_walk(N + NEW, 0.2, seed=3)
    scene = scenes.blinking(scenes.sites(100), n_frames=N + NEW, per_frame=5, seed=1)
    return scene.drifting(drift)


@cache
def known() -> tuple[Reference, Course]:
    old = scene().kept(scene().frames < N).chunked()
    frames = np.unique(old.frames)
    reference = Reference.of(old, scene().drift[frames], PRECISION, FINE[0])
    time = np.arange(5, N, 10)
    free, rates = np.zeros(len(time), bool), ((0.04, 0.0, 0.0),) * 2
    variance = np.full((len(time), 2), 0.5)
    return reference, Course(time + 0.0, scene().drift[time], variance, free, rates)


def registered(new: scenes.Scene) -> NewWindows:
    reference, course = known()
    return register_new(new.chunked(), reference, course, WINDOW)


def z_scores(found: NewWindows, drift: np.ndarray) -> np.ndarray:
    true = drift[np.round(found.time).astype(int)]
    return np.asarray((found.value - true) / np.sqrt(found.variance))


def test_windows_have_their_drift_and_its_variance() -> None:
    found = registered(scene().kept(scene().frames >= N))
    assert found.counts.sum() == (scene().frames >= N).sum()
    assert not found.free.any()
    assert found.first[0] >= N
    z = z_scores(found, scene().drift)
    assert 0.75 < np.sqrt(np.mean(z**2)) < 1.3


def test_a_jump_within_them_is_placed() -> None:
    """To a few frames; what is before goes on."""
    new = scene().kept(scene().frames >= N)
    away = scene().drift.copy()
    away[N + 200 :] += [900.0, -700.0]
    found = registered(new.drifting(away))
    (at,) = np.flatnonzero(found.free)
    assert abs(found.first[at] - (N + 200)) <= 3
    z = z_scores(found, away)
    assert np.sqrt(np.mean(np.delete(z, at, axis=0) ** 2)) < 1.3


def test_a_far_jump_begins_a_segment() -> None:
    new = scene().kept(scene().frames >= N)
    away = scene().drift + np.array([900.0, -700.0])
    found = registered(new.drifting(away))
    assert found.free.tolist()[0]
    assert not found.free[1:].any()
    assert np.sqrt(np.mean(z_scores(found, away) ** 2)) < 1.3


def test_noise_has_no_drift() -> None:
    new = scene().kept(scene().frames >= N).with_background(1.0, seed=2)
    found = registered(new)
    assert np.isinf(found.variance).all()
