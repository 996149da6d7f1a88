"""Traces merged into events, on traces of known molecules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor.methods import registry
from smlm_accessor.methods.chunked import ChunkedLocalizations
from smlm_accessor.methods.traces import observations, repeat_distance


def traces(
    unit: float, *, visits: int = 600, chunks: int = 1, seed: int = 0, known: bool = False
) -> ChunkedLocalizations:
    """Visits of 30 localizations, 60 ms apart, precision 2.5; times in units of so many seconds."""
    rng = np.random.default_rng(seed)
    n = rng.geometric(1 / 30, visits)
    times = np.repeat(rng.uniform(0, 9000, visits), n)
    times += np.concatenate([0.06 * np.arange(k) for k in n])
    positions = np.repeat(rng.uniform(0, 1500, (visits, 2)), n, axis=0)
    positions += rng.normal(0, 2.5, positions.shape)
    trace = np.repeat(rng.permutation(visits), n) if known else None
    order = np.argsort(times)
    frames = np.round(times[order] / unit).astype(np.int64)
    bounds = np.linspace(0, len(frames), chunks + 1).astype(np.int64)
    bounds[1:-1] = np.searchsorted(frames, frames[bounds[1:-1]])
    return ChunkedLocalizations(
        positions[order], frames, bounds, ("x", "y"), trace=None if trace is None else trace[order]
    )


@pytest.mark.parametrize("unit", [1.0, 0.001])
def test_a_visit_is_an_event(unit: float) -> None:
    found = observations(traces(unit))
    assert found.precision is not None
    np.testing.assert_allclose(found.precision, 2.5, rtol=0.05)
    assert 0.97 * 600 < len(found.localizations.frames) < 1.03 * 600
    if unit < 1:
        assert found.counts[0].unit == 60


@pytest.mark.parametrize("unit", [1.0, 0.001])
def test_events_stay_in_their_chunks(unit: float) -> None:
    localizations = traces(unit, chunks=5)
    found = observations(localizations)
    events = found.localizations
    assert events.bounds[-1] == len(events.frames)
    frames = found.frame(events.frames)
    for k in range(5):
        inside = localizations.frames[localizations.rows(k)]
        of_chunk = frames[events.rows(k)]
        # A number begins with its first frame, which may be a few before that of a localization.
        assert of_chunk.min() >= inside[0] - found.unit
        assert of_chunk.max() <= inside[-1]


@pytest.mark.parametrize("unit", [1.0, 0.06, 0.001])
@pytest.mark.parametrize("chunks", [1, 5])
def test_a_trace_that_is_known_is_an_event(unit: float, chunks: int) -> None:
    """Exactly, whatever the clock: also where one of a visit is as near as the next visit."""
    localizations = traces(unit, chunks=chunks, known=True)
    found = observations(localizations)
    assert found.precision is not None
    np.testing.assert_allclose(found.precision, 2.5, rtol=0.02)
    trace = localizations.trace
    assert trace is not None
    chunk = np.repeat(np.arange(chunks), localizations.counts)
    whole = np.unique(np.stack([trace, chunk], axis=1), axis=0)
    events = found.localizations
    # A trace that lasts more than a 500th of the table is several events.
    assert len(whole) <= len(events.frames) < 1.02 * len(whole)
    mean = [localizations.positions[(trace == k) & (chunk == c)].mean(axis=0) for k, c in whole]
    for k in range(chunks):
        of_chunk = events.positions[events.rows(k)]
        truth = np.array(mean)[whole[:, 1] == k]
        same = (of_chunk[:, None] == truth[None]).all(axis=2)
        near = (np.abs(of_chunk[:, None] - truth[None]) < 1e-9).all(axis=2)
        assert same.any() or near.any()
        assert near.any(axis=0).mean() > 0.97


@pytest.mark.parametrize("order", ["in a row", "at random"])
def test_an_event_counts_by_the_number_and_the_spread_of_its_localizations(order: str) -> None:
    """Visits differ by 2 nm beside 2.5 / sqrt(n); in a row, they show how much."""
    rng = np.random.default_rng(4)
    visits, n = 4000, rng.geometric(1 / 10, 4000)
    site = np.arange(visits) // 10 if order == "in a row" else rng.integers(400, size=visits)
    centre = rng.uniform(0, 3000, (400, 2))[site] + rng.normal(0, 2, (visits, 2))
    positions = np.repeat(centre, n, axis=0) + rng.normal(0, 2.5, (n.sum(), 2))
    localizations = ChunkedLocalizations(
        *(positions, 10 * np.repeat(np.arange(visits), n), np.array([0, n.sum()]), ("x", "y")),
        trace=np.repeat(np.arange(visits), n),
    )
    events = observations(localizations).localizations
    assert events.uncertainty is not None
    assert events.trace is None
    found, truth = np.sort(events.uncertainty[:, 0]), np.sqrt(4 + 6.25 / np.sort(n)[::-1])
    assert 0.98 < (found / truth).mean() < (1.06 if order == "in a row" else 1.3)
    assert np.std(found / truth) < 0.06


def test_traces_of_one_localization_each_stay_as_they_are() -> None:
    one = traces(1.0, known=True)
    one = replace(one, trace=np.arange(len(one.frames)))
    found = observations(one)
    assert found.precision is None
    np.testing.assert_array_equal(found.localizations.positions, one.positions)


@pytest.mark.parametrize(("images", "length"), [(2000, 3), (30_000, 8)])
def test_blinks_of_a_camera_are_not_merged(images: int, length: int) -> None:
    rng = np.random.default_rng(2)
    frames = np.repeat(np.sort(rng.integers(0, images, 1000)), length)
    frames += np.tile(range(length), 1000)
    positions = rng.uniform(0, 3000, (1000, 2)).repeat(length, axis=0)
    positions += rng.normal(0, 5, positions.shape)
    order = np.argsort(frames, kind="stable")
    localizations = ChunkedLocalizations(
        positions[order], frames[order], np.array([0, len(frames)]), ("x", "y")
    )
    found = observations(localizations)
    np.testing.assert_array_equal(found.localizations.positions, localizations.positions)
    assert found.precision is None


def test_dense_clusters_do_not_repeat_in_frames() -> None:
    """Molecules of a cluster are near each other in a frame, and so are those of other frames."""
    rng = np.random.default_rng(3)
    places = rng.uniform(0, 1000, (30, 2))[rng.integers(30, size=20_000)]
    positions = places + rng.normal(0, 10, places.shape)
    assert repeat_distance(positions, np.repeat(np.arange(1000), 20)) is None


@pytest.mark.parametrize("unit", [1.0, 0.001])
@pytest.mark.parametrize(("method", "chunks"), [("icp", 8), ("rcc", 1)])
def test_visits_that_never_come_back_show_no_drift(method: str, chunks: int, unit: float) -> None:
    """Every emitter is seen once: no chunk but the one that others lie on is valid."""
    for seed in range(2):
        found = registry.get(method).run(traces(unit, chunks=chunks, seed=seed), threads=1)
        assert not found.valid[1:].any()
        assert found.reason
