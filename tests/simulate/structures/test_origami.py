from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.simulate import origami_sites, simulate_origami


def test_sites_are_a_grid_with_20_nm_spacing() -> None:
    from scipy.spatial.distance import pdist

    sites = origami_sites(n_structures=7, seed=1)
    expected = np.sort(pdist(20.0 * np.indices((3, 4)).reshape(2, -1).T))
    for _, origami in sites.groupby("cluster_label"):
        np.testing.assert_allclose(np.sort(pdist(origami[["position_x", "position_y"]])), expected)


def test_grids_in_3d_lie_flat_or_have_a_height() -> None:
    flat = origami_sites(n_structures=3, dimension=3, seed=1)
    np.testing.assert_allclose(flat["position_z"], 0, atol=1e-9)
    high = origami_sites(n_structures=3, dimension=3, grid=(2, 2, 3), spacing=(20, 20, 50), seed=1)
    np.testing.assert_allclose(np.unique(high["position_z"].round(9)), [-50, 0, 50])
    tilted = origami_sites(n_structures=3, dimension=3, max_tilt=1.0, seed=1)
    assert np.ptp(tilted["position_z"]) > 5


def test_origami_stand_at_different_angles() -> None:
    sites = origami_sites(n_structures=200, seed=2)
    first = sites.groupby("cluster_label")[["position_x", "position_y"]].nth([0, 1]).to_numpy()
    side = first.reshape(200, 2, 2)[:, 1] - first.reshape(200, 2, 2)[:, 0]
    counts, _ = np.histogram(np.arctan2(side[:, 1], side[:, 0]), 4, (-np.pi, np.pi))
    assert (abs(counts - 50) < 5 * np.sqrt(50)).all()


def test_every_site_is_seen() -> None:
    table = simulate_origami(n_structures=10, n_frames=5000, bindings_per_site=30, seed=3)
    assert table["emitter"].nunique() == 120
    assert table["cluster_label"].nunique() == 10


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"grid": (3,)}, "grid"),
        ({"grid": (3, 4, 2)}, "grid"),
        ({"grid": (3, 0)}, "grid=0"),
        ({"spacing": 0}, "spacing=0"),
        ({"spacing": (1, 2, 3)}, "spacing"),
    ],
)
def test_what_makes_no_sense_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        origami_sites(**options)
