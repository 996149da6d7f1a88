"""What to start from: what is better for the localizations, not what is first."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.methods.chunked import PriorDrift
from smlm_accessor.methods.coarse.throughout import coarse
from smlm_accessor.methods.coarse.tracker import nothing
from smlm_accessor.methods.overlap.prior.candidates import starts_of
from smlm_accessor.methods.overlap.prior.knots import Prior
from smlm_accessor.timeline import Timeline
from tests import scenes

NO_RATES = np.zeros((3, 2))

N = 2000
PRECISION = np.full(2, scenes.PRECISION)


def off(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.std(found - truth, axis=0).max())


@pytest.mark.parametrize("right", [True, False])
def test_the_better_one_is_first(right: bool) -> None:
    scene = scenes.blinking(scenes.sites(80), n_frames=N, per_frame=4, seed=1)
    scene = scene.drifting(scenes.smooth(N))
    localizations, timeline = scene.chunked(), Timeline.of(scene.frames)
    truth = scene.drift[timeline.frames]
    at, none = np.arange(0, N, 10), np.empty(0, dtype=np.int64)
    drift = scene.drift[at] * (1 if right else -2)
    prior = Prior.of(PriorDrift(at, drift, none, np.full(drift.shape, 1.0), NO_RATES), timeline)
    assert prior is not None
    found = coarse(localizations, PRECISION)
    first, second = starts_of(localizations, found, prior, timeline, PRECISION, None)
    assert off(first, truth) < scenes.PRECISION
    assert (off(second, truth) < scenes.PRECISION) is right
    only = starts_of(localizations, nothing(localizations), prior, timeline, PRECISION, None)
    assert len(only) == 1
