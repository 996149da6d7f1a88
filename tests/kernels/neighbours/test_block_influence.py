"""Influence of field blocks: what leaving one out changes, and how it goes through poses."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.geometry.pose import Pose
from smlm_accessor.kernels.neighbours import nearest
from smlm_accessor.kernels.neighbours.block_influence import (
    BlockGradients,
    mean_influence,
    no_influence,
    on_composition,
    on_inverse,
)
from smlm_accessor.kernels.neighbours.closest_points import ClosestPointMap

STEP = 1e-6


@pytest.mark.parametrize("with_rotation", [False, True])
def test_influence_is_what_leaving_a_block_out_changes(with_rotation: bool) -> None:
    """To first order: registered again without the localizations of one block."""
    rng = np.random.default_rng(2)
    centers = rng.uniform(0, 400, (40, 2))
    target, source = (
        centers[rng.integers(40, size=4000)] + rng.normal(0, 8, (4000, 2)) for _ in range(2)
    )
    grid = nearest.build(target)
    terms = {"with_rotation": with_rotation, "reach": 30.0}
    pairs = ClosestPointMap(nearest.build(source).positions, grid, **terms)
    blocks = (pairs.source[:, 0] > 200) * 2 + (pairs.source[:, 1] > 200)
    gradients = BlockGradients(pairs, blocks, 4)
    whole = pairs.register(Pose.identity(2), max_iterations=200, tolerance=1e-6, average=gradients)
    assert whole is not None
    middle = pairs.matcher.centroid  # there, offset and rotation hardly depend on each other
    found = gradients.influence(whole.pose)
    at_middle = found.offset + found.matrix @ middle
    changes = []
    for block in range(4):
        rest = ClosestPointMap(pairs.source[blocks != block], grid, **terms)
        match = rest.register(whole.pose, max_iterations=200, tolerance=1e-6, average=rest)
        assert match is not None
        changes.append(match.pose.move(middle[None])[0] - whole.pose.move(middle[None])[0])
    # The sum of the squares is the variance: for that they are by sqrt(1 - share) smaller.
    expected = at_middle / np.sqrt(1 - np.bincount(blocks) / len(blocks))[:, None]
    assert np.corrcoef(expected.ravel(), np.ravel(changes))[0, 1] > 0.8
    assert np.std(changes) == pytest.approx(np.std(expected), rel=0.5)


def pose(angle: float, scale: float, *offset: float) -> Pose:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return Pose(np.array([[c, -s], [s, c]]), np.array(offset))


def changed(at: Pose, influence: Pose, block: int) -> Pose:
    """A pose, a millionth of the way to what it is without one block."""
    return Pose(
        at.matrix + STEP * influence.matrix[block], at.offset + STEP * influence.offset[block]
    )


def random_influence(seed: int) -> Pose:
    rng = np.random.default_rng(seed)
    return Pose(rng.normal(size=(3, 2, 2)), rng.normal(size=(3, 2)))


def assert_derivative(influence: Pose, before: Pose, after: Pose, block: int) -> None:
    np.testing.assert_allclose(
        influence.matrix[block], (after.matrix - before.matrix) / STEP, atol=1e-4
    )
    np.testing.assert_allclose(
        influence.offset[block], (after.offset - before.offset) / STEP, atol=1e-4
    )


def test_influence_on_a_composition_and_an_inverse_is_the_derivative() -> None:
    last, first = pose(0.3, 1.1, 2.0, -1.0), pose(-0.5, 0.9, -3.0, 0.5)
    on_last, on_first = random_influence(1), random_influence(2)
    both, back = on_composition(last, first, on_last, on_first), on_inverse(last, on_last)
    for block in range(3):
        moved = changed(last, on_last, block).after(changed(first, on_first, block))
        assert_derivative(both, last.after(first), moved, block)
        assert_derivative(back, last.inverse(), changed(last, on_last, block).inverse(), block)


def test_the_mean_is_weighted_and_no_influence_is_zero() -> None:
    one, none = random_influence(3), no_influence(3, 2)
    found = mean_influence([one, none], [1, 3])
    np.testing.assert_allclose(found.matrix, one.matrix / 4)
    np.testing.assert_allclose(found.offset, one.offset / 4)
