"""From the first drift to the best, and steps by half of a structure undone."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.chunked import KnownDrift
from smlm_accessor.methods.overlap.events import WeightedLocalizations
from smlm_accessor.methods.overlap.first_drift import FirstDrift, first_drift
from smlm_accessor.methods.overlap.refinement import refined, without_step
from tests import scenes
from tests.kernels.correlation.test_steps_between_pairs import LAYERS, N, pores

LAYER_OFF = np.array([0.0, 0.0, LAYERS])


@cache
def scene() -> scenes.Scene:
    return pores(1).drifting(scenes.smooth(N, d=3, extent=30.0))


@cache
def first_of() -> tuple[FirstDrift, WeightedLocalizations]:
    localizations = scene().chunked()
    rows = WeightedLocalizations.of(localizations, scene().precision)
    return first_drift(localizations, rows, scene().precision, None), rows


def error(drift: FloatArray, found: FirstDrift) -> FloatArray:
    return np.std(drift - scene().drift[found.windows.timeline.frames], axis=0)


def test_a_drift_that_goes_a_layer_astray_is_found_anew() -> None:
    frame, (first, rows) = 4000, first_of()
    assert not first.connection.alike
    frames = first.windows.timeline.frames
    wrong = first.drift + np.where((frames >= frame)[:, None], LAYER_OFF, 0.0)
    again = without_step(wrong, first, scene().chunked(), rows, scene().precision, None)
    assert again is not None
    assert (error(again.drift, first) < scene().precision / 2).all()
    assert again.chosen == first.chosen


def test_a_drift_that_is_right_stays() -> None:
    first, rows = first_of()
    localizations = scene().chunked()
    assert without_step(first.drift, first, localizations, rows, scene().precision, None) is None


def test_what_is_known_is_not_looked_for() -> None:
    """A drift to start from, chunks, and molecules that stay, which density alone tells."""
    first, rows = first_of()
    frames = first.windows.timeline.frames
    wrong = first.drift + np.where((frames >= 3000)[:, None], LAYER_OFF, 0.0)
    known = KnownDrift(np.arange(N), scene().drift, np.empty(0, dtype=np.int64))
    started = replace(scene().chunked(), start=known)
    precision = scene().precision
    assert without_step(wrong, first, started, rows, precision, None) is None
    assert without_step(wrong, first, scene().chunked(4), rows, precision, None) is None
    stays = first._replace(connection=replace(first.connection, alike=True))
    assert without_step(wrong, stays, scene().chunked(), rows, precision, None) is None


def test_windows_are_short_beside_what_a_trend_averages() -> None:
    first, rows = first_of()
    best = refined(first, scene().chunked(), rows, scene().precision, None)
    assert best.frames_per_chunk == max(int(first.smoothing / 6), 1)
    assert len(best.windows) == pytest.approx(N / best.frames_per_chunk, abs=2)
    assert (error(best.estimate.drift, first) <= error(first.drift, first) + 0.1).all()


def test_windows_that_are_given_stay() -> None:
    localizations = scene().chunked(5)
    rows = WeightedLocalizations.of(localizations, scene().precision)
    first = first_drift(localizations, rows, scene().precision, None)
    best = refined(first, localizations, rows, scene().precision, None)
    assert len(best.windows) == 5
    assert best.frames_per_chunk == 0


def test_a_first_drift_that_is_a_layer_astray_does_not_stay_so() -> None:
    """It took the step for a jump of the sample."""
    first, rows = first_of()
    localizations, timeline = scene().chunked(), rows.timeline.with_jumps(np.array([2200]))
    off = np.where((timeline.frames >= 2200)[:, None], LAYER_OFF, 0.0)
    wrong = first._replace(drift=first.drift + off, windows=timeline.regularly(500))
    best = refined(wrong, localizations, rows, scene().precision, None)
    assert best.first is not wrong
    assert (error(best.estimate.drift, first) < scene().precision / 2).all()
