"""Samples of many localizations: their size, and that they depend on the localizations alone."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.methods.chunked import ChunkedLocalizations
from smlm_accessor.methods.coarse.sampling import sampled
from tests import scenes

SCENE = scenes.visits(scenes.sites(), n=40_000, n_frames=500)


@pytest.mark.parametrize("size", [1_000, 10_000])
def test_about_so_many_are_taken_from_all_frames_and_places(size: int) -> None:
    positions, frames = sampled(SCENE.chunked(), size)
    assert abs(len(frames) - size) < 5 * np.sqrt(size)
    for values, every in (
        (frames, SCENE.frames),
        *zip(positions.T, SCENE.positions.T, strict=True),
    ):
        quarters = np.quantile(every, [0.25, 0.5, 0.75])
        shares = np.bincount(np.searchsorted(quarters, values), minlength=4) / len(values)
        assert np.abs(shares - 0.25).max() < 5 * np.sqrt(0.19 / size) + 0.005


def test_few_are_taken_as_they_are_in_order() -> None:
    positions, frames = sampled(SCENE.chunked(), 40_000)
    assert len(frames) == 40_000
    order = np.lexsort((positions[:, 1], positions[:, 0], frames))
    np.testing.assert_array_equal(order, np.arange(40_000))


def test_the_order_of_rows_does_not_matter() -> None:
    """Within a frame it may be any."""
    rows = np.random.default_rng(1).permutation(40_000)
    rows = rows[np.argsort(SCENE.frames[rows], kind="stable")]
    mixed = ChunkedLocalizations(
        SCENE.positions[rows], SCENE.frames[rows], np.array([0, 40_000]), ("x", "y")
    )
    for one, other in zip(sampled(SCENE.chunked(), 5_000), sampled(mixed, 5_000), strict=True):
        np.testing.assert_array_equal(one, other)
