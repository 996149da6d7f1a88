"""Sums over pairs of tables, against sums that are written out, and their own differences."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.cells import sort_into_cells
from smlm_accessor.kernels.density.pair_loops import _END, _POWER, CUT
from smlm_accessor.kernels.density.table_loops import table_sums

K = 3


class Sums(NamedTuple):
    force: FloatArray
    curvature: FloatArray
    responsibility: FloatArray
    slope: FloatArray


def sums(
    positions: FloatArray,
    variance: FloatArray,
    table: FloatArray,
    *,
    floor: float = 0.1,
    share: FloatArray | None = None,
    upper: float = 1e9,
) -> Sums:
    """Return the sums of all groups; nothing is sampled."""
    d = positions.shape[1]
    cells = sort_into_cells(positions, float(np.sqrt(CUT * 2 * variance.max())), 10**9)
    order = cells.order
    where = np.ascontiguousarray(positions[order].T, dtype=np.float32)
    v = np.ascontiguousarray(np.broadcast_to(variance[order], where.shape), dtype=np.float32)
    t = table[order].astype(np.int32)
    out = [np.zeros((1, K, K, d)), np.zeros((1, K, K, d)), np.zeros((1, K, K)), np.zeros((K, K, d))]
    limits = np.full((K, 2), -1e9), np.full((K, 2), upper)
    table_sums(
        *(np.arange(len(t)), cells.cell, cells.first, cells.stop, where, v, t),
        *(np.zeros(len(t), np.int64), where[:, cells.kept], v[:, cells.kept], t[cells.kept]),
        *(cells.stands_for, *limits, floor, np.ones((K, K)) if share is None else share, *out),
    )
    return Sums(out[0][0], out[1][0], out[2][0], out[3])


def scene(d: int, seed: int = 0) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    sites = rng.uniform(0, 30, (20, d))
    table = rng.integers(0, K, 150)
    positions = sites[rng.integers(0, 20, 150)] + rng.normal(0, 1, (150, d))
    return positions, rng.uniform(0.3, 1.5, 150), table


@pytest.mark.parametrize("d", [2, 3])
def test_the_force_is_the_sum_over_pairs(d: int) -> None:
    positions, variance, table = scene(d)
    found = sums(positions, variance, table)
    expected = np.zeros((K, K, d))
    for i in range(len(table)):
        s = variance[i] + variance
        away = positions - positions[i]
        e = (away**2).sum(axis=1) / s
        u = np.where(e < CUT, 1 - e / (2 * _POWER), _END)
        weight = s ** (-d / 2)
        slope = _POWER * _END ** (_POWER - 1)
        f = (weight * (u**_POWER - _END**_POWER - slope * (u - _END))).sum()
        r = weight * (u ** (_POWER - 1) - _END ** (_POWER - 1)) / (0.1 + f)
        pulls = (r / s)[:, None] * away
        for t in range(K):
            if t != table[i]:
                expected[table[i], t] += pulls[table == t].sum(axis=0)
    np.testing.assert_allclose(found.force, expected, atol=2e-4)


@pytest.mark.parametrize("d", [2, 3])
def test_the_slope_is_the_derivative_of_the_weighted_force(d: int) -> None:
    positions, variance, table = scene(d, 1)
    share = np.array([[0, 1.0, 0.4], [1.0, 0, 0.7], [0.4, 0.7, 0]])

    def force(moved: int, axis: int, by: float) -> FloatArray:
        at = positions.copy()
        at[table == moved, axis] += by
        both = sums(at, variance, table, share=share).force
        half = (both - both.transpose(1, 0, 2)) / 2
        return np.asarray((share[..., None] * half).sum(axis=1)[:, axis])

    slope = sums(positions, variance, table, share=share).slope
    for moved in range(K):
        for axis in range(d):
            step = 1e-2
            by_steps = (force(moved, axis, step) - force(moved, axis, -step)) / (2 * step)
            np.testing.assert_allclose(-slope[:, moved, axis], by_steps, atol=0.05)
    np.testing.assert_allclose(slope.sum(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(slope.sum(axis=0), 0, atol=1e-6)


def test_a_molecule_counts_by_its_information() -> None:
    """Seen by a wide kernel 2, 3 and 5 times, tables owe each other a b / n, over the variance."""
    table = np.repeat([0, 1, 2], [2, 3, 5])
    positions, variance = np.zeros((10, 2)), np.full(10, 50.0)
    found = sums(positions, variance, table, floor=0.0)
    ratio = found.responsibility / found.responsibility[0, 1]
    np.testing.assert_allclose(ratio[0, 2], 10 / 6, rtol=1e-6)
    np.testing.assert_allclose(ratio[1, 2], 15 / 6, rtol=1e-6)
    np.testing.assert_allclose(found.responsibility, found.responsibility.T, rtol=1e-6)


def test_chance_has_no_curvature() -> None:
    rng = np.random.default_rng(2)
    totals = []
    for _ in range(30):
        positions = rng.uniform(0, 60, (1500, 2))
        found = sums(positions, np.full(1500, 1.0), rng.integers(0, K, 1500), floor=1.0)
        totals.append(found.curvature[0, 1].mean() / found.responsibility[0, 1])
    totals = np.array(totals)
    assert abs(totals.mean()) < 4 * totals.std() / np.sqrt(len(totals)) + 0.02


def test_nothing_counts_beyond_the_fields() -> None:
    positions, variance, table = scene(2)
    found = sums(positions, variance, table, upper=-1.0)
    assert not any(s.any() for s in found)
