"""Sums over pairs: against plain numpy, and gradient and curvature as numerical derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.density.cells import sort_into_cells
from smlm_accessor.kernels.density.pair_loops import (
    CUT,
    N_PAIR_SUMS,
    densities,
    most_around,
    pair_sums,
    space,
)

N_FRAMES, ROWS, EDGE = 30, 8, 14.0  # the edge is beyond the reach of the widest pair
END = 1 - CUT / 32


def sample(d: int, n: int = 300, seed: int = 0) -> dict[str, Any]:
    """Events in the order of cells, with variances, weights, and what is left out."""
    rng = np.random.default_rng(seed)
    where = rng.uniform(0, 60, (8, d))[rng.integers(8, size=n)] + rng.normal(0, 1.5, (n, d))
    cells = sort_into_cells(where, EDGE, 10**6)
    frame = np.arange(N_FRAMES)
    lateral = rng.uniform(0.2, 4, n)
    variance = np.stack([lateral, lateral, 2.5 * lateral][:d])
    return {
        "cells": cells,
        "where": np.ascontiguousarray(where[cells.order].T, np.float32),
        "variance": variance.astype(np.float32),
        "frame": rng.integers(N_FRAMES, size=n).astype(np.int32),
        "weight": rng.uniform(0.5, 3, n),
        "row": rng.integers(ROWS, size=n),
        "left_out": np.stack([np.maximum(frame - 2, 0), frame + 4], axis=1).astype(np.int32),
        "stands_for": rng.integers(1, 5, n).astype(np.float32),
        "floor": 0.3,
    }


def deep_of(data: dict[str, Any]) -> bool | None:
    return None if len(data["where"]) == 2 else True


def sums_of(data: dict[str, Any], **changes: Any) -> FloatArray:
    """The sums with all events as their own others, but for the changes."""
    given = data | changes
    cells, n_rows = data["cells"], given.get("n_rows", len(data["frame"]) + ROWS)
    sums, floors = np.zeros((n_rows, N_PAIR_SUMS)), np.atleast_1d(given["floor"])
    pair_sums(
        *(0, len(cells.order), cells.cell, cells.first, cells.stop),
        *(given[n] for n in ("where", "variance", "frame", "weight", "row", "left_out")),
        *(data[n] for n in ("where", "variance", "frame", "stands_for")),
        *(deep_of(data), floors, space(most_around(cells.first, cells.stop)), sums),
    )
    return sums


def pairs(data: dict[str, Any]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Differences ``d``, variances ``S``, shapes (d, n, n), and weights of pairs, ``w / norm``."""
    where, variance = data["where"].astype(np.float64), data["variance"].astype(np.float64)
    difference = where[:, None, :] - where[:, :, None]
    spread = variance[:, None, :] + variance[:, :, None]
    low, high = data["left_out"][data["frame"]].T[:, :, None]
    use = (data["frame"] < low) | (data["frame"] >= high)
    near = (difference**2 / spread).sum(axis=0) < CUT
    return difference, spread, use * near * data["stands_for"] / np.sqrt(spread.prod(axis=0))


def twin(data: dict[str, Any]) -> FloatArray:
    """The sums of all pairs by the formula of the docstring."""
    difference, spread, weight = pairs(data)
    u = 1 - (difference**2 / spread).sum(axis=0) / 32
    density = (weight * (u**16 - END**16 - 16 * END**15 * (u - END))).sum(axis=1)
    over = data["floor"] + density
    # First and second derivative of the kernel by E, times -2 and 4.
    once, twice = (
        weight * (u**15 - END**15) / over[:, None],
        weight * u**14 * (15 / 16) / over[:, None],
    )
    gradient = (once * difference / spread).sum(axis=2)
    curvature = (once / spread - twice * (difference / spread) ** 2).sum(axis=2) + gradient**2
    sums, w, d = np.zeros((ROWS, N_PAIR_SUMS)), data["weight"], len(difference)
    np.add.at(sums[:, 0], data["row"], w * (once / spread[:2].mean(axis=0)).sum(axis=1))
    for axis in range(d):
        np.add.at(sums[:, 1 + axis], data["row"], w * gradient[axis])
        np.add.at(sums[:, 4 + axis], data["row"], w * curvature[axis])
        np.add.at(sums[:, 7 + axis], data["row"], w**2 * gradient[axis] ** 2)
    return sums


def densities_at(data: dict[str, Any], where: FloatArray, left_out: Any) -> FloatArray:
    cells = data["cells"]
    found = np.empty(where.shape[1])
    number, cell = np.unique(cells.grid.number(where.T.astype(np.float64)), return_inverse=True)
    around = cells.grid.ranges(number, cells.number)
    densities(
        *(where.astype(np.float32), data["variance"][:, : where.shape[1]].copy()),
        *(cell, *around, left_out),
        *(data[n] for n in ("where", "variance", "frame", "stands_for")),
        *(deep_of(data), space(most_around(*around)), found),
    )
    return found


@pytest.mark.parametrize("d", [2, 3])
def test_the_sums_agree_with_plain_numpy(d: int) -> None:
    data = sample(d)
    expected, found = twin(data), sums_of(data)
    assert not found[ROWS:].any()
    scale = np.abs(expected).max(axis=0) + (expected == 0).all(axis=0)
    assert (scale[[0, 1, 2, 4, 5, 7, 8]] > 0.5).all()
    np.testing.assert_allclose(found[:ROWS] / scale, expected / scale, rtol=0, atol=2e-5)


@pytest.mark.parametrize("d", [2, 3])
def test_the_density_agrees_with_plain_numpy(d: int) -> None:
    data = sample(d)
    difference, spread, weight = pairs(data)
    u = 1 - (difference**2 / spread).sum(axis=0) / 32
    expected = (weight * (u**16 - END**16 - 16 * END**15 * (u - END))).sum(axis=1)
    found = densities_at(data, data["where"], data["left_out"][data["frame"]])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    far = data["where"] + np.float32(1e7)
    assert not densities_at(data, far, data["left_out"][data["frame"]]).any()


@pytest.mark.parametrize("d", [2, 3])
def test_gradient_and_curvature_are_the_derivatives_of_the_log_density(d: int) -> None:
    """With a row for each event; the others stay, while all events are moved a little."""
    data = sample(d, seed=3)
    n, step = len(data["frame"]), 0.02
    each = {"row": np.arange(n), "weight": np.ones(n)}
    left_out = data["left_out"][data["frame"]]
    found = sums_of(data, **each)
    for axis in range(d):
        way = np.zeros((d, 1), np.float32)
        way[axis] = step
        ahead, back = data["where"] + way, data["where"] - way
        one, other = (sums_of(data, **each, where=w)[:n] for w in (ahead, back))
        logs = [np.log(data["floor"] + densities_at(data, w, left_out)) for w in (ahead, back)]
        gradient = (logs[0] - logs[1]) / (2 * step)
        curvature = (other - one)[:, 1 + axis] / (2 * step)
        for column, expected in ((1 + axis, gradient), (4 + axis, curvature)):
            error = np.abs(found[:n, column] - expected)
            assert np.quantile(error, 0.98) < 0.02 * np.abs(expected).mean()


def test_the_kernel_is_near_that_of_a_gaussian_and_ends() -> None:
    """Of one pair: the density at a distance, over that at none."""
    ratio, distance = [], np.linspace(0, 8, 81)
    for x in distance:
        where = np.array([[0.0, 0.0], [x, 0.0]])
        cells = sort_into_cells(where, 10.0, 10)
        data = {
            "cells": cells,
            "where": np.ascontiguousarray(where[cells.order].T, np.float32),
            "variance": np.full((2, 2), 2.0, np.float32),
            "frame": np.array([0, 9], np.int32),
            "stands_for": np.ones(2, np.float32),
        }
        left_out = np.array([[0, 1], [9, 10]], np.int32)  # itself
        ratio.append(densities_at(data, data["where"], left_out)[0] * 4.0)
    np.testing.assert_allclose(ratio, np.exp(-(distance**2) / 4 / 2), atol=0.035)
    assert ratio[0] == pytest.approx(0.98, abs=0.01)
    assert (np.array(ratio)[distance**2 > 4 * CUT] == 0).all()


def test_what_is_left_out_adds_nothing_and_blocks_of_cells_add_up() -> None:
    data = sample(2)
    everything = np.tile([0, N_FRAMES], (N_FRAMES, 1)).astype(np.int32)
    assert not sums_of(data, left_out=everything).any()
    cells, parts = data["cells"], np.zeros((ROWS, N_PAIR_SUMS))
    for first, stop in cells.blocks(5):
        pair_sums(
            *(first, stop, cells.cell, cells.first, cells.stop),
            *(data[n] for n in ("where", "variance", "frame", "weight", "row", "left_out")),
            *(data[n] for n in ("where", "variance", "frame", "stands_for")),
            *(
                deep_of(data),
                np.array([data["floor"]]),
                space(most_around(cells.first, cells.stop)),
            ),
            parts,
        )
    np.testing.assert_allclose(parts, sums_of(data)[:ROWS], rtol=1e-9, atol=1e-9)


def test_sums_for_several_floors_are_those_for_each() -> None:
    data, floors = sample(2), np.array([0.1, 1.0, 7.0])
    found = sums_of(data, floor=floors, n_rows=ROWS * len(floors))
    for k, floor in enumerate(floors):
        np.testing.assert_array_equal(found[k :: len(floors)], sums_of(data, floor=floor)[:ROWS])
