"""Samples of whole frames."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.frames.sample import whole_frames


def test_few_are_all_taken() -> None:
    assert whole_frames(np.arange(10), 10).all()
    assert whole_frames(np.empty(0, dtype=np.int64), 10).shape == (0,)


@pytest.mark.parametrize("per_frame", [1, 3, 50])
def test_frames_are_whole_and_no_more_than_one_too_many(per_frame: int) -> None:
    frames = np.random.default_rng(0).permutation(np.repeat(np.arange(-200, 800), per_frame))
    chosen = whole_frames(frames, 100)
    assert 100 <= chosen.sum() < 100 + per_frame
    assert not set(frames[chosen]) & set(frames[~chosen])


def test_the_order_of_the_rows_does_not_matter() -> None:
    frames = np.repeat(np.arange(1000), 3)
    order = np.random.default_rng(1).permutation(len(frames))
    np.testing.assert_array_equal(
        whole_frames(frames, 300)[order], whole_frames(frames[order], 300)
    )


@pytest.mark.parametrize("period", [2, 3, 4, 5, 8, 10, 16, 100])
def test_no_period_is_preferred(period: int) -> None:
    frames = np.arange(50_000)
    phase = frames[whole_frames(frames, 10_000)] % period
    counts = np.bincount(phase, minlength=period)
    expected = 10_000 / period
    assert np.abs(counts - expected).max() < 5 * np.sqrt(expected)
