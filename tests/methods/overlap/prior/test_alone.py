"""What is known beforehand, where localizations show nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from smlm_accessor.methods.chunked import PriorDrift
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.prior.alone import prior_alone
from tests import scenes

NO_RATES = np.zeros((3, 2))

N = 1000
NO_JUMPS = np.empty(0, dtype=np.int64)


def test_its_trend_comes_back_in_chunks_of_its_own_and_in_given_ones() -> None:
    scene = scenes.blinking(scenes.sites(50), n_frames=N, per_frame=0.5, seed=1)
    line = np.arange(0, N, 5)[:, None] * np.array([0.02, -0.01])
    known = PriorDrift(
        np.arange(0, N, 5), line, NO_JUMPS, np.full(line.shape, 0.01), np.zeros((3, 2))
    )
    for n_chunks in (1, 10):
        localizations = replace(scene.chunked(n_chunks), prior=known)
        rows = WeightedLocalizations.of(localizations, np.full(2, scenes.PRECISION))
        found = prior_alone(localizations, rows)
        assert found.valid.all()
        assert "what comes back is the prior" in found.note
        travelled = found.offset[0] - found.offset[-1]
        expected = line[-1] * (1 - 1 / len(found.offset))
        np.testing.assert_allclose(travelled, expected, rtol=0.02)
        assert found.offset_std is not None
        assert (found.offset_std < 0.1).all()


def test_nothing_between_the_frames_of_the_table_is_nothing() -> None:
    scene = scenes.blinking(scenes.sites(50), n_frames=N, per_frame=0.5, seed=1)
    later = PriorDrift(
        np.array([N, N + 1]) * 9, np.zeros((2, 2)), NO_JUMPS, np.ones((2, 2)), np.zeros((3, 2))
    )
    localizations = replace(scene.chunked(), prior=later)
    rows = WeightedLocalizations.of(localizations, np.full(2, scenes.PRECISION))
    assert not prior_alone(localizations, rows).valid.any()
