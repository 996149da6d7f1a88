"""Sums over close pairs of localizations, beside sums over all pairs in plain numpy."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import map_threads
from smlm_accessor.kernels.correlation.pair_sums import (
    PairSums,
    pair_sums,
    sort_into_layers,
    split_mix,
)


def twin(points: FloatArray, segment: IntArray, k: int) -> PairSums:
    """The same by broadcasting."""
    d = points.shape[1]
    u = points[:, None] - points
    t = np.maximum(1 - (u**2).sum(axis=2), 0.0)
    t[segment[:, None] == segment] = 0.0
    t[(segment < 0)[:, None] | (segment < 0)] = 0.0
    slope = -8 * t[..., None] ** 3 * u
    curvature = 8 * t[..., None] ** 3 - 48 * t[..., None] ** 2 * u**2
    member = (segment[:, None] == np.arange(k)).astype(float)
    return PairSums(
        overlap=member.T @ t**4 @ member,
        slope=np.stack([member.T @ slope[..., c] @ member for c in range(d)]),
        curvature=member.T @ curvature.sum(axis=1),
        squares=member.T @ slope.sum(axis=1) ** 2,
        pair_squares=member.T @ (slope**2).sum(axis=1),
        by_block=member.T[:, None] @ slope.sum(axis=1),
    )


@pytest.mark.parametrize("d", [1, 2, 3])
def test_agrees_with_numpy(d: int) -> None:
    rng = np.random.default_rng(d)
    points = rng.uniform(-3, 4, (400, d))
    segment = rng.integers(-1, 5, 400)
    layers = sort_into_layers(points, np.zeros(400, int), np.inf)
    blocks = rng.integers(3, size=400)
    sums = pair_sums(points, segment, 5, layers, blocks=blocks)
    for ours, theirs in zip(sums[:5], twin(points, segment, 5)[:5], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(sums.by_block.sum(axis=1), sums.slope.sum(axis=2).T, atol=1e-9)
    # Of one place, as of its localizations among all.
    alone = np.where(blocks == 2, segment, segment + 5 * (segment >= 0))
    among = pair_sums(points, alone, 10, layers).slope
    others = among[:, :5].sum(axis=2) - np.array([[a[k, k + 5] for k in range(5)] for a in among])
    np.testing.assert_allclose(sums.by_block[:, 2], others.T, atol=1e-9)


def test_a_large_field_with_few_localizations() -> None:
    rng = np.random.default_rng(1)
    points = np.concatenate([rng.uniform(0, 1e6, (50, 2)), rng.uniform(5e5, 5e5 + 2, (50, 2))])
    segment = np.arange(100) % 2
    layers = sort_into_layers(points, np.zeros(100, int), np.inf)
    ours, theirs = pair_sums(points, segment, 2, layers), twin(points, segment, 2)
    np.testing.assert_allclose(ours.overlap, theirs.overlap, rtol=1e-6)


def test_threads_do_not_matter() -> None:
    rng = np.random.default_rng(2)
    points, segment = rng.uniform(0, 20, (3000, 2)), rng.integers(0, 7, 3000)
    layers = sort_into_layers(points, split_mix(np.arange(3000)), 5.0)
    one = pair_sums(points, segment, 7, layers)
    two = pair_sums(points, segment, 7, layers, run=lambda f, x: map_threads(f, x, threads=2))
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a, b)


def test_layers_thin_pairs_evenly() -> None:
    """With about a quarter of the partners, a quarter of the overlap; none with other bits."""
    rng = np.random.default_rng(3)
    n = 8000
    points, segment = rng.uniform(0, 10, (n, 2)), rng.integers(0, 2, n)
    group = split_mix(np.arange(n))
    all_pairs = pair_sums(points, segment, 2, sort_into_layers(points, group, np.inf))
    layers = sort_into_layers(points, group, 80.0)  # of 251
    assert len(np.unique(layers.cells // np.prod(layers.shape))) == 4
    some = pair_sums(points, segment, 2, layers)
    assert some.overlap.sum() == pytest.approx(all_pairs.overlap.sum() / 4, rel=0.05)


def test_only_dense_places_are_thinned() -> None:
    rng = np.random.default_rng(4)
    sparse = rng.uniform(0, 100, (2000, 2))
    dense = rng.uniform(900, 902, (4000, 2))
    points = np.concatenate([sparse, dense])
    segment = rng.integers(0, 2, 6000)
    layers = sort_into_layers(points, split_mix(np.arange(6000)), 20.0)
    out = np.where(np.arange(6000) < 2000, segment, -1)
    np.testing.assert_allclose(
        pair_sums(points, out, 2, layers).overlap, twin(sparse, segment[:2000], 2).overlap
    )


def test_nothing() -> None:
    layers = sort_into_layers(np.zeros((0, 2)), np.zeros(0, int), 5.0)
    sums = pair_sums(np.zeros((0, 2)), np.zeros(0, int), 3, layers)
    assert not sums.overlap.any()
