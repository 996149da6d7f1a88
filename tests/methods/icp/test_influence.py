"""Standard errors of icp, from the influence of field blocks."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.kernels.neighbours import nearest
from smlm_accessor.kernels.neighbours.block_influence import BlockGradients
from smlm_accessor.kernels.neighbours.closest_points import ClosestPointMap
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.icp.method import icp


def scene(seed: int, n_chunks: int = 6, n: int = 1500) -> tuple[ChunkedLocalizations, FloatArray]:
    """Chunks of the same clusters, each moved by 5, -3 more."""
    rng = np.random.default_rng(seed)
    centers = rng.uniform(0, 3000, (150, 2))
    offset = -np.outer(np.arange(n_chunks), [5.0, -3.0])
    positions = np.concatenate(
        [centers[rng.integers(150, size=n)] + rng.normal(0, 8, (n, 2)) - o for o in offset]
    )
    frames, bounds = np.arange(n * n_chunks) // 10, np.arange(n_chunks + 1) * n
    return ChunkedLocalizations(positions, frames, bounds, ("x", "y")), offset


@pytest.mark.parametrize("options", [{}, {"with_rotation": True}, {"target": "all"}])
def test_errors_are_as_large_as_they_should_be(options: dict[str, object]) -> None:
    z = []
    for seed in range(8):
        localizations, truth = scene(seed)
        found = icp(localizations, **options)  # type: ignore[arg-type]
        assert found.offset_std is not None
        error = found.offset - truth
        z.append((error - error.mean(axis=0)) / found.offset_std)
    assert 0.65 < np.sqrt(np.mean(np.square(z))) < 1.35


def test_four_times_the_localizations_halve_it() -> None:
    few, many = (icp(scene(3, n=n)[0]).offset_std for n in (1000, 4000))
    assert few is not None
    assert many is not None
    assert np.mean(many) == pytest.approx(np.mean(few) / 2, rel=0.3)


def test_influence_is_what_leaving_a_block_out_changes() -> None:
    """To first order: registered again without the localizations of one block."""
    rng = np.random.default_rng(2)
    centers = rng.uniform(0, 400, (40, 2))
    target, source = (
        centers[rng.integers(40, size=4000)] + rng.normal(0, 8, (4000, 2)) for _ in range(2)
    )
    grid = nearest.build(target)
    pairs = ClosestPointMap(nearest.build(source).positions, grid, reach=30.0)
    blocks = (pairs.source[:, 0] > 200) * 2 + (pairs.source[:, 1] > 200)
    gradients = BlockGradients(pairs, blocks, 4)
    whole = pairs.register(Pose.identity(2), max_iterations=200, tolerance=1e-6, average=gradients)
    assert whole is not None
    found = gradients.influence(whole.pose).offset
    changes = []
    for block in range(4):
        rest = ClosestPointMap(pairs.source[blocks != block], grid, reach=30.0)
        match = rest.register(whole.pose, max_iterations=200, tolerance=1e-6, average=rest)
        assert match is not None
        changes.append(match.pose.offset - whole.pose.offset)
    # The sum of the squares is the variance: for that they are by sqrt(1 - share) smaller.
    expected = found / np.sqrt(1 - np.bincount(blocks) / len(blocks))[:, None]
    assert np.corrcoef(expected.ravel(), np.ravel(changes))[0, 1] > 0.8
    assert np.std(changes) == pytest.approx(np.std(expected), rel=0.5)
