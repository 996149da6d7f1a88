"""The loops of blinks against plain Python."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.kernels.density.link_loops import count_in_cells, link, pairs
from smlm_accessor.kernels.density.tiles import Tiles, sort_into_tiles

N_FRAMES, GATE, KEPT = 60, 16.0, 0.5


def tiles(n: int, d: int, seed: int) -> Tiles:
    rng = np.random.default_rng(seed)
    frame = np.sort(rng.integers(N_FRAMES, size=n)).astype(np.int32)
    weight = rng.lognormal(0, 0.5, n).astype(np.float32)
    still = np.zeros((N_FRAMES, d))
    where = rng.uniform(0, 30 if d == 2 else 12, (n, d))
    return sort_into_tiles(where, frame, weight, still, size=np.full(d, 20.0 if d == 2 else 8.0))


def choices(
    waiting: list[int], free: list[int], cost: dict[tuple[int, int], float]
) -> dict[int, int]:
    """Whoever is likeliest among those that choose a blink has it; the others choose again."""
    has: dict[int, int] = {}
    while waiting:
        best = {
            k: min((j for j in free if (k, j) in cost), key=lambda j: cost[k, j], default=None)
            for k in waiting
        }
        for j in {j for j in best.values() if j is not None}:
            winner = min((k for k in waiting if best[k] == j), key=lambda k: cost[k, j])
            has[winner] = j
        free = [j for j in free if j not in has.values()]
        waiting = [k for k in waiting if best[k] is not None and k not in has]
    return has


def linked(
    tile: Tiles, frames: IntArray, chance: FloatArray, missing: int, longest: int
) -> tuple[IntArray, IntArray]:
    """Event and age of each localization."""
    m, d = tile.where.shape
    event, age = np.zeros(m, np.int64), np.zeros(m, np.int64)
    mean, known = tile.where.astype(float), tile.weight.astype(float)
    n_events, began = 0, []
    for first, stop in zip(tile.start[:-1], tile.start[1:], strict=True):
        rows, taken = np.arange(first, stop), set()
        for frame in np.unique(tile.frame[rows]):
            now = rows[tile.frame[rows] == frame]
            back = frames[frame] - frames[tile.frame[rows]]
            old = [int(j) for j in rows[(back > 0) & (back <= 1 + missing)] if j not in taken]
            cost = {}
            for k in now:
                for j in old:
                    variance = 1 / tile.weight[k] + 1 / known[j]
                    squared = ((tile.where[k] - mean[j]) ** 2).sum() / variance
                    score = squared + d * math.log(variance)
                    if squared < GATE and score < chance[k]:
                        cost[int(k), j] = score
            has = choices([int(k) for k in now], old, cost)
            for k in now:
                j = has.get(int(k))
                if j is not None:
                    taken.add(j)
                    of_blink = KEPT * known[j]
                    mean[k] = (of_blink * mean[j] + tile.weight[k] * tile.where[k]) / (
                        of_blink + tile.weight[k]
                    )
                    known[k] = of_blink + tile.weight[k]
                    age[k] = age[j] + frames[frame] - frames[tile.frame[j]]
                if j is not None and frames[frame] - began[event[j]] < longest:
                    event[k] = event[j]
                else:
                    event[k] = n_events
                    began.append(frames[frame])
                    n_events += 1
    return event, age


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize(("missing", "longest"), [(0, 100), (1, 100), (1, 5)])
def test_links_are_those_of_plain_python(d: int, missing: int, longest: int) -> None:
    tile = tiles(1_500, d, seed=d)
    m, frames = len(tile.where), 3 * np.arange(N_FRAMES) // 2
    chance = np.random.default_rng(1).uniform(1, 12, m).astype(np.float32)
    event, age = np.empty(m, np.int32), np.empty(m, np.int32)
    n = link(
        *(tile.start, tile.where, tile.frame, tile.weight, chance, frames, 0 * frames),
        *(np.ones(d), GATE, missing, longest, False, KEPT, event, age, np.zeros(m, np.bool_)),
        *(np.empty(m, np.int64), np.empty((m, d), np.float32), np.empty(m, np.float32)),
        *(np.empty(m, np.int64), np.empty(m)),
    )
    expected = linked(tile, frames, chance, missing, longest)
    np.testing.assert_array_equal(event, expected[0])
    np.testing.assert_array_equal(age, expected[1])
    assert n == event.max() + 1 < 0.9 * m


@pytest.mark.parametrize("d", [2, 3])
def test_what_is_counted_in_a_cell_is_told(d: int) -> None:
    tile = tiles(2_000, d, seed=5)
    found = np.empty(len(tile.where), np.int32)
    room = 1 << int(2 * np.diff(tile.start).max()).bit_length()
    cell = np.full(d, 3.0)
    table = np.empty(room, np.int64), np.empty(room, np.int32)
    counted = np.random.default_rng(7).random(len(tile.where)) < 0.6
    count_in_cells(tile.start, tile.where, cell, counted, *table, found)
    of_tile = np.repeat(np.arange(len(tile.start) - 1), np.diff(tile.start))
    keys = np.column_stack([of_tile, np.floor(tile.where / cell)])
    number = np.unique(keys, axis=0, return_inverse=True)[1]
    np.testing.assert_array_equal(found, np.bincount(number, counted)[number])


@pytest.mark.parametrize("apart", [0, 1, 30])
def test_pairs_so_many_frames_apart_are_counted(apart: int) -> None:
    tile, reach = tiles(1_000, 2, seed=6), np.array([4.0, 2.0])
    expected = 0
    for first, stop in zip(tile.start[:-1], tile.start[1:], strict=True):
        where, frame = tile.where[first:stop], tile.frame[first:stop]
        near = (((where[:, None] - where) / reach) ** 2).sum(axis=2) < 1
        later = (frame[:, None] + apart) % N_FRAMES == frame
        expected += int((near & later & ~np.eye(len(where), dtype=bool)).sum())
    assert pairs(tile.start, tile.where, tile.frame, reach, 1, apart, N_FRAMES) == expected
