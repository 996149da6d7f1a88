"""What is known beforehand, on windows whose drift is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from smlm_accessor.kernels.frames.count import FrameCount
from smlm_accessor.methods.chunked import PriorDrift
from smlm_accessor.methods.overlap.prior.knots import Prior, short_windows, trends_of
from smlm_accessor.timeline import Timeline

NO_RATES = np.zeros((3, 2))

NO_JUMPS = np.empty(0, dtype=np.int64)


def beforehand(frames: np.ndarray, drift: np.ndarray, std: float = 1.0) -> PriorDrift:
    return PriorDrift(
        frames, drift, NO_JUMPS, np.full(drift.shape, std**2), np.zeros((3, drift.shape[1]))
    )


def test_steps_and_variances_of_windows() -> None:
    """Each window has the weighted mean of what is known in it; others have none."""
    timeline = Timeline.of(np.arange(40))
    known = beforehand(np.array([0, 4, 12, 99]), np.array([[1.0], [3.0], [8.0], [50.0]]))
    known.variance[1] = 3.0
    prior = Prior.of(known, timeline)
    assert prior is not None
    step, variance = prior.on(timeline.regular(10), np.full((40, 1), 0.5))
    np.testing.assert_allclose(step[:2, 0], [(0.5 + 2.5 / 3) / (4 / 3), 7.5])
    np.testing.assert_allclose(variance[:, 0], [0.75, 1.0, np.inf, np.inf])
    assert np.flatnonzero(prior.spanned(timeline)).tolist() == list(range(19))
    assert Prior.of(None, timeline) is None


def test_frames_counted_in_another_way_are_averaged() -> None:
    known = beforehand(np.array([100, 110, 150]), np.array([[2.0, 0], [4.0, 0], [9.0, 0]]))
    count = FrameCount.of(np.array([100, 150, 300]), NO_RATES)
    found = known.counted(count)
    assert found.frames.tolist() == [0, 1]
    np.testing.assert_allclose(found.drift[:, 0], [3.0, 9.0])
    np.testing.assert_allclose(found.variance[:, 0], [0.5, 1.0])
    assert found.along([1]).drift.tolist() == [[0.0], [0.0]]


def test_a_gap_in_a_given_chunk_is_of_another_drift() -> None:
    frames = np.concatenate([np.arange(20), np.arange(90, 110)])
    timeline = Timeline.of(frames).including(np.arange(0, 110, 5))
    prior = Prior.of(beforehand(np.arange(0, 110, 5), np.zeros((22, 2))), timeline)
    assert prior is not None
    kept = prior.near_localizations(timeline.cut(np.array([0, 100, 110])))
    assert timeline.frames[kept.at].tolist() == [0, 5, 10, 15, 90, 95, 100, 105]
    # An empty chunk has no localizations that contradict it.
    kept = prior.near_localizations(timeline.cut(np.array([0, 20, 90, 110])))
    assert len(kept.at) == 22


def test_the_trend_of_a_noisy_log() -> None:
    rng, n = np.random.default_rng(1), 4000
    curve = np.cumsum(rng.normal(0, 0.2, (n, 2)), axis=0)
    at = np.arange(0, n, 10)
    timeline = Timeline.of(np.arange(n))
    prior = Prior.of(beforehand(at, curve[at] + rng.normal(0, 4, (len(at), 2)), 4.0), timeline)
    assert prior is not None
    windows = short_windows(timeline)
    level, std = trends_of(prior, windows)
    away = level - windows.mean(curve)
    assert np.sqrt(np.mean(((away - away.mean(axis=0)) / std) ** 2)) == pytest.approx(1, abs=0.25)
    assert np.std(away) < 2


def test_a_note_names_axes_and_numbers() -> None:
    prior = Prior.of(beforehand(np.arange(4), np.zeros((4, 2))), Timeline.of(np.arange(4)))
    assert prior is not None
    assert prior.note(("x", "y")) == ""
    found, expected = np.array([0.0, 12.345]), np.array([0.0, 2.0])
    worse = replace(prior, factor=np.array([1.0, 36.0]), found=found, expected=expected)
    note = worse.note(("x", "y"))
    assert "along y: they differ by 12.3 " in note
    assert "let expect 2." in note
    assert "taken 6 times as large" in note
