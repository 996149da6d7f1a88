"""Matches here and there in the field."""

from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.methods.image_series.chance import erratic

ALL = np.ones(12, dtype=bool)


@pytest.mark.parametrize("seed", range(20))
def test_places_without_order_are_erratic(seed: int) -> None:
    drift = np.random.default_rng(seed).uniform(-500, 500, (12, 2))
    assert erratic(drift, ALL, 10, 1000)


@pytest.mark.parametrize("jump", [0.0, 400.0])
def test_what_moves_far_or_jumps_is_not(jump: float) -> None:
    t = np.arange(12)[:, None]
    drift = np.hstack([90 * t, 20 * np.sin(t)]) + jump * (t > 5)
    assert not erratic(drift, ALL, 10, 1000)


def test_some_that_are_lost_do_not_matter() -> None:
    drift = np.random.default_rng(1).normal(0, 5, (12, 2))
    drift[[3, 8]] += [[300, -200], [-400, 100]]
    assert not erratic(drift, ALL, 10, 1000)
    drift[5] = np.nan
    assert not erratic(drift, np.isfinite(drift[:, 0]), 10, 1000)


def test_a_few_images_tell_nothing() -> None:
    assert not erratic(np.array([[0.0, 0], [400, 0], [-300, 200]]), np.ones(3, bool), 10, 1000)
