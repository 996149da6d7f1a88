"""New localizations in the density of those there are."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from smlm_accessor.kernels.density.pair_kernel import FINE
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.following.reference import Reference
from tests import scenes

N, NEW = 1200, 300
PRECISION = np.full(2, scenes.PRECISION)


@cache
def scene() -> scenes.Scene:
    return scenes.blinking(scenes.sites(100), n_frames=N + NEW, per_frame=5, seed=1)


@cache
def reference() -> Reference:
    old = scene().kept(scene().frames < N).chunked()
    n_frames = len(np.unique(old.frames))
    return Reference.of(old, np.zeros((n_frames, 2)), PRECISION, FINE[0])


def new_rows() -> WeightedLocalizations:
    return WeightedLocalizations.of(scene().kept(scene().frames >= N).chunked(), PRECISION)


@pytest.mark.parametrize("fine", [True, False])
def test_gradients_lead_back(fine: bool) -> None:
    """By as much as the new localizations are displaced, for small displacements."""
    rows = new_rows()
    windows = rows.timeline.regular(NEW)
    n = len(rows.timeline.frames)
    moved = np.array([1.0, -0.5])
    found = reference().sums(rows, np.tile(moved, (n, 1)), windows, fine=fine)
    step = -found.gradient.sum(axis=0) / found.curvature.sum(axis=0) * PRECISION
    np.testing.assert_allclose(step, -moved, atol=0.3)


def test_the_usual_information_is_that_of_new_ones_and_of_half_is_less() -> None:
    rows = new_rows()
    still = np.zeros((len(rows.timeline.frames), 2))
    found = reference().sums(rows, still, rows.timeline.regular(NEW), fine=True)
    usual, half = reference().usual, reference().usual_of_half
    assert found.quality == pytest.approx(usual.quality, rel=0.1)
    assert 0.3 < usual.quality <= 1
    assert 0.5 * usual.quality < half.quality < usual.quality


def test_blinks_that_go_on_do_not_count() -> None:
    """Localizations of the frames right after the reference see only what is earlier."""
    last = scene().kept((scene().frames >= N) & (scene().frames < N + 2))
    rows = WeightedLocalizations.of(last.chunked(), PRECISION)
    still = np.zeros((len(rows.timeline.frames), 2))
    found = reference().sums(rows, still, rows.timeline.regular(9), fine=True)
    assert found.weight.sum() > 0
    assert reference().gap >= 2
