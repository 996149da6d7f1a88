"""All that a user is to know of a table at once."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.errors import SmlmWarning, UncertaintyWarning
from smlm_accessor.estimation.checking.checked import checked
from smlm_accessor.methods.api import ChunkedLocalizations
from tests.scenes import PRECISION, sites, visits


def blinks(factor: int = 1) -> ChunkedLocalizations:
    """4,000 molecules, each in three successive frames, with their uncertainty."""
    rng = np.random.default_rng(1)
    at = np.repeat(rng.uniform(0, 50_000, (4_000, 2)), 3, axis=0)
    frames = np.repeat(3 * np.arange(4_000), 3) + np.tile(np.arange(3), 4_000)
    positions = at + rng.normal(0, PRECISION, at.shape)
    told = np.full(at.shape, float(PRECISION))
    bounds, axes = np.array([0, 12_000]), ("x", "y")
    return ChunkedLocalizations(positions, factor * frames, bounds, axes, uncertainty=told)


def test_rounding_and_uncertainties_are_checked_together() -> None:
    points = visits(sites(150), n=12_000, n_frames=1_000, seed=3).chunked()
    same, said = checked(points, "nm")
    assert same is points
    assert not said
    points.positions[:] = (points.positions / 20).round() * 20
    spread, said = checked(points, "nm")
    assert [type(one) for one in said] == [SmlmWarning]
    assert "20 nm" in str(said[0])
    assert spread.positions is not points.positions


@pytest.mark.parametrize("factor", [1, 7])
def test_rounding_is_told_however_frames_are_counted(factor: int) -> None:
    """Molecules that are seen in three successive frames, and never again."""
    points = blinks(factor)
    points.positions[:] = points.positions.round(-1)
    assert [type(one) for one in checked(points, None)[1]] == [SmlmWarning]


def test_uncertainties_are_compared_with_positions_that_are_spread() -> None:
    """On each other exactly, localizations would seem to be as precise as nothing is."""
    points = blinks()
    points.positions[:] = points.positions.round(-1)
    spread, said = checked(points, None)
    assert not any(isinstance(one, UncertaintyWarning) for one in said)
    assert spread.uncertainty is not None
