from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.simulate import filament_sites, simulate_filaments
from smlm_accessor.simulate.structures.filaments import _curves, _fold

WIDE = ((0, 1e9), (0, 1e9))


def test_the_number_of_sites_is_poisson() -> None:
    sites = filament_sites(n_structures=2000, length=1000, site_spacing=20, seed=1)
    counts = np.bincount(sites["cluster_label"], minlength=2000)
    assert abs(counts.mean() - 50) < 5 * np.sqrt(50 / 2000)
    assert 0.85 < counts.var() / 50 < 1.15


@pytest.mark.parametrize(("d", "decay"), [(2, 2.0), (3, 1.0)])
def test_the_direction_is_that_of_a_wormlike_chain(d: int, decay: float) -> None:
    n, steps, step, persistence = 4000, 100, 10.0, 500.0
    curves = _curves(np.zeros((n, d)), steps, step, persistence, np.random.default_rng(2))
    assert curves.shape == (n, 2 * steps + 1, d)
    np.testing.assert_array_equal(curves[:, steps], 0)
    pieces = np.diff(curves, axis=1)
    np.testing.assert_allclose(np.linalg.norm(pieces, axis=2), step, rtol=0.1)
    directions = pieces / np.linalg.norm(pieces, axis=2, keepdims=True)
    for i, j in ((20, 40), (80, 120), (60, 160)):  # also across the middle
        cosine = (directions[:, i] * directions[:, j]).sum(axis=1)
        expected = np.exp(-(j - i) * step / persistence / decay)
        assert abs(cosine.mean() - expected) < 5 * cosine.std() / np.sqrt(n) + 0.01


def test_filaments_are_smooth() -> None:
    curves = _curves(np.zeros((50, 2)), 200, 50.0, 10_000.0, np.random.default_rng(3))
    pieces = np.diff(curves, axis=1)
    angle = np.arctan2(pieces[..., 1], pieces[..., 0])
    turn = np.abs((np.diff(angle, axis=1) + np.pi) % (2 * np.pi) - np.pi)
    assert turn.max() < 6 * np.sqrt(50 / 10_000)


@pytest.mark.parametrize("region", [((0, 20_000),) * 2, ((0, 20_000), (0, 20_000), (0, 600))])
def test_the_region_is_filled_evenly_to_its_walls(region: Any) -> None:
    sites = filament_sites(n_structures=1000, region=region, site_spacing=200, seed=4)
    for axis, (low, high) in zip("xyz", region, strict=False):
        values = sites[f"position_{axis}"].to_numpy()
        assert ((values >= low) & (values <= high)).all()
        counts, _ = np.histogram(values, bins=10, range=(low, high))
        # Sites of a filament lie together: 1000 filaments, each in a few bins at most.
        assert (abs(counts / counts.mean() - 1) < 0.25).all()


def test_folding_mirrors_at_the_walls() -> None:
    box = np.array([[0.0, 10.0]])
    outside = np.array([[-3.0], [4.0], [12.0], [27.0]])
    np.testing.assert_allclose(_fold(outside, box).ravel(), [3, 4, 8, 7])


def test_sites_are_near_their_neighbours_along_the_filament() -> None:
    sites = filament_sites(n_structures=1, region=WIDE, length=1000, site_spacing=10, seed=5)
    extent = np.ptp(sites[["position_x", "position_y"]].to_numpy(), axis=0)
    assert 700 < np.linalg.norm(extent) <= 1000.001


def test_localizations_per_frame_and_background() -> None:
    table = simulate_filaments(
        n_frames=20_000, localizations_per_frame=3, background_fraction=0.1, precision=10, seed=6
    )
    counts = np.bincount(table["frame"], minlength=20_000)
    assert counts.mean() == pytest.approx(3, abs=0.1)
    assert (table["cluster_label"] == -1).mean() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("option", ["n_structures", "length", "persistence_length", "site_spacing"])
def test_what_makes_no_sense_is_named(option: str) -> None:
    with pytest.raises(OptionError, match=f"{option}=-1"):
        filament_sites(**{option: -1})


def test_too_much_is_refused_at_once() -> None:
    with pytest.raises(OptionError, match="site_spacing"):
        filament_sites(site_spacing=1e-9)
    with pytest.raises(OptionError, match="persistence_length"):
        filament_sites(persistence_length=1e-9)
