from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.simulate import simulate_thomas

CUBE = ((0, 100), (-50, 50), (200, 300))


def test_the_defaults_are_the_tutorial_data() -> None:
    sizes = [len(simulate_thomas(seed=seed)) for seed in range(20)]
    # The number of clusters is Poisson, 100 on average, of 1000 localizations each.
    assert abs(np.mean(sizes) - 100_000) < 5 * 1000 * np.sqrt(100 / 20)
    assert 0.5 < np.std(sizes) / (1000 * np.sqrt(100)) < 1.6
    table = simulate_thomas(seed=1)
    assert list(table.columns) == ["frame", "position_x", "position_y", "cluster_label"]
    assert table["frame"].dtype == table["cluster_label"].dtype == np.int64
    assert abs(len(table) / (table["frame"].max() + 1) - 3) < 0.05


def test_clusters_have_poisson_size_and_normal_spread() -> None:
    table = simulate_thomas(
        parent_intensity=4e-5, region=((0, 5000), (0, 5000)), cluster_std=(4, 12), seed=2
    )
    group = table.groupby("cluster_label")
    whole = group["position_x"].min().gt(60) & group["position_x"].max().lt(4940)
    whole &= group["position_y"].min().gt(60) & group["position_y"].max().lt(4940)
    sizes = group.size()[whole]
    assert len(sizes) > 800
    assert abs(sizes.mean() - 1000) < 5 * np.sqrt(1000 / len(sizes))
    assert 0.85 < sizes.var() / 1000 < 1.15
    for axis, std in (("x", 4), ("y", 12)):
        spread = np.sqrt(group[f"position_{axis}"].var()[whole].mean())
        assert abs(spread / std - 1) < 5 / np.sqrt(2 * sizes.sum())


def test_edges_are_as_dense_as_the_middle() -> None:
    """A strip as wide as a cluster along the border; without padding it lacks 40 %."""
    side, std = 2000.0, 30.0
    strip = middle = 0
    n_seeds, intensity, mu = 20, 1e-3, 10
    for seed in range(n_seeds):
        table = simulate_thomas(
            parent_intensity=intensity,
            region=((0, side), (0, side)),
            cluster_mu=mu,
            cluster_std=std,
            seed=seed,
        )
        x = table["position_x"].to_numpy()
        strip += int((x < std).sum()) + int((x > side - std).sum())
        middle += int((abs(x - side / 2) < std).sum())
    expected = n_seeds * intensity * mu * 2 * std * side
    # Localizations come in clusters: the variance of a count is up to 1 + mu times its mean.
    tolerance = 5 * np.sqrt(expected * (1 + mu))
    assert tolerance < 0.15 * expected
    assert abs(strip - expected) < tolerance
    assert abs(middle - expected) < tolerance


def test_everything_is_in_the_region_in_3d_too() -> None:
    table = simulate_thomas(parent_intensity=1e-4, region=CUBE, cluster_mu=50, seed=3)
    assert "position_z" in table
    for axis, (low, high) in zip("xyz", CUBE, strict=True):
        assert table[f"position_{axis}"].between(low, high).all()
    assert len(table) > 1000


def test_the_cluster_tells_nothing_of_the_frame() -> None:
    table = simulate_thomas(seed=4)
    means = table.groupby("cluster_label")["frame"].agg(["mean", "size"])
    means = means[means["size"] > 100]
    half = table["frame"].max() / 2
    scores = (means["mean"] - half) / (half / np.sqrt(3 * means["size"]))
    assert scores.abs().max() < 5
    assert 0.7 < scores.std() < 1.3


def test_labels_have_no_gaps() -> None:
    table = simulate_thomas(cluster_mu=1, seed=5)
    labels = np.unique(table["cluster_label"])
    np.testing.assert_array_equal(labels, np.arange(len(labels)))


@pytest.mark.parametrize("nothing", [{"parent_intensity": 0}, {"cluster_mu": 0}])
def test_nothing_gives_an_empty_table_with_the_same_columns(nothing: dict[str, Any]) -> None:
    table = simulate_thomas(**nothing, seed=1)
    assert len(table) == 0
    assert (table.dtypes == simulate_thomas(seed=1).dtypes).all()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"parent_intensity": -1}, "parent_intensity=-1"),
        ({"parent_intensity": 1e6}, "parent_intensity"),
        ({"cluster_std": (1, 2, 3)}, "cluster_std"),
        ({"cluster_std": -1}, "cluster_std=-1"),
        ({"cluster_mu": np.inf}, "cluster_mu=inf"),
        ({"localizations_per_frame": 0}, "localizations_per_frame=0"),
        ({"region": ((0, 1),)}, "region"),
        ({"region": ((0, 1), (1, 0))}, "region"),
        ({"region": "everywhere"}, "region='everywhere'"),
    ],
)
def test_what_makes_no_sense_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        simulate_thomas(**options)
