"""What cc counts of a table: the images of its chunks, the same from any parts."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.images.fixed_counts import STEPS, add_counts
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.cc.reduction import (
    CountedImages,
    add_images,
    count_images,
    plan_images,
)
from smlm_accessor.methods.image_series.pixels import LateralPlan

K = 6


def rows(n: int = 9000) -> tuple[FloatArray, IntArray]:
    """Localizations and their chunks; chunk 3 has none."""
    rng = np.random.default_rng(1)
    sites = rng.uniform(0, 400, (30, 2))
    positions = sites[rng.integers(30, size=n)] + rng.normal(0, 5, (n, 2))
    chunk = np.sort(rng.integers(K, size=n))
    return positions[chunk != 3], chunk[chunk != 3]


@pytest.fixture(scope="module")
def plan() -> LateralPlan:
    positions, chunk = rows()
    bounds = np.searchsorted(chunk, [0, 1, 2, 3])
    n = bounds[-1]
    some = ChunkedLocalizations(positions[:n], chunk[:n], bounds, ("x", "y"))
    found = plan_images(some, n_chunks=K)
    assert found is not None
    return found


def test_the_images_are_those_of_the_localizations_of_each_chunk(plan: LateralPlan) -> None:
    positions, chunk = rows()
    counted = count_images(positions, chunk, plan, None)
    assert counted is not None
    assert sorted(counted.of_chunk) == [0, 1, 2, 4, 5]
    for k in range(K):
        own = positions[chunk == k]
        image = np.zeros((1, *plan.grid.bins), np.uint32)
        add_counts(own, np.zeros(len(own), np.int64), plan.grid, image)
        np.testing.assert_array_equal(counted.of(k, plan.grid.bins), image[0] / STEPS**2)
        assert counted.of(k, plan.grid.bins).dtype == np.float32


@pytest.mark.parametrize("seed", range(3))
def test_parts_in_any_order_add_up_to_the_same(seed: int, plan: LateralPlan) -> None:
    positions, chunk = rows()
    expected = count_images(positions, chunk, plan, None)
    assert expected is not None
    order = np.random.default_rng(seed).permutation(len(chunk))
    parts: list[CountedImages | None] = []
    for part in np.array_split(order, 4):
        counted = None
        for block in np.array_split(part, 3):  # blocks of a part are added in place
            counted = count_images(positions[block], chunk[block], plan, counted)
        parts.append(counted)
    parts.append(count_images(positions[:0], chunk[:0], plan, None))
    found = add_images(parts)
    assert found is not None
    for k in range(K):
        np.testing.assert_array_equal(found.of(k, plan.grid.bins), expected.of(k, plan.grid.bins))


def test_images_are_sent_without_the_room_for_more(plan: LateralPlan) -> None:
    counted = count_images(*rows(), plan, None)
    assert counted is not None
    assert counted.room is not None
    assert len(counted.room) > len(counted.of_chunk)
    sent = pickle.loads(pickle.dumps(counted))
    assert sent.room is None
    for k in range(K):
        found, expected = sent.of(k, plan.grid.bins), counted.of(k, plan.grid.bins)
        np.testing.assert_array_equal(found, expected)


def test_more_chunks_have_smaller_images(plan: LateralPlan) -> None:
    positions, _ = rows()
    some = ChunkedLocalizations(
        positions, np.arange(len(positions)), np.array([0, 900]), ("x", "y")
    )
    many = plan_images(some, n_chunks=5000, smoothing=1.0)
    assert many is not None
    assert np.prod(many.grid.bins) * 5000 <= 2**26


def test_a_field_without_extent_has_no_images() -> None:
    spot = np.full((50, 2), 3.0)
    some = ChunkedLocalizations(spot, np.arange(50), np.array([0, 25, 50]), ("x", "y"))
    plan = plan_images(some, n_chunks=2)
    assert plan is None
    assert count_images(spot, np.zeros(50, np.int64), plan, None) is None
    assert add_images([None, None]) is None
