"""The reach is the one with which shifts are most precise."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.icp.chunks import IcpChunks, IcpOptions
from smlm_accessor.methods.icp.coarse import coarse_pass
from smlm_accessor.methods.icp.fine import register_finely
from smlm_accessor.methods.icp.reach import choose_reach


def chunks_of(seed: int, background: float, max_distance: float | None = None) -> IcpChunks:
    """Two chunks of the same clusters, of which a part is background."""
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0, 10_000, (200, 2))
    n = 3000

    def draw() -> FloatArray:
        positions = centers[rng.integers(200, size=n)] + rng.normal(0, 8, (n, 2))
        noise = rng.random(n) < background
        positions[noise] = rng.uniform(0, 10_000, (noise.sum(), 2))
        return positions

    positions, frames = np.concatenate([draw(), draw()]), np.arange(2 * n) // 10
    localizations = ChunkedLocalizations(positions, frames, np.array([0, n, 2 * n]), ("x", "y"))
    return IcpChunks(
        localizations, IcpOptions("first", False, False, max_distance, 200, 1e-6, 1, False)
    )


def test_background_makes_the_reach_small() -> None:
    errors = []
    for seed in range(12):
        chunks = chunks_of(seed, 0.3)
        links = coarse_pass(chunks, [1])
        reach, gain = choose_reach(chunks, links)
        assert reach < 200
        assert 1 <= gain <= 30
        found = [register_finely(chunks, links[0], r, gain) for r in (reach, 2000.0, reach / 30)]
        errors.append(
            [np.inf if f is None else float(f.pose.offset @ f.pose.offset) for f in found]
        )
    chosen, far, near = np.sqrt(np.mean(errors, axis=0))
    assert chosen < 0.5 * far
    assert chosen < near


def test_a_reach_that_is_given_is_taken() -> None:
    chunks = chunks_of(0, 0.1, max_distance=33.0)
    assert choose_reach(chunks, coarse_pass(chunks, [1]))[0] == 33.0


def test_the_gain_undoes_the_slope() -> None:
    chunks = chunks_of(1, 0.0)
    links = coarse_pass(chunks, [1])
    reach, gain = choose_reach(chunks, links)
    assert chunks.reaches == [reach]
    pairs = chunks.closest_points(chunks.samples[1], chunks.grid(0), reach)
    off = np.array([2.0, -1.0])
    zero, moved = (
        pairs(pairs.to_parameters(Pose(np.eye(2), links[0].coarse.pose.offset + d)))
        for d in (np.zeros(2), off)
    )
    assert zero is not None
    assert moved is not None
    taken_back = float((zero.residual - moved.residual) @ off / (off @ off))
    assert gain * taken_back == pytest.approx(1.0, abs=0.5)


def test_the_reach_never_grows() -> None:
    chunks = chunks_of(2, 0.3)
    chunks.reaches.append(5.0)
    assert choose_reach(chunks, coarse_pass(chunks, [1]))[0] == 5.0
