"""The drift that the kernel is chosen with, on scenes whose drift is known."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.pair_kernel import COARSE
from smlm_accessor.methods.chunked import KnownDrift
from smlm_accessor.methods.overlap.density import Density
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.first_drift import FirstDrift, _gathered, first_drift
from smlm_accessor.methods.overlap.iteration import NoEvidenceError
from tests import scenes

N, JUMP = 3000, 1400
PRECISION = np.full(2, scenes.PRECISION)


@cache
def scene(*, jumps: bool = False) -> scenes.Scene:
    drift = scenes.smooth(N)
    if jumps:
        drift = scenes.jumping(drift, {JUMP: (300.0, -200.0)})
    return scenes.blinking(scenes.sites(150), n_frames=N, per_frame=8, seed=1).drifting(drift)


def found_of(of: scenes.Scene, known: FloatArray | None = None, first: int = 0) -> FirstDrift:
    """The first drift, if that of some frames is known."""
    localizations = of.chunked()
    if known is not None:
        frames = np.arange(first, first + len(known))
        start = KnownDrift(frames, known, np.empty(0, dtype=np.int64))
        localizations = replace(localizations, start=start)
    rows = WeightedLocalizations.of(localizations, PRECISION)
    return first_drift(localizations, rows, PRECISION, None)


def error(found: FirstDrift, of: scenes.Scene) -> float:
    away = found.drift - of.drift[found.windows.timeline.frames]
    return float(np.std(away, axis=0).max())


@pytest.mark.parametrize("jumps", [False, True])
def test_nothing_is_known(jumps: bool) -> None:
    of = scene(jumps=jumps)
    found = found_of(of)
    assert error(found, of) < 0.4
    assert found.windows.timeline.jumps.tolist() == [JUMP] * jumps


def test_what_is_right_stays_as_it_is() -> None:
    of = scene()
    known = of.drift + np.array([7.0, -3.0])  # a constant is free
    found = found_of(of, known)
    np.testing.assert_allclose(found.drift, known[found.windows.timeline.frames])


def test_a_jump_that_is_in_the_drift_is_found() -> None:
    of = scene(jumps=True)
    found = found_of(of, of.drift)
    assert error(found, of) < 0.1
    assert found.windows.timeline.jumps.tolist() == [JUMP]


def test_what_is_wrong_by_a_precision_is_improved() -> None:
    of = scene()
    found = found_of(of, of.drift + scenes.PRECISION * np.sin(np.arange(N) / 200)[:, None])
    assert error(found, of) < 0.4


@pytest.mark.parametrize("n_together", [10, 30])
def test_what_lies_between_the_sites_of_grids_is_drawn_nearer_by_wider_kernels(
    n_together: int,
) -> None:
    grid = 3 * scenes.PRECISION * np.stack(np.divmod(np.arange(30), 6), axis=1)
    sites = (scenes.sites(80)[:, None] + grid).reshape(-1, 2)
    still = scenes.blinking(sites, n_frames=N, per_frame=8, on=6.0, seed=2)
    of, rng = still.drifting(scenes.smooth(N)), np.random.default_rng(3)
    away = rng.normal(0, scenes.PRECISION, (N // n_together, 2)).repeat(n_together, axis=0)
    near = error(found_of(of, of.drift + away), of)
    # Twice and three times as large without wider kernels.
    assert error(found_of(of, of.drift + 5 * away), of) < 1.4 * near


def test_where_the_kernel_sees_most_no_wider_one_is_used() -> None:
    of = scene()
    found = found_of(of, of.drift)
    density = Density.of(found.events, found.drift, PRECISION, COARSE, None)
    drift, same = _gathered(
        *(found.drift, found.windows, density), rounds=3, tolerance=0.3, every=1, prior=None
    )
    assert drift is found.drift
    assert same is density


@pytest.mark.parametrize(("first", "last"), [(0, 2200), (800, N)])
def test_frames_before_and_after_are_searched(first: int, last: int) -> None:
    of = scene()
    found = found_of(of, of.drift[first:last], first)
    assert error(found, of) < 0.4


def test_background_is_no_evidence_without_a_drift_and_holds_one_that_is_known() -> None:
    of = scenes.background(n=20_000, n_frames=N)
    with pytest.raises(NoEvidenceError):
        found_of(of)
    found = found_of(of, np.tile(np.arange(1000.0)[:, None], (1, 2)))
    assert found.drift[-1] == pytest.approx(999.0)
    assert (found.estimate.chance > 0.01).any()
