"""The precision along each axis: from molecules seen in successive frames, or what is given."""

from __future__ import annotations

import numpy as np

from smlm_accessor.methods.precision import precision_along, telling_axes
from tests import scenes


def test_it_is_that_of_successive_frames() -> None:
    scene = scenes.blinking(scenes.sites(200, d=3), n_frames=2_000, per_frame=8, seed=1)
    np.testing.assert_allclose(precision_along(scene.chunked()), scene.precision, rtol=0.15)


def test_what_is_given_holds_along_all_axes() -> None:
    scene = scenes.visits(scenes.sites(), n=100, n_frames=100)
    np.testing.assert_array_equal(precision_along(scene.chunked(), 7.0), 7)


def test_along_z_it_is_twice_that_of_x_where_nothing_tells_it() -> None:
    """Localizations at random: none is seen in two successive frames."""
    rng = np.random.default_rng(1)
    scene = scenes.visits(rng.uniform(0, 9_000, (3_000, 3)), n=6_000, n_frames=6_000)
    found = precision_along(scene.chunked())
    assert found[2] == 2 * found[0]


def test_axes_that_tell_are_those_that_differ_and_are_known() -> None:
    positions = np.random.default_rng(1).normal(size=(9, 3))
    positions[:, 0] = 4.0
    assert telling_axes(positions, np.ones(3)).tolist() == [1, 2]
    assert telling_axes(positions, np.array([1.0, 0.0, np.nan])).tolist() == []
