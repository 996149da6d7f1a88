"""Chunks registered in x and y: searched in large pixels, refined in small ones, or counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from smlm_accessor._typing import FloatArray
from smlm_accessor.kernels.images.images import count
from smlm_accessor.methods.api import ChunkedLocalizations
from smlm_accessor.methods.image_series.lateral import register_lateral
from smlm_accessor.methods.image_series.pixels import LateralPlan, plan_lateral
from tests.scenes import Scene, background, beads, bleaching, clusters, jumping, sites, visits

TRUE = np.array([[0.0, 0.0], [31.0, -22.0], [-40.0, 15.0], [12.0, 44.0]])
OPTIONS: dict[str, Any] = {"target": "all", "threads": 1, "progress": False}


def scene(seed: int, n: int = 6000) -> Scene:
    seen = visits(clusters(std=8.0), n=n, n_frames=400, seed=seed)
    steps = dict(zip((100, 200, 300), np.diff(TRUE, axis=0), strict=True))
    return seen.drifting(jumping(np.zeros((400, 2)), steps))


def plan_for(points: ChunkedLocalizations, pixels: int = 2**20) -> LateralPlan:
    plan = plan_lateral(
        points.positions,
        points.bounds,
        bin_size=None,
        smoothing=None,
        max_shift=None,
        pixels=pixels,
    )
    assert plan is not None
    return plan


@pytest.mark.parametrize("pixels", [2**20, 2**12])
def test_shifts_are_as_precise_as_they_say_in_small_pixels_and_in_large_ones(pixels: int) -> None:
    """Every localization stands there three times: it does not count three times."""
    errors, variances = [], []
    for seed in range(6):
        seen = scene(seed, n=2000)
        points = seen.kept(np.repeat(np.arange(len(seen.frames)), 3)).chunked(4)
        plan = plan_for(points, pixels)
        shifts, chosen = register_lateral(points, plan, None, **{**OPTIONS, "target": "first"})
        refined = plan.bin_size < plan.grid.bin_size
        assert refined == (pixels == 2**12)
        assert chosen.get("searched_bin_size", 0.0) == (plan.grid.bin_size if refined else 0.0)
        assert shifts.valid.all()
        error = shifts.shift - TRUE
        errors.append(error - error.mean(axis=0))
        variances.append(shifts.variance)
    assert np.sqrt(np.mean(np.square(errors))) < 1.5
    # The mean of four chunks, which is taken off, has a fourth of the variance.
    assert 0.7 < np.std(np.array(errors) / np.sqrt(variances)) * np.sqrt(4 / 3) < 1.2


@pytest.mark.parametrize("target", ["first", "previous", "all"])
def test_one_molecule_in_two_chunks_is_no_match(target: str) -> None:
    """Molecules bleach. A long blink lies on any other one as well as on itself."""
    n_valid = 0
    for seed in range(4):
        seen = bleaching(sites(250), n=3000, n_frames=20_000, life=5000, seed=seed)
        points = seen.chunked(10)
        shifts, _ = register_lateral(
            points, plan_for(points), None, **{**OPTIONS, "target": target}
        )
        off = shifts.shift[shifts.valid]
        assert (np.abs(off - np.median(off, axis=0)) < 15).all()
        n_valid += len(off)
    assert n_valid >= 8


def bead_in_background(n: int, seed: int = 0) -> Scene:
    """A bead in every frame, and ``n`` localizations of background."""
    bead = beads(sites(1), n_frames=400, precision=5.0, seed=seed)
    rest = background(n=n, n_frames=400, size=2500.0, seed=seed)
    rows = np.argsort(np.concatenate([bead.frames, rest.frames]), kind="stable")
    both = {
        name: np.concatenate([getattr(bead, name), getattr(rest, name)])[rows]
        for name in ("frames", "positions", "emitter")
    }
    return replace(bead, **both).drifting(scene(0).drift)


def test_a_single_bead_is_a_match() -> None:
    """There is nothing else to be seen that could be missing."""
    points = bead_in_background(10).chunked(4)
    shifts, _ = register_lateral(points, plan_for(points), None, **OPTIONS)
    assert shifts.valid.all()
    np.testing.assert_allclose(shifts.shift - shifts.shift[0], TRUE, atol=2)


@pytest.mark.parametrize("target", ["first", "previous", "all"])
def test_the_errors_of_a_single_bead_are_not_those_of_background(target: str) -> None:
    """Background pulls the shift hardly, and from all sides; the bead is its own reference."""
    errors = []
    for seed in range(12):
        points = bead_in_background(150, seed).chunked(4)
        shifts, _ = register_lateral(
            points, plan_for(points), None, **{**OPTIONS, "target": target}
        )
        assert shifts.valid.all()
        error = shifts.shift - TRUE
        errors.append((error - error.mean(axis=0)) / np.sqrt(shifts.variance))
    assert 0.65 < np.sqrt(np.mean(np.square(errors))) < 1.3


def test_images_that_were_counted_give_what_localizations_do() -> None:
    points = scene(1).chunked(4)
    plan = plan_for(points)
    images = [count(points.chunk(k), plan.grid)[0] for k in range(4)]
    expected, _ = register_lateral(points, plan, None, **OPTIONS)
    found, _ = register_lateral(points, plan, (images.__getitem__, points.counts), **OPTIONS)
    np.testing.assert_allclose(found.shift, expected.shift, atol=1e-3)
    np.testing.assert_allclose(found.variance, expected.variance, rtol=1e-3)


def test_a_chunk_of_which_nothing_was_counted_is_not_valid() -> None:
    points = scene(2).chunked(4)
    plan = plan_for(points)
    images = [count(points.chunk(k), plan.grid)[0] for k in range(4)]
    counted = points.counts * [1, 1, 0, 1]
    images[2][:] = 0
    found, _ = register_lateral(points, plan, (images.__getitem__, counted), **OPTIONS)
    assert found.valid.tolist() == [True, True, False, True]


def test_a_field_without_extent_does_not_move() -> None:
    points = scene(3).chunked(4)
    still: FloatArray = np.zeros_like(points.positions)
    at_one_place = ChunkedLocalizations(still, points.frames, points.bounds, ("x", "y"))
    shifts, chosen = register_lateral(at_one_place, None, None, **OPTIONS)
    assert not shifts.shift.any()
    assert shifts.valid.all()
    assert chosen["bin_size"] == 0.0
