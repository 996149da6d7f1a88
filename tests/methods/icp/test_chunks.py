"""The chunks of icp: which are registered, what they are registered on, and what is kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.kernels.neighbours.block_influence import no_influence
from smlm_accessor.kernels.neighbours.closest_points import Matching
from smlm_accessor.methods.icp.chunks import IcpChunks, IcpOptions, Link
from tests.scenes import clusters, linear, visits

SCENE = visits(clusters(), n=20_000, n_frames=500, seed=2).drifting(linear(500, (0.1, -0.06)))
MOVE = np.array([-10.0, 6.0])  # onto the chunk before


def make(target: str = "first", **options: Any) -> IcpChunks:
    localizations = SCENE.kept(SCENE.frames // 100 != 2).chunked(5)  # nothing in the third chunk
    given = {"with_rotation": False, "with_scaling": False, "max_distance": None, **options}
    return IcpChunks(localizations, IcpOptions(target, *given.values(), 200, 1e-6, 1, False))


def matching(chunks: IcpChunks, offset: Any, fraction: float = 0.9, **options: Any) -> Matching:
    none = no_influence(chunks.influence.blocks.n, 2)
    pose = Pose(np.eye(2), np.array(offset, dtype=float))
    return Matching(pose, fraction, 3.0, options.pop("converged", True), none)


def keep(chunks: IcpChunks, chunk: int, reference: int | None, found: Matching) -> None:
    base = Pose.identity(2) if reference is None else chunks.poses[reference]
    chunks.keep(Link(chunk, reference, base, found), found, usual=0.9)


def test_chunks_with_too_few_localizations_are_left_out() -> None:
    chunks = make()
    assert chunks.usable == [0, 1, 3, 4]
    assert chunks.batches() == [[1, 3, 4]]
    assert make("all").batches() == [[1], [3], [4]]
    np.testing.assert_array_equal(chunks.poses[0].offset, [0, 0])


def test_samples_are_whole_frames_of_a_chunk() -> None:
    chunks = make()
    assert list(chunks.samples) == [1, 3, 4]
    for chunk, sample in chunks.samples.items():
        rows = chunks.localizations.rows(chunk)
        frames = chunks.localizations.frames[rows]
        frame_of = dict(zip(map(tuple, chunks.localizations.positions[rows]), frames, strict=True))
        sampled = np.array([frame_of[tuple(x)] for x in sample])
        assert 1000 <= len(sample) < 1100
        assert np.isin(frames, sampled).sum() == len(sample)


def test_poses_are_composed_along_references() -> None:
    chunks = make("previous")
    keep(chunks, 1, 0, matching(chunks, MOVE))
    keep(chunks, 3, 1, matching(chunks, 2 * MOVE))
    np.testing.assert_allclose(chunks.poses[3].offset, 3 * MOVE)
    result = chunks.registered()
    assert result.valid.tolist() == [True, True, False, True, False]
    np.testing.assert_allclose(result.offset[[0, 1, 3]], [0 * MOVE, MOVE, 3 * MOVE])
    assert np.isnan(result.offset[[2, 4]]).all()
    np.testing.assert_allclose(result.quality[[0, 1, 3]], [1, 0.9, 0.9])


def test_a_chunk_that_fits_much_worse_than_usual_is_not_kept() -> None:
    chunks = make()
    keep(chunks, 1, 0, matching(chunks, MOVE, fraction=0.46))
    keep(chunks, 3, 0, matching(chunks, MOVE, fraction=0.44))
    keep(chunks, 4, 0, matching(chunks, MOVE, fraction=np.nan))
    assert list(chunks.poses) == [0, 1]
    assert chunks.usual_fraction([]) == 0.46
    assert make().usual_fraction([None, matching(chunks, MOVE, 0.2)]) == 0.2


def test_all_chunks_before_are_one_target_as_corrected() -> None:
    chunks = make("all")
    keep(chunks, 1, None, matching(chunks, MOVE))
    points = chunks.grid(None).positions
    expected = np.concatenate([chunks.localizations.chunk(0), chunks.localizations.chunk(1) + MOVE])
    assert len(points) == len(expected)
    np.testing.assert_allclose(np.sort(points, axis=0), np.sort(expected, axis=0))


def test_what_was_chosen_is_told() -> None:
    chunks = make()
    chunks.reaches += [5.0, np.inf, 7.0]
    keep(chunks, 1, 0, matching(chunks, MOVE, converged=False))
    assert chunks.registered().chosen == {"max_distance": 6.0, "n_unconverged": 1}
    assert chunks.registered().matrix is None
    given = make(max_distance=4.0, with_rotation=True)
    given.reaches.append(4.0)
    assert given.registered().chosen == {}
    matrix = given.registered().matrix
    assert matrix is not None
    np.testing.assert_array_equal(matrix[0], np.eye(2))


@pytest.mark.parametrize(("terms", "least"), [({}, 2), ({"with_scaling": True}, 3)])
def test_the_fewest_localizations_that_mean_anything(terms: dict[str, Any], least: int) -> None:
    frames = np.repeat(np.arange(3), [2, 3, 4])
    few = SCENE.kept(np.searchsorted(SCENE.frames, 100 * frames) + np.arange(9)).chunked(5)
    options = {"with_rotation": False, "with_scaling": False, **terms}
    chunks = IcpChunks(few, IcpOptions("first", *options.values(), None, 200, 1e-6, 1, False))
    assert chunks.usable == [k for k, n in enumerate(few.counts) if n >= least]
