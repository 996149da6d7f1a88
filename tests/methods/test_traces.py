"""Traces merged into events, on traces of known molecules."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.methods import registry
from smlm_accessor.methods.chunked import ChunkedLocalizations
from smlm_accessor.methods.traces import observations, repeat_distance


def traces(
    unit: float, *, visits: int = 600, chunks: int = 1, seed: int = 0
) -> ChunkedLocalizations:
    """Visits of 30 localizations, 60 ms apart, precision 2.5; times in units of so many seconds."""
    rng = np.random.default_rng(seed)
    n = rng.geometric(1 / 30, visits)
    times = np.repeat(rng.uniform(0, 9000, visits), n)
    times += np.concatenate([0.06 * np.arange(k) for k in n])
    positions = np.repeat(rng.uniform(0, 1500, (visits, 2)), n, axis=0)
    positions += rng.normal(0, 2.5, positions.shape)
    order = np.argsort(times)
    frames = np.round(times[order] / unit).astype(np.int64)
    bounds = np.linspace(0, len(frames), chunks + 1).astype(np.int64)
    bounds[1:-1] = np.searchsorted(frames, frames[bounds[1:-1]])
    return ChunkedLocalizations(positions[order], frames, bounds, ("x", "y"))


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
