from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.simulate import localization_precision, simulate_blinking

SITES = np.random.default_rng(0).uniform(0, 1000, (200, 2))


def test_each_site_comes_back_as_often_as_asked() -> None:
    table = simulate_blinking(SITES, bindings_per_site=20, mean_on_frames=5, seed=1)
    per_site = np.bincount(table["emitter"], minlength=200)
    assert abs(per_site.mean() - 100) < 5 * per_site.std() / np.sqrt(200)
    # A binding goes on as long as the site is seen in the next frame.
    seen = table.sort_values(["emitter", "frame"])
    again = (seen["frame"].diff() == 1) & (seen["emitter"].diff() == 0)
    bindings = (~again).sum()
    assert bindings / 200 == pytest.approx(20, rel=5 / np.sqrt(20 * 200))
    assert len(table) / bindings == pytest.approx(5, rel=5 / np.sqrt(bindings))
    assert not seen.duplicated(["emitter", "frame"]).any()


def test_rows_follow_the_frames() -> None:
    table = simulate_blinking(SITES, n_frames=500, background_fraction=0.2, seed=2)
    assert table["frame"].is_monotonic_increasing
    assert table["frame"].between(0, 499).all()
    assert isinstance(table.index, pd.RangeIndex)


@pytest.mark.parametrize("background", [0.0, 0.4])
def test_localizations_per_frame_count_all(background: float) -> None:
    table = simulate_blinking(
        SITES, localizations_per_frame=12, background_fraction=background, seed=3
    )
    counts = np.bincount(table["frame"], minlength=10_000)
    assert counts.mean() == pytest.approx(12, rel=0.02)
    assert (table["emitter"] == -1).mean() == pytest.approx(background, abs=0.01)
    assert ((table["emitter"] == -1) == (table["cluster_label"] == -1)).all()


@pytest.mark.parametrize(("precision", "std"), [(7, (7, 7)), ((3, 9), (3, 9))])
def test_the_error_is_the_precision(precision: Any, std: tuple[float, float]) -> None:
    table = simulate_blinking(SITES, precision=precision, seed=4)
    error = table[["position_x", "position_y"]].to_numpy() - SITES[table["emitter"]]
    np.testing.assert_allclose(error.std(axis=0), std, rtol=5 / np.sqrt(2 * len(table)))
    assert (table["uncertainty_x"] == std[0]).all()
    assert (table["uncertainty_y"] == std[1]).all()


def test_precision_follows_from_the_photons() -> None:
    sites = np.column_stack([SITES, np.zeros(200)])
    table = simulate_blinking(sites, photons=900, psf_std=150, background_photons=3, seed=5)
    expected = localization_precision(table["intensity"], psf_std=150, background_photons=3)
    np.testing.assert_allclose(table["uncertainty_x"], expected)
    np.testing.assert_allclose(table["uncertainty_z"], 2.5 * expected)
    error = table[["position_x", "position_y", "position_z"]].to_numpy() - sites[table["emitter"]]
    score = error / table[["uncertainty_x", "uncertainty_y", "uncertainty_z"]].to_numpy()
    np.testing.assert_allclose(score.std(axis=0), 1, rtol=5 / np.sqrt(2 * len(table)))


def test_photons_are_exponential_above_the_threshold() -> None:
    photons = simulate_blinking(SITES, photons=900, seed=6)["intensity"]
    assert photons.min() >= 300
    assert photons.mean() == pytest.approx(900, rel=5 / np.sqrt(len(photons)))
    assert photons.std() == pytest.approx(600, rel=10 / np.sqrt(len(photons)))


def test_background_is_uniform_in_the_region_and_in_time() -> None:
    table = simulate_blinking(
        SITES, background_fraction=0.5, region=((-500, 1500), (0, 4000)), precision=0, seed=7
    )
    noise = table[table["emitter"] == -1]
    for column, low, high in (
        ("position_x", -500, 1500),
        ("position_y", 0, 4000),
        ("frame", 0, 10_000),
    ):
        assert noise[column].between(low, high).all()
        counts, _ = np.histogram(noise[column], bins=10, range=(low, high))
        assert (abs(counts - len(noise) / 10) < 5 * np.sqrt(len(noise) / 10)).all()


def test_labeling_leaves_emitters_out() -> None:
    table = simulate_blinking(SITES, labeling=0.6, bindings_per_site=50, seed=8)
    assert abs(table["emitter"].nunique() - 120) < 5 * np.sqrt(200 * 0.6 * 0.4)
    assert len(simulate_blinking(SITES, labeling=0, seed=8)) == 0


def test_beads_are_in_every_frame() -> None:
    table = simulate_blinking(SITES[:3], n_frames=50, mean_on_frames=np.inf, seed=9)
    assert len(table) == 150
    assert (table.groupby("frame")["emitter"].nunique() == 3).all()


def test_labels_of_the_emitters_come_along() -> None:
    sites = pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": 0.0, "cluster_label": [7, 7, 9]})
    before = sites.copy()
    table = simulate_blinking(sites, background_fraction=0.2, seed=10)
    known = np.array([7, 7, 9, -1])
    np.testing.assert_array_equal(table["cluster_label"], known[table["emitter"]])
    pd.testing.assert_frame_equal(sites, before)


def test_no_emitters_give_an_empty_table() -> None:
    for options in ({}, {"localizations_per_frame": 3}, {"mean_on_frames": np.inf}):
        table = simulate_blinking(np.empty((0, 3)), background_fraction=0.5, **options)
        assert len(table) == 0
        assert "position_z" in table
        assert table["frame"].dtype == np.int64


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"n_frames": 0}, "n_frames=0"),
        ({"background_fraction": 1}, "background_fraction=1"),
        ({"labeling": 1.1}, "labeling=1.1"),
        ({"precision": (1, 2, 3)}, "precision"),
        ({"precision": -1}, "precision=-1"),
        ({"photons": 0}, "photons=0"),
        ({"psf_std": 0}, "psf_std=0"),
        ({"bindings_per_site": 3000}, "bindings_per_site can be 2e\\+03 at most"),
        ({"region": ((0, 1),) * 3}, "region"),
        ({"n_frames": 10**9, "bindings_per_site": 10**7}, "n_frames"),
    ],
)
def test_what_makes_no_sense_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        simulate_blinking(SITES, **options)


@pytest.mark.parametrize("emitters", [[1.0, 2.0], np.zeros((3, 4)), [[0.0, np.nan]]])
def test_emitters_must_have_positions(emitters: Any) -> None:
    with pytest.raises(OptionError, match="emitters"):
        simulate_blinking(emitters)
