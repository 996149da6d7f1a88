"""The transformation of most overlap, and its covariance."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.alignment.overlap_fit import Alignment, OverlapFit

PRECISION = 10.0


def sets(seed: int, d: int) -> tuple[FloatArray, FloatArray]:
    """Four localizations of each of 600 molecules, in either set, about their centre."""
    rng = np.random.default_rng(seed)
    extent = np.array([6000.0, 6000.0, 600.0])[:d]
    molecules = np.repeat(rng.uniform(-0.5, 0.5, (600, d)) * extent, 4, axis=0)
    one, other = (molecules + rng.normal(0, PRECISION, molecules.shape) for _ in range(2))
    return one, other


def start(d: int, shift: float) -> Alignment:
    return Alignment(np.zeros(d), np.full(d, shift), 0.0, 0.0, np.zeros((0, 0)), np.nan, 0.0, 0.0)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize(("turns", "scales"), [(False, False), (True, True)])
def test_known_transformations_are_found_within_their_errors(
    d: int, turns: bool, scales: bool
) -> None:
    z = []
    for seed in range(6):
        truth = Alignment(
            np.zeros(d), np.array([12.0, -7.0, 5.0])[:d], 0.004 * turns, 0.003 * scales,
            np.zeros((0, 0)), np.nan, 0.0, 0.0,
        )  # fmt: skip
        reference, other = sets(seed, d)
        moving = (other - truth.shift) @ np.linalg.inv(truth.matrix).T
        fit = OverlapFit(reference, moving, with_rotation=turns, with_scaling=scales)
        found = fit.solve(start(d, 0.0), 60.0, PRECISION)
        assert found is not None
        assert found.width >= 0.7 * PRECISION
        assert found.n_blocks > 20
        error = [*(found.shift - truth.shift), found.angle - truth.angle]
        error.append(found.log_scale - truth.log_scale)
        z.append(np.array(error)[fit.fitted] / found.std)
    assert 0.6 < np.sqrt(np.mean(np.square(z))) < 1.5


def test_sets_that_share_nothing_have_no_alignment() -> None:
    reference, _ = sets(1, 2)
    fit = OverlapFit(reference, reference + 20_000, with_rotation=False, with_scaling=False)
    assert fit.solve(start(2, 0.0), 60.0, PRECISION) is None


def test_edges_of_a_field_do_not_count() -> None:
    """Background that ends at the same place in both says nothing of the shift."""
    rng = np.random.default_rng(2)
    reference, moving = (rng.uniform(0, 3000, (4000, 2)) for _ in range(2))
    fit = OverlapFit(reference, moving, with_rotation=False, with_scaling=False)
    near = fit._at_edge(start(2, 0.0), reference, 50.0)
    inside = ((reference > 160) & (reference < 2840)).all(axis=1)
    outside = ((reference < 140) | (reference > 2860)).any(axis=1)
    assert not near[inside].any()
    assert near[outside].all()
