"""Rough shifts of many tables from pairs."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import FloatArray
from smlm_accessor.alignment.pair_network import rough_shifts

SIGMA = 10.0


def seen(rng: np.random.Generator, sites: FloatArray) -> FloatArray:
    return np.asarray(np.repeat(sites, 4, axis=0) + rng.normal(0, SIGMA, (4 * len(sites), 2)))


def test_shifts_are_found_to_a_precision() -> None:
    rng = np.random.default_rng(1)
    sites, true = rng.uniform(0, 10_000, (400, 2)), rng.uniform(-2000, 2000, (4, 2))
    found = rough_shifts(
        [seen(rng, sites) + by for by in true],
        np.full(2, SIGMA),
        max_shift=None,
        progress=False,
    )
    error = found.shift + true
    assert (np.abs(error - error.mean(axis=0)) < 1.5 * SIGMA).all()
    assert found.compared.sum() == 12
    assert not found.left_out.any()
    assert found.reach <= 6 * SIGMA


def test_tiles_beside_each_other_are_compared_where_they_overlap() -> None:
    rng = np.random.default_rng(2)
    sites = rng.uniform(0, (28_000, 10_000), (3000, 2))
    stage = np.array([[0.0, 0], [120, -80], [-60, 150]])
    tiles = []
    for k, by in enumerate(stage):
        inside = (sites[:, 0] >= 9000 * k) & (sites[:, 0] < 9000 * k + 10_000)
        tiles.append(seen(rng, sites[inside]) + by)
    found = rough_shifts(tiles, np.full(2, SIGMA), max_shift=None, progress=False)
    assert found.compared.sum() == 4  # the first and the last do not touch
    error = found.shift + stage
    assert (np.abs(error - error.mean(axis=0)) < 2 * SIGMA).all()


def test_unrelated_tables_are_not_connected() -> None:
    rng = np.random.default_rng(3)
    tables = [seen(rng, rng.uniform(0, 10_000, (400, 2))) for _ in range(3)]
    found = rough_shifts(tables, np.full(2, SIGMA), max_shift=None, progress=False)
    assert np.isnan(found.shift).all()
