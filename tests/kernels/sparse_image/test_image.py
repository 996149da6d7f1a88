"""The sparse image and its gradients against the same in plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.sparse_image import image as loops

ROOM = 64  # so that the image has to grow
QUANTUM = 65536.0


def empty() -> tuple[Any, ...]:
    return (
        np.full(4 * ROOM, -1, np.int32),
        np.empty(ROOM, np.int64),
        np.zeros((ROOM, 4), np.int32),
        np.zeros(1, np.int64),
    )


def sample(d: int, n: int = 1500, seed: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    sites = rng.uniform(-300, 300, (40, d))
    positions = sites[rng.integers(40, size=n)] + rng.normal(0, 5, (n, d))
    scale = np.append(1 / np.array([10.0, 11.0, 14.0])[:d], np.zeros(3 - d))
    bounds = np.array([0, 300, 300, 800, n])
    k = len(bounds) - 1
    return {
        "points": (positions, np.arange(n)),
        "motion": (
            bounds,
            rng.normal(0, 0.3, (k, 3)) * (scale > 0),
            rng.normal(0, 1e-3, (k, 3)) * (scale > 0),
            rng.uniform(0, n, k),
        ),
        "scale": scale,
    }


def filled(points: Any, motion: Any, scale: FloatArray, image: Any = None) -> Any:
    image = image or empty()
    row, n = 0, len(points[0])
    while row < n:
        row = loops.add(points, motion, scale, image, QUANTUM, (row, n), 1)
        if row < n:
            image = loops.with_room(image, int(image[3][0]))
    return image


def in_cells(points: Any, motion: Any, scale: FloatArray) -> FloatArray:
    """Positions without drift, in cells, shape (n, 3)."""
    positions, frames = points
    bounds, drift, slope, middle = motion
    window = np.repeat(np.arange(len(middle)), np.diff(bounds))
    at = np.zeros((len(positions), 3))
    at[:, : positions.shape[1]] = positions * scale[: positions.shape[1]]
    moved = drift[window] + slope[window] * (frames - middle[window])[:, None]
    at -= moved
    at[:, positions.shape[1] :] = 0
    return at


def cells(image: Any) -> dict[int, list[int]]:
    _, keys, values, used = image
    return {int(keys[r]): values[r].tolist() for r in range(int(used[0])) if values[r, 0]}


def key_of(cell: Any) -> int:
    return int(sum((int(c) & (2**21 - 1)) << (21 * a) for a, c in enumerate(cell)))


@pytest.mark.parametrize("d", [2, 3])
def test_the_image_counts_each_cell_and_sums_its_in_cells(d: int) -> None:
    data = sample(d)
    at = in_cells(**data)
    expected: dict[int, list[int]] = {}
    for where in at:
        cell = np.floor(where)
        row = expected.setdefault(key_of(cell), [0, 0, 0, 0])
        row[0] += 1
        for axis in range(3):
            row[axis + 1] += int((where[axis] - cell[axis]) * QUANTUM)
    assert cells(filled(**data)) == expected


def test_what_is_taken_out_leaves_no_trace() -> None:
    data = sample(3)
    image = filled(**data)
    before = cells(image)
    args = data["points"], data["motion"], data["scale"], image, QUANTUM, (200, 1100)
    loops.add(*args, -1)
    assert cells(image) != before
    loops.add(*args, 1)
    assert cells(image) == before


def test_a_window_without_drift_is_left_out() -> None:
    data = sample(2)
    data["motion"][1][2] = np.nan
    assert sum(row[0] for row in cells(filled(**data)).values()) == 1500 - 500


def test_a_field_of_a_millimetre_in_3d_has_no_equal_keys() -> None:
    """Cells of 5 nm: an int32 would overflow."""
    rng = np.random.default_rng(2)
    positions = rng.uniform(-5e5, 5e5, (3000, 3))
    n = len(positions)
    still = np.zeros((1, 3))
    motion = (np.array([0, n]), still, still, np.zeros(1))
    image = filled((positions, np.arange(n)), motion, np.full(3, 0.2))
    assert int(image[3][0]) == len(np.unique(np.floor(positions * 0.2), axis=0)) == n


@pytest.mark.parametrize("d", [2, 3])
def test_the_gradient_of_all_other_windows(d: int) -> None:
    data = sample(d)
    points, motion, scale = data["points"], data["motion"], data["scale"]
    at = in_cells(points, motion, scale)
    exists = scale > 0
    gamma = np.where(exists, 3.0, 0.0)
    bounds = motion[0]
    around = np.stack([bounds[:-1], bounds[1:]], axis=1)
    out = np.zeros((4, loops.N_GRADIENT_SUMS))
    kernel = (exists.astype(np.int64), gamma, 0.5)
    loops.gradient_sums(
        points, motion, scale, filled(**data), QUANTUM, kernel, (0, 4), around, motion, 1, out
    )  # fmt: skip
    for s in range(4):
        own = np.arange(len(at))[bounds[s] : bounds[s + 1]]
        others = np.setdiff1d(np.arange(len(at)), own)
        np.testing.assert_allclose(
            out[s], gradient(at[own], at[others], exists, gamma), rtol=1e-3, atol=1e-2
        )


def gradient(at: FloatArray, others: FloatArray, exists: Any, gamma: FloatArray) -> FloatArray:
    """The sums of one window, from centres of mass in a dictionary of cells."""
    image: dict[tuple[int, ...], FloatArray] = {}
    for where in others:
        cell = tuple(int(c) for c in np.floor(where))
        image[cell] = image.get(cell, np.zeros(4)) + np.append(1.0, where)
    total = np.zeros(loops.N_GRADIENT_SUMS)
    offsets = np.stack(np.meshgrid(*[[-1, 0, 1] if e else [0] for e in exists]), -1).reshape(-1, 3)
    for where in at:
        near = [image.get(tuple(int(c) for c in np.floor(where) + o)) for o in offsets]
        found = np.array([c for c in near if c is not None]).reshape(-1, 4)
        away = found[:, 1:] / found[:, :1] - where
        p = found[:, 0] * np.exp(-0.5 * (away**2 @ gamma))
        r = 1 / (0.5 + p.sum())
        e = r * (p @ away)
        pairs = [(0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)]
        total[:3] += e
        total[3:9] += [e[a] * e[b] for a, b in pairs]
        total[9:15] += [r * (p @ (away[:, a] * away[:, b])) for a, b in pairs]
        total[15] += r * p.sum()
        total[16] += np.log1p(p.sum() / 0.5)
    return total
