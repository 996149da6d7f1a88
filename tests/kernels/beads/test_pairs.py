"""The transformation from beads in common: its error is what it says."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.kernels.beads.pairs import fewest_beads, fit_pairs

OWN = 0.02  # variance of the place of a bead


@pytest.mark.parametrize("scatter", [0.0, 0.1, 5.0])
@pytest.mark.parametrize(
    ("k", "d", "with_rotation", "with_scaling"),
    [(3, 2, False, False), (4, 2, True, True), (10, 2, True, False), (5, 3, False, False)],
)
def test_the_error_is_what_it_says(
    k: int, d: int, with_rotation: bool, with_scaling: bool, scatter: float
) -> None:
    rng = np.random.default_rng(k)
    z = []
    for _ in range(150):
        moving = rng.uniform(-1e4, 1e4, (k, d))
        error = rng.normal(0, np.sqrt(OWN + scatter**2), (k, d))
        fit = fit_pairs(
            moving + 7.0 + error, moving, np.full((k, d), OWN),
            with_rotation=with_rotation, with_scaling=with_scaling,
        )  # fmt: skip
        more = [fit.angle] * with_rotation + [fit.log_scale] * with_scaling
        z.append(np.append(fit.shift - 7.0, more) / np.sqrt(np.diag(fit.covariance)))
    assert 0.8 < np.sqrt(np.mean(np.square(z))) < 1.25


def test_a_large_angle_is_fitted_exactly() -> None:
    moving = np.random.default_rng(1).uniform(-1e4, 1e4, (5, 3))
    c, s = 1.01 * np.cos(2.5), 1.01 * np.sin(2.5)
    reference = moving + np.array([0, 0, 30.0])
    reference[:, :2] = moving[:, :2] @ np.array([[c, s], [-s, c]]) + [100.0, -50.0]
    fit = fit_pairs(reference, moving, np.full((5, 3), OWN), with_rotation=True, with_scaling=True)
    np.testing.assert_allclose(fit.shift, [100.0, -50.0, 30.0], atol=1e-6)
    np.testing.assert_allclose([fit.angle, fit.log_scale], [2.5, np.log(1.01)], atol=1e-9)
    assert (fit.scatter < 1e-5).all()


def test_a_bead_that_wanders_counts_less() -> None:
    moving = np.random.default_rng(2).uniform(-1e4, 1e4, (4, 2))
    reference = moving.copy()
    reference[0] += 20.0
    variance = np.full((4, 2), OWN)
    variance[0] = 400.0
    fit = fit_pairs(reference, moving, variance, with_rotation=False, with_scaling=False)
    assert (np.abs(fit.shift) < 0.01).all()


def test_how_many_beads_it_takes() -> None:
    few = [
        fewest_beads(with_rotation=r, with_scaling=s) for r in (False, True) for s in (False, True)
    ]
    assert few == [3, 3, 3, 4]


def test_three_beads_do_not_tell_how_they_scatter_along_z() -> None:
    """Two degrees of freedom; along z errors are three times those in the plane, of both kinds."""
    rng = np.random.default_rng(1)
    axial, z = np.array([1.0, 1.0, 3.0]), []
    for _ in range(400):
        moving = rng.uniform(-1e4, 1e4, (3, 3))
        reference = moving + rng.normal(size=(3, 3)) * 5 * axial
        own = np.tile((0.16 * axial) ** 2, (3, 1))
        fit = fit_pairs(reference, moving, own, with_rotation=False, with_scaling=False)
        z.append(fit.shift / np.sqrt(np.diag(fit.covariance)))
    each = np.sqrt(np.mean(np.square(z), axis=0))
    assert ((each > 0.8) & (each < 1.25)).all()
