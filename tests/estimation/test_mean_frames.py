"""Offsets at the mean frames of chunks, on drift that is a straight line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.estimation.mean_frames import at_mean_frames
from smlm_accessor.methods.api import ChunkedLocalizations, Registered
from smlm_accessor.timeline import Timeline

SLOPE = np.array([0.3, -0.1])
EDGES = np.array([0, 100, 200, 300, 400])


def registered(frame: FloatArray, *, told: bool, valid: IntArray | None = None) -> Registered:
    """A straight line at these frames."""
    offset = frame[:, None] * SLOPE
    use = np.ones(len(frame), dtype=bool) if valid is None else np.isin(np.arange(4), valid)
    offset[~use] = np.nan
    return Registered(offset, np.ones(len(frame)), use, frame=frame if told else None)


@pytest.mark.parametrize("told", [True, False])
def test_a_line_goes_on_through_the_mean_frames(told: bool) -> None:
    rng = np.random.default_rng(0)
    frames = np.sort(rng.integers(0, 400, 3000))
    some = np.sort(rng.choice(frames, 60, replace=False))
    chunks, seen = Timeline.of(frames).cut(EDGES), Timeline.of(some).cut(EDGES).mean_frame
    used = frames if told else some
    localizations = ChunkedLocalizations(
        np.zeros((len(used), 2)), used, np.array([0, len(used)]), ("x", "y")
    )
    found = at_mean_frames(registered(seen, told=told), localizations, chunks, np.zeros(4, int))
    assert np.abs(chunks.mean_frame - seen).max() > 1
    np.testing.assert_allclose(found.offset, chunks.mean_frame[:, None] * SLOPE, atol=1e-9)


def test_slopes_end_at_jumps_and_at_chunks_that_are_not_valid() -> None:
    frames = np.arange(400)
    chunks = Timeline.of(frames).cut(EDGES)
    localizations = ChunkedLocalizations(np.zeros((400, 2)), frames, np.array([0, 400]), ("x", "y"))
    one = registered(chunks.mean_frame - 5, told=True, valid=np.array([0, 2, 3]))
    found = at_mean_frames(one, localizations, chunks, np.array([0, 0, 1, 1]))
    # The first chunk has no other in its segment.
    np.testing.assert_allclose(found.offset[0], one.offset[0])
    np.testing.assert_allclose(found.offset[2:], chunks.mean_frame[2:, None] * SLOPE)
    assert np.isnan(found.offset[1]).all()


def test_a_table_of_traces_that_moves_fast() -> None:
    """Chunks are long beside how far the sample moves in them, and traces differ in length."""
    rng = np.random.default_rng(1)
    visits, lengths = 3000, rng.geometric(1 / 12, 3000)
    frames = np.repeat(rng.integers(0, 5000, visits), lengths)
    frames += np.concatenate([np.arange(n) for n in lengths])
    still = rng.uniform(0, 20_000, (200, 2))[np.repeat(rng.integers(0, 200, visits), lengths)]
    # Two rows in a frame: this tells a table of traces.
    frames, still = np.repeat(frames, 2), np.repeat(still, 2, axis=0)
    positions = still + frames[:, None] * SLOPE + rng.normal(0, 3, still.shape)
    table = pd.DataFrame({"frame": frames, "x": positions[:, 0], "y": positions[:, 1]})
    drift = table.smlm.drift(method="overlap")
    assert "event_precision" in drift.attrs["parameters"]
    offset, frame = drift["offset"].to_numpy(), drift["frame"].to_numpy()
    away = offset + frame[:, None] * SLOPE
    away -= np.average(away, axis=0, weights=drift["n_localizations"])
    assert np.sqrt(np.mean((away / drift["offset_std"].to_numpy()) ** 2)) < 1.5
