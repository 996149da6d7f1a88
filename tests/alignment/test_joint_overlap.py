"""The joint fit of many tables: its optimum, its covariance, what it leaves out."""

from __future__ import annotations

import numpy as np

from smlm_accessor._typing import BoolArray, FloatArray
from smlm_accessor.alignment.joint_overlap import JointOverlap, JointShifts

SIGMA, SIDE = 10.0, 12_000.0


def tables(
    rng: np.random.Generator, k: int, *, part: float = 0.6, n_sites: int = 600
) -> tuple[list[FloatArray], FloatArray]:
    """Tables that show a part of the sites each, some times; and the sigma of the bound."""
    sites = rng.uniform(0, SIDE, (n_sites, 2))
    seen = rng.poisson(4, (k, n_sites)) * (rng.random((k, n_sites)) < part)
    found = [np.repeat(sites, n, axis=0) + rng.normal(0, SIGMA, (n.sum(), 2)) for n in seen]
    some = seen[:, seen.sum(axis=0) > 0].astype(float)
    shared = (some / some.sum(axis=0)) @ some.T
    information = (np.diag(shared.sum(axis=1)) - shared) / SIGMA**2
    return found, np.sqrt(np.diag(np.linalg.pinv(information)))


def fit(positions: list[FloatArray], start: FloatArray, allowed: BoolArray | None = None):  # type: ignore[no-untyped-def]
    k = len(positions)
    weights = [np.ones(len(p)) for p in positions]
    every = ~np.eye(k, dtype=np.bool_) if allowed is None else allowed
    joint = JointOverlap(positions, weights, np.full(2, SIGMA), every)
    found = joint.solve(start, 4 * SIGMA)
    assert isinstance(found, JointShifts)
    return found


def test_errors_are_near_the_bound_and_what_is_said() -> None:
    z, ratio = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        positions, bound = tables(rng, 4)
        found = fit(positions, rng.normal(0, SIGMA, (4, 2)))
        error = found.shift - found.shift.mean(axis=0)
        z.append(error / found.std)
        ratio.append(error / bound[:, None])
    assert 0.75 < np.sqrt(np.mean(np.square(z))) < 1.25
    assert np.sqrt(np.mean(np.square(ratio))) < 1.25


def test_errors_of_pairs_are_correlated_as_the_covariance_says() -> None:
    rng = np.random.default_rng(5)
    found = fit(tables(rng, 4)[0], np.zeros((4, 2)))
    against = found.against(1)
    np.testing.assert_allclose(against.shift[1], 0, atol=1e-12)
    np.testing.assert_allclose(against.std[1], 0, atol=1e-9)
    # The error of the table that stays enters all others.
    correlation = against.covariance[0, 0, 2] / (against.std[0, 0] * against.std[2, 0])
    assert 0.2 < correlation < 0.8


def test_a_table_that_shares_nothing_is_no_number() -> None:
    rng = np.random.default_rng(6)
    positions = tables(rng, 3)[0] + tables(rng, 1)[0]
    found = fit(positions, np.zeros((4, 2)))
    assert np.isfinite(found.shift[:3]).all()
    assert np.isnan(found.shift[3]).all()
    assert found.component.tolist()[:3] == [0, 0, 0]


def test_a_pair_that_contradicts_the_rest_is_left_out() -> None:
    """The first two share many more sites, one of them a little displaced: only these disagree."""
    rng = np.random.default_rng(7)
    positions, _ = tables(rng, 5)
    extra = np.repeat(rng.uniform(0, SIDE, (400, 2)), 4, axis=0)
    for k, by in enumerate((0.0, 0.8 * SIGMA)):
        noise = rng.normal((by, 0.0), SIGMA, extra.shape)
        positions[k] = np.concatenate([positions[k], extra + noise])
    found = fit(positions, np.zeros((5, 2)))
    assert found.left_out[0, 1]
    assert found.left_out.sum() == 2
    assert (np.abs(found.shift) < 5 * found.std).all()
