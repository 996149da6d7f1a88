from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from smlm_accessor.errors import OptionError
from smlm_accessor.simulate.structures.orientation import random_rotations, scatter

RNG = np.random.default_rng


@pytest.mark.parametrize("max_tilt", [0.0, 0.3, np.pi])
def test_they_are_rotations(max_tilt: float) -> None:
    turns = random_rotations(50, max_tilt, RNG(1))
    identity = np.broadcast_to(np.eye(3), turns.shape)
    np.testing.assert_allclose(turns @ turns.swapaxes(1, 2), identity, atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turns), 1)


def test_the_angle_about_the_axis_is_uniform() -> None:
    turns = random_rotations(20_000, 0.0, RNG(2))
    np.testing.assert_allclose(turns[:, 2, 2], 1)
    angle = np.arctan2(turns[:, 1, 0], turns[:, 0, 0])
    counts, _ = np.histogram(angle, bins=16, range=(-np.pi, np.pi))
    assert (abs(counts - 1250) < 5 * np.sqrt(1250)).all()


def test_the_axis_stays_in_its_cone() -> None:
    tilt = np.arccos(random_rotations(20_000, 0.3, RNG(3))[:, 2, 2])
    assert 0.299 < tilt.max() <= 0.3 + 1e-9
    # Uniform on the cap: half of the axes are inside half of its area.
    half = np.arccos((1 + np.cos(0.3)) / 2)
    assert abs((tilt < half).mean() - 0.5) < 5 * 0.5 / np.sqrt(len(tilt))


def test_full_tilt_gives_every_orientation_alike() -> None:
    turned = random_rotations(20_000, np.pi, RNG(4)) @ np.array([0.6, 0.0, 0.8])
    # The second moments of a uniform direction are 1/3, its variance 4/45.
    moments = np.einsum("ni,nj->ij", turned, turned) / len(turned)
    np.testing.assert_allclose(moments, np.eye(3) / 3, atol=5 * np.sqrt(4 / 45 / len(turned)))
    np.testing.assert_allclose(turned.mean(axis=0), 0, atol=5 / np.sqrt(3 * len(turned)))


def place(**options: Any) -> Any:
    given = {"n_structures": 100, "region": ((0, 10), (20, 30)), "dimension": 3, "max_tilt": 0.0}
    template = np.array([[1.0, 0, 5], [-1.0, 0, -5]])
    return scatter(template, "sites", given | options | {"seed": 1})


def test_centres_are_in_the_region() -> None:
    centers = place().groupby("cluster_label").mean()
    assert len(centers) == 100
    assert centers["position_x"].between(0, 10).all()
    assert centers["position_y"].between(20, 30).all()
    np.testing.assert_allclose(centers["position_z"], 0, atol=1e-12)
    deep = place(region=((0, 10), (20, 30), (100, 200))).groupby("cluster_label").mean()
    assert deep["position_z"].between(100, 200).all()
    assert deep["position_z"].std() > 20
    assert "position_z" not in place(dimension=2)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"n_structures": 1.5}, "n_structures"),
        ({"dimension": 4}, "dimension=4"),
        ({"dimension": 2, "region": ((0, 1),) * 3}, "region"),
        ({"max_tilt": 4}, "max_tilt=4"),
        ({"n_structures": 10**9}, "n_structures"),
    ],
)
def test_what_makes_no_sense_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        place(**options)
