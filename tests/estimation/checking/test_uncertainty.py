"""Uncertainties checked against neighbours in time."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.estimation.checking.uncertainty import checked_uncertainty
from smlm_accessor.methods.chunked import ChunkedLocalizations


def blinks(said: float | np.ndarray, *, again: int = 2, sd: float = 5.0) -> ChunkedLocalizations:
    """Molecules seen in successive frames with a precision of 5, and what the table says of it."""
    rng = np.random.default_rng(1)
    n = 2000
    places = rng.uniform(0, 3000, (n // again, 2)).repeat(again, axis=0)
    positions = places + rng.normal(0, sd, (n, 2))
    uncertainty = np.broadcast_to(np.reshape(said, (-1, 1)), (n, 2))
    return ChunkedLocalizations(
        positions, np.arange(n), np.array([0, n]), ("x", "y"), uncertainty=uncertainty
    )


@pytest.mark.parametrize("factor", [1e-9, 0.01, 0.1, 2.35, 100.0, 1e9, 0.0])
def test_another_unit_or_a_width_is_not_used_and_both_numbers_are_said(factor: float) -> None:
    found, warning = checked_uncertainty(blinks(5 * factor), "nm")
    assert found.uncertainty is None
    assert f"says {5 * factor:.3g} nm" in warning
    shown = float(warning.split("precision of ")[1].split(" nm")[0])
    assert abs(shown - 5) < 0.5


@pytest.mark.parametrize("factor", [0.45, 0.7, 1.0, 1.25])
def test_what_real_tables_show_is_no_contradiction(factor: float) -> None:
    localizations = blinks(5 * factor)
    assert checked_uncertainty(localizations, None) == (localizations, "")


def test_localizations_of_different_precision() -> None:
    """Most are ten times worse than the others, and say so."""
    rng = np.random.default_rng(2)
    sd = np.where(rng.random(1000) < 0.6, 50.0, 5.0).repeat(2)
    localizations = blinks(sd)
    places = localizations.positions + (sd[:, None] - 5) * rng.normal(0, 1, (2000, 2))
    localizations = ChunkedLocalizations(
        places, localizations.frames, localizations.bounds, ("x", "y"),
        uncertainty=localizations.uncertainty,
    )  # fmt: skip
    assert checked_uncertainty(localizations, None)[1] == ""


def test_molecules_seen_once_contradict_nothing() -> None:
    localizations = blinks(0.05, again=1)
    assert checked_uncertainty(localizations, None) == (localizations, "")
