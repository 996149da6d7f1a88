"""Drift of halves, near that of the whole: as each half by itself would have it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor._typing import FloatArray
from smlm_accessor.assess.near import corrections_near, drift_near
from smlm_accessor.assess.turning import CorrectedBlinks
from smlm_accessor.kernels.time_series.trend import Rates
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.overlap.iteration import DriftEstimate, NoEvidenceError
from smlm_accessor.methods.traces import observations

FRAMES = 4_000
PRECISION = np.full(2, 5.0)


def drift_at(frames: FloatArray) -> FloatArray:
    return np.column_stack([40 * np.sin(frames / 700), frames / 50])


def scene(seed: int, n_sites: int = 120, drifting: bool = True) -> ChunkedLocalizations:
    rng = np.random.default_rng(seed)
    frames = np.sort(rng.integers(0, FRAMES, 40 * n_sites))
    sites = rng.uniform(0, 8_000, (n_sites, 2))[rng.integers(n_sites, size=len(frames))]
    positions = sites + rng.normal(0, PRECISION, sites.shape)
    if drifting:
        positions = positions + drift_at(frames)
    bounds = np.array([0, len(frames)])
    return ChunkedLocalizations(positions, frames, bounds, ("x", "y"), center=np.zeros(2))


def near(
    some: ChunkedLocalizations,
    start: FloatArray,
    n_windows: int,
    rates: list[Rates] | None = None,
) -> tuple[FloatArray, DriftEstimate]:
    """Return the drift of localizations near that of each frame, from their blinks."""
    observed = observations(some)
    after = some.positions - np.repeat(start, np.unique(some.frames, return_counts=True)[1], axis=0)
    events, timeline, _ = CorrectedBlinks.of(observed, after, PRECISION)
    windows = timeline.regularly(n_windows)
    return drift_near(replace(events, start=start), windows, PRECISION, rates=rates)


def off(found: FloatArray, frames: FloatArray) -> float:
    difference = found - drift_at(frames)
    return float(np.sqrt(np.mean(np.var(difference, axis=0))))


@pytest.mark.parametrize("wrong", [0.0, 4.0])
def test_it_comes_to_the_drift_of_these_localizations_from_nearby(wrong: float) -> None:
    some = scene(1)
    frames = np.unique(some.frames)
    start = drift_at(frames) + wrong * np.cos(frames / 300)[:, None]
    found, _ = near(some, start, n_windows=200)
    alone = 5.0 * np.sqrt(2 * 200 / len(some.frames))  # of windows by themselves
    assert off(found, frames) < 0.6 * alone


def test_halves_are_as_far_apart_as_estimates_of_each_by_itself() -> None:
    found, alone = list[float](), list[float]()
    for seed in range(4):
        whole = scene(seed)
        second = whole.positions[:, 0] - drift_at(whole.frames)[:, 0] > 4_000
        apart = []
        for half in (~second, second):
            some = whole.take(half)
            frames = np.unique(some.frames)
            apart.append((frames, near(some, drift_at(frames), 200)[0]))
        grid = np.arange(50, FRAMES - 50)
        curves = [np.stack([np.interp(grid, f, c) for c in d.T], axis=1) for f, d in apart]
        found.append(off(curves[0] - curves[1] + drift_at(grid), grid))
        tables = []
        for half in (~second, second):
            x, y = whole.positions[half].T
            table = smlm_accessor.set_columns(
                pd.DataFrame({"x": x, "y": y, "frame": whole.frames[half]}),
                unit="nm",
            )
            tables.append(table.smlm.drift(precision=5.0))
        curves = [
            np.stack([np.interp(grid, d["frame"], -c) for c in d["offset"].values.T], axis=1)
            for d in tables
        ]
        alone.append(off(curves[0] - curves[1] + drift_at(grid), grid))
    assert np.mean(found) == pytest.approx(np.mean(alone), rel=0.25)


def test_corrections_differ_by_what_halves_differ_by() -> None:
    """The second half drifts in another way: its correction says so, and that of the first not."""
    whole = scene(2)
    second = whole.positions[:, 0] - drift_at(whole.frames)[:, 0] > 4_000
    slow = 3.0 * np.sin(whole.frames / 1_300)
    positions = whole.positions + np.where(second, slow, 0.0)[:, None]
    observed = observations(
        ChunkedLocalizations(positions, whole.frames, whole.bounds, ("x", "y"), center=np.zeros(2))
    )

    def correction(at: FloatArray, frames: FloatArray) -> FloatArray:
        return at - drift_at(frames)

    corrected = CorrectedBlinks.of(observed, correction(positions, whole.frames), PRECISION)
    second = corrected.positions[:, 0] > 4_000
    halves = corrections_near(correction, observed, corrected, PRECISION, second, 200)
    assert halves is not None
    grid = np.arange(50, FRAMES - 50)
    still = np.zeros((len(grid), 2))
    first, other = (drift_at(grid) + half(still, grid) for half in halves)
    assert np.std(first) < 0.5
    assert np.std(other + 3.0 * np.sin(grid / 1_300)[:, None]) < 0.5


def test_rates_of_the_whole_lead_to_the_same_drift() -> None:
    some = scene(1)
    frames = np.unique(some.frames)
    alone, known = near(some, drift_at(frames), n_windows=200)
    assert known.std.max() < 5.0
    again, _ = near(some, drift_at(frames), n_windows=200, rates=known.rates)
    assert np.std(again - alone) < 0.3 * np.median(known.std)


def test_no_blink_goes_on_through_a_jump() -> None:
    some, rows = scene(3, n_sites=20), np.arange(800)
    observed = observations(replace(some, frames=rows // 4))
    after = np.stack(
        [rows % 4 * 2_000.0, rows // 32 * 500.0], axis=1
    )  # four blinks of eight frames
    whole = CorrectedBlinks.of(observed, after, PRECISION)
    parted = CorrectedBlinks.of(observed, after, PRECISION, np.array([4]))
    assert len(whole.events.frame) == 100
    assert len(parted.events.frame) == 104


def test_background_shows_nothing() -> None:
    rng = np.random.default_rng(1)
    frames = np.sort(rng.integers(0, FRAMES, 300))
    some = ChunkedLocalizations(
        rng.uniform(0, 1e6, (300, 2)), frames, np.array([0, 300]), ("x", "y"), center=np.zeros(2)
    )
    with pytest.raises(NoEvidenceError):
        near(some, np.zeros((len(np.unique(frames)), 2)), 50)
