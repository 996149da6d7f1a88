"""Cross-correlation: what the contract does not ask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from skimage.registration import phase_cross_correlation

from smlm_accessor import simulate_thomas
from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import InvalidChunkWarning, OptionError
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.cc.method import cc

CLATHRIN = Path(__file__).parents[3] / "shared" / "data" / "clathrin_3d.parquet"


def chunked(chunks: list[FloatArray]) -> ChunkedLocalizations:
    positions = np.concatenate(chunks)
    bounds = np.concatenate([[0], np.cumsum([len(c) for c in chunks])])
    axes = ("x", "y", "z")[: positions.shape[1]]
    return ChunkedLocalizations(positions, np.arange(len(positions)), bounds, axes)


def clusters(
    shifts: FloatArray, *, n: int = 2000, std: float = 8, seed: int = 0
) -> ChunkedLocalizations:
    """Chunks of localizations of the same 60 clusters, each chunk shifted."""
    rng = np.random.default_rng(seed)
    d = shifts.shape[1]
    centers = rng.uniform(-500, 500, (60, d)) * [1, 1, 0.4][:d]
    return chunked([centers[rng.integers(60, size=n)] + rng.normal(s, std, (n, d)) for s in shifts])


@pytest.mark.parametrize("target", ["first", "previous", "all"])
def test_normalised_errors_are_of_unit_size(target: str) -> None:
    shifts = np.outer(np.arange(5), [7.0, -4.0])
    errors = []
    for seed in range(25):
        found = cc(clusters(shifts, n=800, seed=seed), target=target)
        assert found.valid.all()
        assert found.offset_std is not None
        steps = np.diff(found.offset + shifts, axis=0)
        std = np.sqrt(found.offset_std[1:] ** 2 + found.offset_std[:-1] ** 2)
        if target == "first":
            steps, std = steps[1:], std[1:]  # with the first image itself, 0 and its own std
        errors.append(steps / std)
    assert 0.8 < np.std(errors) < 1.25


def test_the_tutorial_to_a_tenth_of_its_cluster_noise() -> None:
    locs = simulate_thomas(seed=3)
    xy = locs[["position_x", "position_y"]].to_numpy() - 500
    cuts = np.array_split(np.arange(len(xy)), 10)
    shifts = np.outer(np.arange(10), [6.6, 3.3])
    found = cc(chunked([xy[rows] + s for rows, s in zip(cuts, shifts, strict=True)]))
    error = found.offset + shifts
    assert np.all(np.std(error, axis=0) < 0.2)


def test_previous_is_not_first() -> None:
    """Every chunk shows some clusters of its neighbour, and none of the first but its own."""
    rng = np.random.default_rng(1)
    centers = rng.uniform(-500, 500, (120, 2))
    chunks = []
    for k in range(4):
        shown = centers[30 * k : 30 * k + 60] if k < 3 else centers[[*range(90, 120), *range(30)]]
        chunks.append(
            shown[rng.integers(len(shown), size=3000)] + rng.normal(5.0 * k, 6, (3000, 2))
        )
    found = cc(chunked(chunks[:3]), target="previous")
    np.testing.assert_allclose(found.offset, -5.0 * np.arange(3)[:, None] * [1, 1], atol=1.5)
    assert not cc(chunked(chunks[:3]), target="first").valid[2]


@pytest.mark.parametrize("shift", [650.0, -800.0])
def test_a_shift_beyond_the_range_does_not_wrap(shift: float) -> None:
    found = cc(clusters(np.array([[0.0, 0.0], [shift, 0.0]])))
    right = np.allclose(found.offset[1], [-shift, 0], atol=2)
    assert right or not found.valid[1]


def test_background_under_a_fixed_field_does_not_pull_to_zero() -> None:
    rng = np.random.default_rng(2)
    chunks = []
    for k in range(4):
        signal = clusters(np.array([[20.0 * k, 10.0 * k]]), n=3000, seed=5).positions
        background = rng.uniform(-550, 550, (3000, 2))
        inside = np.abs(signal).max(axis=1) < 550
        # In any order: a chunk of which the second half lies elsewhere would not be valid.
        chunks.append(rng.permutation(np.concatenate([signal[inside], background])))
    found = cc(chunked(chunks))
    np.testing.assert_allclose(found.offset, -np.outer(np.arange(4), [20, 10]), atol=1.0)


def test_unrelated_images_are_not_registered() -> None:
    rng = np.random.default_rng(3)
    for n in (50, 500, 5000):
        found = cc(chunked([rng.uniform(-500, 500, (n, 2)) for _ in range(4)]))
        assert not found.valid[1:].any()
        assert np.isnan(found.offset[1:]).all()


def test_three_dimensions() -> None:
    shifts = np.outer(np.arange(4), [6.0, -3.0, 9.0])
    found = cc(clusters(shifts, n=4000))
    np.testing.assert_allclose(found.offset, -shifts, atol=1.0)
    flat = clusters(shifts, n=4000).positions * [1, 1, 0]
    level = cc(chunked(np.split(flat, 4)))
    assert level.valid.all()
    np.testing.assert_array_equal(level.offset[:, 2], 0)


def test_whole_bins() -> None:
    points = clusters(np.array([[0.0, 0.0], [13.0, 4.0]]))
    found = cc(points, subpixel=False, bin_size=5.0)
    np.testing.assert_array_equal(found.offset[1], [-15, -5])


def test_agrees_with_the_upsampled_transform() -> None:
    shift = np.array([7.3, -4.1])
    points = clusters(np.array([[0.0, 0.0], shift]), n=20_000, std=15)
    images = [
        np.histogram2d(*points.chunk(i).T, bins=300, range=[[-750, 750]] * 2)[0] for i in (0, 1)
    ]
    theirs = phase_cross_correlation(*images[::-1], upsample_factor=50, normalization=None)[0] * (
        1500 / 300
    )
    ours = -cc(points).offset[1]
    np.testing.assert_allclose(ours, theirs, atol=1.0)
    np.testing.assert_allclose(ours, shift, atol=0.7)


def test_a_small_range_in_a_large_field() -> None:
    points = clusters(np.array([[0.0, 0.0], [12.0, 9.0], [24.0, 18.0]]))
    found = cc(points, max_shift=40.0)
    np.testing.assert_allclose(found.offset[:, 0], [0, -12, -24], atol=1.0)


def test_too_fine_pixels_name_the_finest() -> None:
    with pytest.raises(OptionError, match="use at least"):
        cc(clusters(np.zeros((2, 2))), bin_size=1e-4)


@pytest.mark.skipif(not CLATHRIN.is_file(), reason="needs the shared data")
def test_chunks_here_and_there_in_the_field_are_chance() -> None:
    table = pd.read_parquet(CLATHRIN)
    with pytest.warns(InvalidChunkWarning, match="which is chance: of long blinks"):
        drift = table.smlm.drift(method="cc")
    assert not drift["valid"].any()
    assert np.abs(table.smlm.drift(method="cc", n_chunks=5).smlm.drift()).max() < 30
