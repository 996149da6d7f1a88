from __future__ import annotations

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.simulate import npc_sites, simulate_npc

XY = ["position_x", "position_y"]
XYZ = [*XY, "position_z"]


def pores(columns: list[str], n_sites: int, **options: object) -> np.ndarray:
    """Sites of each pore about its centre, shape (pores, sites, axes)."""
    sites = npc_sites(n_structures=20, seed=1, **options)  # type: ignore[arg-type]
    grouped = sites[columns].to_numpy().reshape(20, n_sites, len(columns))
    assert (sites["cluster_label"].to_numpy() == np.repeat(np.arange(20), n_sites)).all()
    return grouped - grouped.mean(axis=1, keepdims=True)


def test_a_ring_is_107_nm_across_and_eightfold() -> None:
    ring = pores(XY, 8)
    np.testing.assert_allclose(np.linalg.norm(ring, axis=2), 53.5)
    neighbours = np.linalg.norm(ring - np.roll(ring, 1, axis=1), axis=2)
    np.testing.assert_allclose(neighbours, 107 * np.sin(np.pi / 8))


def test_two_rings_are_50_nm_apart_and_flat() -> None:
    ring = pores(XYZ, 16, dimension=3)
    np.testing.assert_allclose(np.linalg.norm(ring[..., :2], axis=2), 53.5)
    np.testing.assert_allclose(np.sort(ring[..., 2], axis=1), [[-25] * 8 + [25] * 8] * 20)


def test_pores_are_turned_by_different_angles() -> None:
    ring = pores(XY, 8)
    angle = np.mod(np.arctan2(ring[:, 0, 1], ring[:, 0, 0]), np.pi / 4)
    assert angle.std() == pytest.approx(np.pi / 4 / np.sqrt(12), rel=0.4)


def test_tilted_pores_keep_their_shape() -> None:
    ring = pores(XYZ, 16, dimension=3, max_tilt=np.pi)
    np.testing.assert_allclose(np.linalg.norm(ring, axis=2), np.hypot(53.5, 25))
    assert np.ptp(ring[..., 2]) > 80


def test_other_sizes() -> None:
    ring = pores(XYZ, 18, dimension=3, diameter=2.0, ring_distance=6.0, n_fold=9)
    np.testing.assert_allclose(np.linalg.norm(ring, axis=2), np.hypot(1, 3))


def test_localizations_scatter_about_the_sites_by_the_precision() -> None:
    options = {"n_structures": 30, "dimension": 3}
    sites = npc_sites(**options, seed=np.random.default_rng(2))
    table = simulate_npc(**options, precision=(5, 6, 12), n_frames=5000, seed=2)
    error = table[XYZ].to_numpy() - sites[XYZ].to_numpy()[table["emitter"]]
    np.testing.assert_allclose(error.std(axis=0), [5, 6, 12], rtol=5 / np.sqrt(2 * len(table)))
    assert (abs(error.mean(axis=0)) < 5 * np.array([5, 6, 12]) / np.sqrt(len(table))).all()
    np.testing.assert_array_equal(table["cluster_label"], table["emitter"] // 16)


def test_background_is_in_the_region_and_as_deep_as_the_pores() -> None:
    table = simulate_npc(
        n_structures=30, dimension=3, background_fraction=0.3, n_frames=5000, seed=3
    )
    noise = table[table["cluster_label"] == -1]
    assert len(noise) / len(table) == pytest.approx(0.3, abs=0.02)
    assert noise["position_x"].between(-100, 20_100).all()
    assert noise["position_x"].std() == pytest.approx(20_000 / np.sqrt(12), rel=0.03)
    assert noise["position_z"].abs().max() < 100


@pytest.mark.parametrize("option", ["diameter", "ring_distance", "n_fold", "max_tilt"])
def test_what_makes_no_sense_is_named(option: str) -> None:
    with pytest.raises(OptionError, match=f"{option}=-1"):
        simulate_npc(**{option: -1})
