"""The windows that `aim` fits, and what they start from."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.methods.aim.fit import WindowFit
from smlm_accessor.methods.aim.windows import best_windows
from smlm_accessor.methods.coarse.tracker import Coarse
from tests import scenes
from tests.scenes import PRECISION


def test_the_mean_drift_of_short_windows_is_the_start() -> None:
    scene = scenes.blinking(scenes.sites(), n_frames=1_000, per_frame=10).drifting(
        scenes.restless(1_000, amplitude=10)
    )
    edges = np.arange(0, 1_001, 25)
    middle = (edges[:-1] + edges[1:] - 1) / 2
    drift = scene.drift[middle.astype(int)]
    k = len(middle)
    coarse = Coarse(edges, drift, np.ones(k, bool), np.ones(k), np.empty(0, int), middle)
    fit = WindowFit(scene.chunked(), scene.precision, 1)
    edges, motion = best_windows(fit, coarse)
    true = scene.drift[np.clip(np.round(motion.middle).astype(int), 0, 999)]
    error = motion.drift[:, :2] - true
    assert (error.std(axis=0) < 0.35 * PRECISION).all()
    assert motion.bounds[-1] == len(scene.frames)
    assert len(motion.middle) == len(edges) - 1


@pytest.mark.parametrize(("n_sites", "on"), [(1_500, 30), (3_000, 30), (1_500, 10)])
def test_short_windows_hold_whole_blinks(n_sites: int, on: int) -> None:
    """Shorter ones share blinks with those beside them, which keep them where they begin."""
    at = scenes.sites(n_sites, 20_000)
    scene = scenes.blinking(at, n_frames=6_000, per_frame=10, on=on)
    edges = np.arange(0, 6_001, 20)
    middle = (edges[:-1] + edges[1:] - 1) / 2
    k = len(middle)
    wrong = PRECISION / 2 * np.sin(middle / 80)[:, None] * np.ones(2)
    coarse = Coarse(edges, wrong, np.ones(k, bool), np.ones(k), np.empty(0, int), middle)
    left = {}
    for blink in (0, 3 * on):
        fit = WindowFit(scene.chunked(), scene.precision, 1, blink)
        _, motion = best_windows(fit, coarse)
        left[blink] = motion.drift.std(axis=0).max()
    assert left[3 * on] < 0.65 * left[0]
