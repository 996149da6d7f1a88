"""The fine pass: from a coarse pose to the true one, also where a reference is missing."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.kernels.neighbours import nearest
from smlm_accessor.kernels.neighbours.block_influence import no_influence
from smlm_accessor.kernels.neighbours.closest_points import ClosestPointMap, Matching
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.icp.chunks import IcpChunks, IcpOptions, Link
from smlm_accessor.methods.icp.fine import fine_pass, halfway, register_finely
from tests.scenes import clusters, linear, visits

N_CHUNKS = 4
MOVE = np.array([8.0, -5.0])  # of the sample from chunk to chunk
AT_REST = visits(clusters(std=5.0), n=12_000, n_frames=400, precision=3.0, seed=3)
SCENE = AT_REST.drifting(linear(400, MOVE / 100))


def make(target: str = "first", localizations: ChunkedLocalizations | None = None) -> IcpChunks:
    options = IcpOptions(target, False, False, None, 200, 1e-6, 1, False)
    return IcpChunks(localizations or SCENE.chunked(N_CHUNKS), options)


def link(chunk: int, reference: int, off: FloatArray, base: Pose | None = None) -> Link:
    """What the coarse pass gives, ``off`` beside the truth."""
    offset = -MOVE * (chunk - reference) + off
    start = Matching(Pose(np.eye(2), offset), 0.9, 2.0, True)
    return Link(chunk, reference, base or Pose.identity(2), start)


@pytest.mark.parametrize("off", [[0.0, 0.0], [3.0, -2.0], [400.0, 300.0]])
def test_one_chunk_is_put_where_it_belongs_from_wherever_it_begins(off: list[float]) -> None:
    """Far away, fewer than half have a neighbour within reach: all distances count at first."""
    found = register_finely(make(), link(2, 0, np.array(off)), reach=20.0, gain=3.0)
    assert found is not None
    np.testing.assert_allclose(found.pose.offset, -2 * MOVE, atol=1.0 if off[0] < 400 else 300.0)
    assert found.fraction > 0.8
    assert found.influence is not None
    assert (np.abs(found.influence.offset).sum(axis=0) > 0).all()


def test_chunks_are_registered_on_the_first() -> None:
    chunks = make()
    fine_pass(chunks, [link(k, 0, np.array([2.0, 1.0])) for k in (1, 2, 3)], 20.0, 3.0)
    for k in range(N_CHUNKS):
        np.testing.assert_allclose(chunks.poses[k].offset, -MOVE * k, atol=1.0)


def test_a_chunk_whose_reference_is_lost_is_registered_on_the_last_that_is_not() -> None:
    some, chunk = SCENE.emitter < 300, SCENE.frames // 100
    # The last chunk shows nothing of what the first one does.
    localizations = SCENE.kept(~((chunk == 0) & some | (chunk == 3) & ~some)).chunked(N_CHUNKS)
    localizations.positions[localizations.rows(2)] += 1e6
    chunks = make("previous", localizations)
    links = []
    for k in (1, 2, 3):
        base = Pose(np.eye(2), -MOVE * (k - 1))
        links.append(link(k, k - 1, np.array([7.0, -5.0]) * (k == 3), base))
    fine_pass(chunks, links, 20.0, 3.0)
    assert sorted(chunks.poses) == [0, 1, 3]
    np.testing.assert_allclose(chunks.poses[3].offset, -3 * MOVE, atol=2.5)


def test_with_scaling_the_mean_of_both_directions_does_not_shrink() -> None:
    """Where few have their true partner, the source alone fits best a little smaller."""
    sizes = []
    for seed in range(6):
        seen = visits(clusters(), n=12_000, n_frames=400, precision=8.0, seed=seed)
        options = IcpOptions("first", False, True, None, 200, 1e-6, 1, False)
        chunks = IcpChunks(seen.chunked(2), options)
        both = register_finely(chunks, link(1, 1, np.zeros(2))._replace(reference=0), 8.0, 1.0)
        source = nearest.build(chunks.localizations.chunk(1)).positions
        pairs = chunks.closest_points(source, chunks.grid(0), 8.0)
        one = pairs.register(Pose.identity(2), max_iterations=200, tolerance=1e-6)
        assert both is not None
        assert one is not None
        sizes.append([np.sqrt(np.linalg.det(m.pose.matrix)) - 1 for m in (both, one)])
    mean, alone = np.mean(sizes, axis=0)
    assert alone < -3e-4
    assert abs(mean) < 1.5e-4


def test_halfway_between_there_and_back() -> None:
    source = np.random.default_rng(4).normal(size=(50, 2))
    pairs = ClosestPointMap(source, nearest.build(source), with_scaling=True)
    ones = Pose(np.ones((3, 2, 2)), np.ones((3, 2)))
    there = Matching(Pose(1.02 * np.eye(2), np.zeros(2)), 0.9, 1.0, True, no_influence(3, 2))
    back = Matching(Pose(1.02 * np.eye(2), np.zeros(2)), 0.8, 2.0, True, ones)
    found = halfway(pairs, there, back)
    np.testing.assert_allclose(found.pose.matrix, np.eye(2), atol=1e-12)
    assert found.fraction == 0.9
    assert found.influence is not None
    # Without a block, the way back shrinks by what the way there would grow.
    np.testing.assert_allclose(found.influence.matrix, -np.ones((3, 2, 2)) / 1.02**2 / 2)


def test_a_chunk_is_nearer_than_displaced_only_if_it_shows_the_target_again() -> None:
    """Strangers all have neighbours within reach, so the fraction of them tells nothing."""
    rng, right, by_chance = np.random.default_rng(5), 0, 0
    frames, bounds = np.repeat([0, 1], 200), np.array([0, 200, 400])
    for _ in range(30):
        emitters, strangers = rng.uniform(0, 1500, (2, 200, 2))
        again = np.where(rng.random((200, 1)) < 0.6, emitters, strangers)
        again += MOVE + rng.normal(0, 3, (200, 2))
        nearer = []
        for second, reach in ((again, 20.0), (strangers, 450.0)):
            positions = np.concatenate([emitters, second])
            table = ChunkedLocalizations(positions, frames, bounds, ("x", "y"))
            found = register_finely(make("first", table), link(1, 0, np.zeros(2)), reach, 1.0)
            assert found is not None
            nearer.append(found.nearer)
        assert found.fraction == found.chance == 1.0
        right, by_chance = right + nearer[0], by_chance + nearer[1]
    assert right >= 29
    assert by_chance == 0


def test_a_chunk_that_is_not_nearer_is_not_kept_and_the_reason_is_given() -> None:
    chunks = make()
    found = register_finely(chunks, link(1, 0, np.zeros(2)), 20.0, 3.0)
    assert found is not None
    assert found.nearer
    chunks.keep(link(1, 0, np.zeros(2)), found._replace(nearer=False), found.fraction)
    assert 1 not in chunks.poses
    assert "displaced" in chunks.registered().reason
    chunks.keep(link(1, 0, np.zeros(2)), found, found.fraction)
    assert 1 in chunks.poses
