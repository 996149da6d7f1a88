"""Parts of chunks that are not where the rest is: told, wherever they are, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.kernels.field.blocks import make_field_blocks
from smlm_accessor.kernels.images.grid import field_of, make_grid
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.missing_parts import missing_parts
from smlm_accessor.methods.image_series.parts_of_chunks import PARTS, edges_of_parts
from tests.scenes import Scene, beads, blinking, clusters, jumping, sites, visits

SMOOTHING = 30.0
FRAMES = 400
REST = np.zeros((4, 2))


def missing(points: ChunkedLocalizations, shift: FloatArray = REST) -> BoolArray:
    lower, upper = field_of(points.positions)
    reach = (upper - lower) / 2
    grid = make_grid(lower, upper, bin_size=20.0, smoothing=SMOOTHING, max_shift=reach)
    blocks = make_field_blocks(points.positions)
    edges = edges_of_parts(points.bounds)
    return missing_parts(points.positions, points.frames, edges, shift, grid, SMOOTHING, blocks)


def moved_from(frame: int, by: float) -> FloatArray:
    return jumping(np.zeros((FRAMES, 2)), {frame: np.array([by, -by])})


@pytest.mark.parametrize("by", [100.0, 2000.0])
@pytest.mark.parametrize("parts", [1, 3, 5, 7])
def test_parts_after_a_jump_are_missing(parts: int, by: float) -> None:
    """In the last chunk; of more than half, it is those before that are missing there."""
    frame = FRAMES - round(parts * FRAMES / 4 / PARTS)
    seen = visits(clusters(std=15.0), n=12_000, n_frames=FRAMES, seed=parts)
    points = seen.drifting(moved_from(frame, by)).chunked(4)
    shift = REST.copy()
    if parts > PARTS / 2:
        shift[3] = by, -by
    found = missing(points, shift)
    assert not found[:3].any()
    away = np.arange(PARTS) >= PARTS - parts
    np.testing.assert_array_equal(found[3], away if parts < PARTS / 2 else ~away)


@pytest.mark.parametrize(
    "seen",
    [
        visits(clusters(std=15.0), n=12_000, n_frames=FRAMES, seed=1),
        visits(sites(400), n=3000, n_frames=FRAMES, seed=2).with_background(0.5),
        blinking(sites(300), n_frames=FRAMES, per_frame=30.0, on=8.0, seed=3),
        beads(sites(1), n_frames=FRAMES),
        beads(sites(4), n_frames=FRAMES),
    ],
    ids=["clusters", "background", "blinks", "one bead", "beads"],
)
def test_nothing_is_missing_of_a_sample_at_rest(seen: Scene) -> None:
    assert not missing(seen.chunked(4)).any()


def test_chunks_without_a_shift_are_not_looked_at() -> None:
    seen = visits(clusters(std=15.0), n=12_000, n_frames=FRAMES, seed=4)
    shift = np.where(np.arange(4)[:, None] == 2, np.nan, REST)
    assert not missing(seen.drifting(moved_from(270, 100.0)).chunked(4), shift)[2].any()


def test_the_order_within_a_frame_does_not_count() -> None:
    seen = visits(clusters(std=15.0), n=12_000, n_frames=4, seed=5).with_background(0.3)
    rows = np.lexsort((seen.positions[:, 0], seen.frames))
    assert not missing(seen.kept(rows).chunked(4)).any()


def test_parts_are_halves_of_halves() -> None:
    edges = edges_of_parts(np.array([3, 3, 20, 33]), 4)
    assert edges.tolist() == [[3, 3, 3, 3, 3], [3, 7, 11, 15, 20], [20, 23, 26, 29, 33]]
