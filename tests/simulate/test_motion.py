"""The motion of a sample: what it is in one movie, and in parts of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from smlm_accessor.simulate.motion import (
    Motion,
    MovieExtent,
    extent_of,
    extent_of_all,
    extent_of_part,
)
from smlm_accessor.table.localizations import read_localizations
from tests import scenes

TABLE = scenes.visits(scenes.sites(20), n=300, n_frames=100).still
NOTHING = TABLE.iloc[:0]


def motion(**given: Any) -> Motion:
    terms = {"velocity": given.pop("velocity", None)}
    others = ("diffusion_constant", "seed", "rotation", "scale", "rotation_center")
    return Motion(("x", "y"), terms, **{name: given.get(name) for name in others})


def test_the_extent_of_parts_is_that_of_the_whole() -> None:
    whole = extent_of_part(TABLE)
    parts = [extent_of_part(part) for part in (TABLE[200:], NOTHING, TABLE[:100], TABLE[100:200])]
    together = extent_of_all(parts)
    assert (together.first, together.last, together.n_rows) == (0, 99, 300)
    assert together.n_frames == whole.n_frames == 100
    np.testing.assert_array_equal(together.low, TABLE[["x", "y"]].min())
    np.testing.assert_array_equal(together.high, TABLE[["x", "y"]].max())
    assert extent_of_all([extent_of_part(NOTHING)]) == MovieExtent(None, None, None, None, 0)


def test_it_turns_and_grows_about_the_middle_of_the_field() -> None:
    table = pd.DataFrame({"frame": [0, 2], "x": [0.0, 10.0], "y": [4.0, 0.0]})
    locs = read_localizations(table)
    turning = motion(rotation=np.pi / 4, scale=np.log(3) / 2).in_movie(
        extent_of(locs), all_frames=False
    )
    np.testing.assert_allclose(turning.center, [5, 2])
    # A quarter turn of (5, -2), three times as large, in the second frame after the first.
    np.testing.assert_allclose(turning.moved(locs), [[0, 4], [5 + 3 * 2, 2 + 3 * 5]])
    undone = turning.matrices(np.array([2]))[0]
    np.testing.assert_allclose(undone @ [3 * 2, 3 * 5], [5, -2], atol=1e-12)


@pytest.mark.parametrize("seed", [None, 5, np.random.default_rng(5)])
def test_a_repeatable_walk_is_the_same_each_time(seed: Any) -> None:
    extent = extent_of_part(TABLE)
    walk = motion(diffusion_constant=1.0, seed=seed).repeatable()
    first, second = (walk.in_movie(extent, all_frames=True).in_each for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first is not None
    assert np.diff(first, axis=0).var() == pytest.approx(2, rel=0.3)
    if isinstance(seed, np.random.Generator):  # the next table gets another one
        again = motion(diffusion_constant=1.0, seed=seed).repeatable()
        assert (again.in_movie(extent, all_frames=True).in_each != first).any()
