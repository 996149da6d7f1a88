"""Density, gradient and curvature: both loops against plain numpy, and on known densities."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.sums import (
    N_COMMON_SUMS,
    N_OVERLAP_SUMS,
    common_sums,
    overlap_sums,
)
from smlm_accessor.kernels.density.tiles import sort_into_tiles

PIXELS, HALF, FLOOR, BORDER = 1.5, 4, 1.0, 9
N_FRAMES = 30


def twin(
    y: FloatArray,
    frame: Any,
    weight: FloatArray,
    segment: Any,
    left_out: Any,
    corner: FloatArray,
    width: FloatArray,
    n_segments: int,
) -> FloatArray:
    """The sums of a single tile with everything in it, one localization after the other."""
    d = y.shape[1]
    pixel = width / PIXELS
    sums = np.zeros((n_segments, N_OVERLAP_SUMS))
    u = (y - corner) / pixel
    for i in range(len(y)):
        first = np.floor(u[i] + 0.5).astype(int) - HALF
        image = np.zeros((2 * HALF + 1,) * d)
        for j in range(len(y)):
            if left_out[frame[i], 0] <= frame[j] < left_out[frame[i], 1]:
                continue
            low = np.floor(u[j]).astype(int)
            for step in product((0, 1), repeat=d):
                at = low + step - first
                if (at >= 0).all() and (at < 2 * HALF + 1).all():
                    image[tuple(at)] += weight[j] * np.prod(1 - np.abs(u[j] - low - step))
        axes = [(first[c] + np.arange(2 * HALF + 1) - u[i, c]) / PIXELS for c in range(d)]
        grid = np.meshgrid(*axes, indexing="ij")
        density = image * np.exp(-0.5 * sum(g**2 for g in grid))
        s = density.sum()
        if s <= 0:
            continue
        out, q = sums[segment[frame[i]]], 1 / (FLOOR + s)
        out[0] += weight[i] * s * q
        for c in range(d):
            m = (density * grid[c]).sum() * q
            out[1 + c] += weight[i] * m
            out[4 + c] += weight[i] * ((s - (density * grid[c] ** 2).sum()) * q + m * m)
            out[7 + c] += weight[i] ** 2 * m * m
    return sums


def sample(d: int, seed: int = 0, n: int = 120) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0, 100, (6, d))
    frame = np.sort(rng.integers(N_FRAMES, size=n)).astype(np.int32)
    drift = rng.normal(0, 3, (N_FRAMES, d))
    y = centers[rng.integers(6, size=n)] + rng.normal(0, 4, (n, d))
    index = np.arange(N_FRAMES)
    return {
        "x": y + drift[frame],
        "y": y,
        "frame": frame,
        "weight": rng.uniform(1, 3, n).astype(np.float32),
        "drift": drift,
        "segment": index // 4,
        "left_out": np.stack([np.maximum(index - 2, 0), index + 3], axis=1),
        "width": np.array([5.0, 6.0, 8.0])[:d],
    }


def sums_of(data: dict[str, Any], size: float, change: float = 0.0) -> FloatArray:
    """Sums over all tiles, sorted with a drift that is wrong by ``change``."""
    d = data["x"].shape[1]
    first = data["drift"] + change
    tiles = sort_into_tiles(
        data["x"], data["frame"], data["weight"], first,
        size=np.full(d, size), halo=BORDER * data["width"] / PIXELS,
    )  # fmt: skip
    sums = np.zeros((8, N_OVERLAP_SUMS))
    overlap_sums(
        *(np.arange(len(tiles.corner)), tiles.start, tiles.where, tiles.frame, tiles.weight),
        *(tiles.own, data["drift"] - first, data["segment"], data["left_out"]),
        *(tiles.size, data["width"], PIXELS, HALF, FLOOR, BORDER, sums),
    )
    return sums


@pytest.mark.parametrize("d", [2, 3])
def test_the_loops_agree_with_plain_numpy(d: int) -> None:
    data = sample(d)
    corner = data["y"].min(axis=0)
    names = ("y", "frame", "weight", "segment", "left_out")
    expected = twin(*(data[n] for n in names), corner, data["width"], 8)
    assert (expected[:, [0, 4, 5, 7, 8]] > 0).all()
    low = (data["x"] - data["drift"][data["frame"]]).min(axis=0)
    np.testing.assert_allclose(low, corner)
    found = sums_of_one_tile(data)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3 * np.abs(expected).max())


def sums_of_one_tile(data: dict[str, Any]) -> FloatArray:
    """Sums with a tile that begins where the twin's does."""
    still = {**data, "x": data["y"], "drift": np.zeros_like(data["drift"])}
    return sums_of(still, 1000.0)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("change", [0.0, 4.0])
def test_tiles_do_not_matter(d: int, change: float) -> None:
    data = sample(d)
    one, many = sums_of(data, 1000.0), sums_of(data, 40.0, change)
    # The pixels lie elsewhere: of a kernel of 1.5 pixels, that is a few per cent.
    np.testing.assert_allclose(many, one, rtol=0, atol=0.04 * np.abs(one).max())


def test_nothing_is_left_when_all_frames_are_left_out() -> None:
    data = sample(2)
    data["left_out"] = np.tile([0, N_FRAMES], (N_FRAMES, 1))
    np.testing.assert_allclose(sums_of(data, 1000.0), 0, atol=1e-3)


def test_the_curvature_is_the_rate_of_the_gradient() -> None:
    """Moving all localizations of one segment changes its gradient by curvature times the way."""
    data = sample(2, n=600)
    data["left_out"] = np.stack([np.arange(N_FRAMES) // 4 * 4, np.arange(N_FRAMES) // 4 * 4 + 4], 1)
    way = 0.5
    for axis in (0, 1):
        moved = []
        for sign in (-1, 1):
            drift = data["drift"].copy()
            drift[data["segment"] == 3, axis] -= sign * way
            moved.append(sums_of({**data, "drift": drift}, 1000.0)[3, 1 + axis])
        rate = (moved[0] - moved[1]) / (2 * way / data["width"][axis])
        assert rate == pytest.approx(sums_of(data, 1000.0)[3, 4 + axis], rel=0.05)


# Of two tables in each other's density.

FINE, WIDE_HALF, WIDE_BORDER = 3, 9, 11  # pixels: a fine image, for exact sums


def common(one: FloatArray, other: FloatArray, width: float = 1.0) -> FloatArray:
    both = np.concatenate([one, other])
    d, n = both.shape[1], len(both)
    table = (np.arange(n) >= len(one)).astype(np.int32)
    widths = np.full(d, width)
    tiles = sort_into_tiles(
        both, table, np.ones(n, np.float32), np.zeros((2, d)),
        size=12 * widths, halo=WIDE_BORDER * widths / FINE,
    )  # fmt: skip
    out = np.zeros((len(tiles.corner), N_COMMON_SUMS))
    common_sums(
        *(np.arange(len(out)), tiles.start, tiles.where, tiles.frame, tiles.own, tiles.size),
        *(widths, FINE, WIDE_HALF, WIDE_BORDER, out),
    )
    return np.asarray(out.sum(axis=0))


@pytest.mark.parametrize("d", [2, 3])
def test_a_pair_has_the_gradient_and_the_weight_of_its_kernel(d: int) -> None:
    here, there = np.full((1, d), 5.0), np.full((1, d), 5.0)
    there[0, 0] += 0.8
    kernel = np.exp(-0.5 * 0.8**2)
    found = common(here, there)
    share = kernel / (kernel + 1)
    assert found[0] == pytest.approx(2 * share, rel=0.05)
    assert found[1] == pytest.approx(-2 * 0.8 * share, rel=0.05)  # the second goes back
    np.testing.assert_allclose(found[2 : 1 + d], 0, atol=1e-6)


def test_a_molecule_counts_by_its_information() -> None:
    spot = np.full((1, 2), 5.0)
    found = common(np.repeat(spot, 6, axis=0), np.repeat(spot, 3, axis=0))
    assert found[0] == pytest.approx(2 * 6 * 3 / (6 + 3), rel=0.02)


def test_the_common_curvature_is_the_rate_at_which_the_gradient_falls() -> None:
    rng = np.random.default_rng(1)
    one = rng.uniform(0, 60, (300, 2))
    other = one + rng.normal(0, 0.5, one.shape)
    step = np.array([0.05, 0.0])
    falls = (common(one, other - step)[1] - common(one, other + step)[1]) / 0.1
    assert common(one, other)[4] == pytest.approx(falls, rel=0.2)
