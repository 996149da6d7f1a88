"""Beads that are in two sets: which they are, and what chance would give."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.beads.constellation import match_constellations

FIELD = 20_000.0
LEAST = 3e-7  # expected false matches of what is taken


def turned(beads: FloatArray, angle: float, scale: float = 1.0) -> FloatArray:
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(beads @ (scale * np.array([[c, s], [-s, c]])))


@pytest.mark.parametrize(("common", "more"), [(3, 0), (4, 4), (10, 10)])
def test_the_beads_in_common_are_found(common: int, more: int) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        beads = rng.uniform(0, FIELD, (common + 2 * more, 2))
        reference = beads[: common + more]
        rows = np.r_[np.arange(common), np.arange(common + more, common + 2 * more)]
        order = rng.permutation(len(rows))
        moving = beads[rows][order] + [4000.0, -80.0] + rng.normal(0, 1.0, (len(rows), 2))
        found = match_constellations(reference, moving)
        assert found.expected < LEAST
        assert sorted(found.reference.tolist()) == list(range(common))
        assert (order[found.moving] == found.reference).all()


@pytest.mark.parametrize(("angle", "scale"), [(0.02, 1.0), (2.0, 1.0), (-0.5, 1.01)])
def test_turned_and_magnified(angle: float, scale: float) -> None:
    rng = np.random.default_rng(1)
    beads = rng.uniform(0, FIELD, (6, 2))
    moving = turned(beads, angle, scale)[::-1] + 300.0 + rng.normal(0, 1.0, (6, 2))
    found = match_constellations(
        beads, moving, with_rotation=True, with_scaling=scale != 1, max_shift=None
    )
    assert found.expected < LEAST
    assert (found.reference == 5 - found.moving).all()
    assert len(found.moving) == 6


@pytest.mark.parametrize("with_rotation", [False, True])
@pytest.mark.parametrize("spread", [FIELD, 600.0])
def test_chance_is_what_it_says(with_rotation: bool, spread: float) -> None:
    """Matches of unrelated beads with 0.1 expected: no more than in one of ten sets.

    Also where beads lie in a clump, so that there are more near each other than in the field.
    """
    n_sets = 20 if with_rotation else 100
    least = []
    for seed in range(n_sets):
        rng = np.random.default_rng(seed)
        clumps = [
            np.r_[rng.uniform(0, FIELD, (4, 2)), c + rng.uniform(0, spread, (4, 2))]
            for c in rng.uniform(0, FIELD - spread, (2, 2))
        ]
        least.append(match_constellations(*clumps, with_rotation=with_rotation).expected)
    assert np.mean(np.array(least) < 0.1) <= 0.1
    assert min(least) > 1e-4


def test_two_beads_at_the_same_distance_among_many_are_chance() -> None:
    rng = np.random.default_rng(2)
    reference, moving = rng.uniform(0, FIELD, (2, 30, 2))
    moving[:2] = reference[:2] + 500.0 + rng.normal(0, 2.0, (2, 2))
    assert match_constellations(reference, moving).expected > 1e-3


def test_one_that_moved_by_itself_is_left_out() -> None:
    rng = np.random.default_rng(3)
    beads = rng.uniform(0, FIELD, (5, 2))
    moving = beads + 50.0 + rng.normal(0, 0.5, (5, 2))
    moving[2] += 60.0
    assert sorted(match_constellations(beads, moving).moving.tolist()) == [0, 1, 3, 4]


def test_max_shift_and_too_few() -> None:
    beads = np.random.default_rng(4).uniform(0, FIELD, (5, 2))
    found = match_constellations(beads, beads + 500.0, max_shift=400.0)
    assert found.expected > LEAST
    assert len(match_constellations(beads[:1], beads).moving) == 0
