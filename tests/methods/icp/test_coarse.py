"""Where the coarse pass begins, and what it finds."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.icp.chunks import IcpChunks, IcpOptions
from smlm_accessor.methods.icp.coarse import coarse_pass, coarse_reach, predict_poses


def at(*offset: float) -> Pose:
    return Pose(np.eye(2), np.array(offset))


def offsets(poses: list[Pose]) -> FloatArray:
    return np.array([pose.offset for pose in poses])


def test_a_drift_goes_on() -> None:
    recent = [at(10.0 * t, -4.0 * t) for t in (0, 1, 2, 4)]
    found = offsets(predict_poses(recent, np.array([0.0, 1, 2, 4, 7])))
    np.testing.assert_allclose(found, [[70, -28], [70, -28], [40, -16]])


def test_one_chunk_that_is_wrong_does_not_lead_the_next() -> None:
    recent = [at(10.0 * t, 0.0) for t in range(5)]
    recent.append(at(500.0, 300.0))
    found = offsets(predict_poses(recent, np.arange(7.0)))
    np.testing.assert_allclose(found[1], [60, 0])  # from the one before


def test_without_a_velocity_it_stays() -> None:
    assert len(predict_poses([at(3.0, 1.0)], np.array([0.0, 1.0]))) == 2
    same_time = predict_poses([at(0.0, 0.0), at(3.0, 1.0)], np.array([0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(offsets(same_time), [[3, 1], [0, 0]])


def test_reach() -> None:
    assert coarse_reach(None) == math.inf
    assert coarse_reach(7.0) == 70.0


@pytest.mark.parametrize("target", ["first", "previous"])
def test_the_coarse_pass_follows_a_drift_beyond_the_spacing(target: str) -> None:
    """Of a lattice of 20, that moves 10 from chunk to chunk."""
    rng = np.random.default_rng(1)
    drift = np.outer(np.arange(12), [8.0, 6.0])
    chunks = [20.0 * rng.integers(0, 20, (2000, 2)) + rng.normal(0, 1, (2000, 2)) for _ in drift]
    positions = np.concatenate([c + d for c, d in zip(chunks, drift, strict=True)])
    frames, bounds = np.arange(24_000) // 20, np.arange(13) * 2000
    localizations = ChunkedLocalizations(positions, frames, bounds, ("x", "y"))
    options = IcpOptions(target, False, False, None, 200, 1e-6, 1, False)
    icp_chunks = IcpChunks(localizations, options)
    assert all(900 < len(sample) <= 1020 for sample in icp_chunks.samples.values())
    links = coarse_pass(icp_chunks, icp_chunks.batches()[0])
    assert [link.chunk for link in links] == list(range(1, 12))
    assert [link.reference for link in links] == (
        [0] * 11 if target == "first" else list(range(11))
    )
    np.testing.assert_allclose(offsets([link.pose for link in links]), -drift[1:], atol=2.0)
