"""The course of a few events from all their pairs, on known drift."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.methods.chunked import ChunkedLocalizations
from smlm_accessor.methods.coarse.from_pairs import from_pairs
from smlm_accessor.methods.coarse.throughout import coarse
from smlm_accessor.methods.coarse.tracker import Coarse

SIGMA = np.array([2.0, 2.0, 3.0])
HOUR = 3600.0


def course(time: FloatArray, size: float, period: float | None) -> FloatArray:
    """Return x, y and z in nm."""
    part = time / HOUR
    if period is None:
        wave = part + 0.3 * np.sin(5 * part)
    else:
        wave = 0.5 * np.sin(2 * np.pi * time / period)
    return size * np.stack([wave, -0.5 * wave, 0.2 * wave], axis=1)


def visits(
    n: int, size: float, period: float | None = None, *, seed: int = 0, again: float = 5.0
) -> tuple[ChunkedLocalizations, FloatArray]:
    """Events of sites, ``again`` of each on average, 80 nm apart; and their drift."""
    rng = np.random.default_rng(seed)
    time = np.sort(rng.uniform(0, HOUR, n))
    sites = rng.uniform(0, 80 * np.sqrt(n / again), (max(int(n / again), 1), 3)) * [1, 1, 0.2]
    site = rng.integers(len(sites), size=n) if again > 1 else np.arange(n)
    drift = course(time, size, period)
    positions = sites[site] + drift + rng.normal(0, 1, (n, 3)) * SIGMA
    frames = np.round(1000 * time).astype(np.int64)
    return ChunkedLocalizations(positions, frames, np.array([0, n]), ("x", "y", "z")), drift


def error(found: Coarse, events: ChunkedLocalizations, drift: FloatArray) -> FloatArray:
    known = np.stack([np.interp(events.frames, found.middle, d) for d in found.drift.T], axis=1)
    return np.asarray(np.std(known - drift, axis=0))


@pytest.mark.parametrize("n", [100, 200])
@pytest.mark.parametrize("size", [0.0, 10.0, 60.0])
def test_a_slow_course_is_found(n: int, size: float) -> None:
    for seed in range(2):
        events, drift = visits(n, size, seed=seed)
        found = from_pairs(events, SIGMA)
        assert found.valid.all()
        assert (error(found, events, drift) < SIGMA).all()


def test_waves_of_minutes_are_found_if_events_allow() -> None:
    events, drift = visits(200, 20.0, 600.0)
    found = from_pairs(events, SIGMA)
    assert (error(found, events, drift) < SIGMA).all()


@pytest.mark.parametrize("period", [200.0, 300.0])
def test_waves_too_fast_for_the_events_are_refused(period: float) -> None:
    """Six to eight events in each; a few tables pass for those of a slow drift."""
    found = [from_pairs(visits(100, 20.0, period, seed=seed)[0], SIGMA) for seed in range(12)]
    assert np.mean([course.valid.any() for course in found]) < 0.2


@pytest.mark.parametrize("n", [40, 100, 200])
def test_sites_that_are_seen_once_tell_nothing(n: int) -> None:
    for seed in range(4):
        events, _ = visits(n, 20.0, seed=seed, again=1.0)
        assert not from_pairs(events, SIGMA).valid.any()


@pytest.mark.parametrize("dark", [0, 6])
def test_blinks_of_molecules_that_are_seen_once_tell_nothing(dark: int) -> None:
    """Their localizations lie on each other with any course, also of an emitter that flickers."""
    for seed in range(6):
        rng = np.random.default_rng(seed)
        long = rng.geometric(1 / 3, 660)
        gaps = [1 + rng.integers(0, dark + 1, n) * (rng.random(n) < 0.3) for n in long]
        begins = rng.integers(0, 20_000, len(long))
        frames = np.concatenate([a + np.cumsum(g) for a, g in zip(begins, gaps, strict=True)])
        where = np.repeat(rng.uniform(0, 10_000, (len(long), 3)) * [1, 1, 0.05], long, axis=0)
        where += rng.normal(0, 1, where.shape) * SIGMA
        order, bounds = np.argsort(frames, kind="stable"), np.array([0, len(frames)])
        events = ChunkedLocalizations(where[order], frames[order], bounds, ("x", "y", "z"))
        assert not from_pairs(events, SIGMA).valid.any()


def test_the_more_likely_course_counts() -> None:
    """Here windows that are followed show rest, and pairs the waves."""
    events, drift = visits(200, 20.0, 400.0, seed=3)
    found = coarse(events, SIGMA, threads=1)
    assert (error(found, events, drift) < 1.5 * SIGMA).all()


def test_many_events_too_few_for_each_wave() -> None:
    """Windows that are followed would have to be shorter than their events allow."""
    for seed in range(2):
        events, drift = visits(6000, 40.0, 150.0, seed=seed)
        assert (error(from_pairs(events, SIGMA), events, drift) < SIGMA).all()


def test_a_drift_over_many_sites_is_found() -> None:
    """It goes five times as far as sites are apart: overlaps are wide at first."""
    events, drift = visits(2000, 400.0, seed=1)
    assert (error(from_pairs(events, SIGMA), events, drift) < SIGMA).all()


def test_a_course_is_not_judged_by_the_blinks_it_was_made_of() -> None:
    """Others of the same blinks lie on each other with a wrong course, too."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        sites, long = rng.uniform(0, 500, (600, 3)) * [1, 1, 0.2], 60
        start = np.repeat(rng.integers(0, 1000 * HOUR, 2 * len(sites)), long)
        frames = start + np.tile(np.arange(long) * 20, 2 * len(sites))
        order = np.argsort(frames, kind="stable")
        site = np.repeat(np.arange(2 * len(sites)) // 2, long)[order]
        drift = course(frames[order] / 1000, 40.0, None)
        positions = sites[site] + drift + rng.normal(0, 1, (len(site), 3)) * SIGMA
        events = ChunkedLocalizations(
            positions, frames[order], np.array([0, len(site)]), ("x", "y", "z")
        )
        assert (error(from_pairs(events, SIGMA), events, drift) < SIGMA).all()


def test_events_in_one_place_are_as_many_as_time_allows() -> None:
    """All events are near each other."""
    rng = np.random.default_rng(0)
    frames = np.sort(rng.integers(0, 10_000, 3000))
    drift = 20 * np.sin(frames / 1000)[:, None] * [1, 0.5, 0]
    events = ChunkedLocalizations(
        drift + rng.normal(0, 1, (3000, 3)) * SIGMA, frames, np.array([0, 3000]), ("x", "y", "z")
    )
    assert (error(from_pairs(events, SIGMA), events, drift) < SIGMA).all()


def test_very_few_are_left_alone() -> None:
    for n in (1, 60):
        events, _ = visits(n, 5.0)
        assert not from_pairs(events, SIGMA).valid.any()
