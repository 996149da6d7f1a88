"""The errors that localizations say a prior has, on a scene whose drift is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from smlm_accessor.kernels.density.pair_kernel import COARSE
from smlm_accessor.methods.chunked import PriorDrift
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.prior.knots import Prior
from smlm_accessor.methods.overlap.prior.weighing import weighed
from tests import scenes

NO_RATES = np.zeros((3, 2))

N, STD = 3000, 2.0
PRECISION = np.full(2, scenes.PRECISION)


@cache
def seen() -> tuple[Density, WeightedLocalizations, np.ndarray]:
    scene = scenes.blinking(scenes.sites(80), n_frames=N, per_frame=2, seed=1)
    scene = scene.drifting(scenes.smooth(N))
    rows = WeightedLocalizations.of(scene.chunked(), PRECISION)
    drift = scene.drift[rows.timeline.frames]
    events = rows.events(drift, PRECISION, np.zeros(len(drift), dtype=np.int64))
    return Density.of(events, drift, PRECISION, COARSE, None), rows, drift


def prior_of(factor: float, bend: float = 0.0) -> Prior:
    _, rows, drift = seen()
    at = rows.timeline.frames[::10]
    values = drift[::10] + np.random.default_rng(4).normal(700, factor * STD, (len(at), 2))
    values[:, 1] += bend * np.linspace(-1, 1, len(at)) ** 2
    none = np.empty(0, dtype=np.int64)
    prior = Prior.of(
        PriorDrift(at, values, none, np.full(values.shape, STD**2), NO_RATES), rows.timeline
    )
    assert prior is not None
    return prior


def test_errors_that_are_right_stay() -> None:
    density, rows, drift = seen()
    assert weighed(prior_of(1), drift, rows.timeline, density).factor.tolist() == [1, 1]


def test_errors_that_are_too_small_become_as_they_are() -> None:
    density, rows, drift = seen()
    found = weighed(prior_of(4), drift, rows.timeline, density)
    np.testing.assert_allclose(np.sqrt(found.factor), 4, rtol=0.5)
    assert (found.found > 1.5 * found.expected).all()
    again = weighed(found, drift, rows.timeline, density)
    np.testing.assert_array_equal(again.factor, found.factor)


def test_only_the_axis_that_bends_is_doubted() -> None:
    density, rows, drift = seen()
    found = weighed(prior_of(1, bend=10.0), drift, rows.timeline, density)
    assert found.factor[0] == 1
    assert found.factor[1] > 10
    assert found.found[1] == pytest.approx(3, rel=0.3)  # of a parabola from 0 to 10


def test_what_localizations_do_not_show_is_not_doubted() -> None:
    density, rows, drift = seen()
    prior = prior_of(1, bend=10.0)
    alone = replace(prior, information=prior.information * np.array([1.0, 0.0]))
    assert weighed(alone, drift, rows.timeline, density).factor.tolist() == [1, 1]
