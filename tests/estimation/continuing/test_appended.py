"""A drift of the first rows, continued: it is taken where it is clear, and nowhere else."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor.estimation.continuing.appended import appended
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.estimation.following.follower import Follower
from smlm_accessor.estimation.request import Request
from smlm_accessor.table.attributes import parameters, to_json
from tests import scenes

N, FIRST = 2000, 1700


@cache
def scene(jump: float = 0.0) -> scenes.Scene:
    drift = scenes.random_walk(N, 0.15, seed=2)
    drift[1850:] += jump
    return scenes.blinking(scenes.sites(100), n_frames=N, per_frame=5, seed=1).drifting(drift)


@cache
def first() -> xr.Dataset:
    table = scene().moved
    return estimate_drift(table[table.frame < FIRST])


def continued(
    table: pd.DataFrame, start: xr.Dataset, segments: str | None = "auto", **options: Any
) -> xr.Dataset | None:
    rule = {"n_chunks": options.pop("n_chunks", None)}
    request = Request.checked(
        *("overlap", None),
        origin="first_chunk",
        rule=rule,
        options=options,
        max_localizations=10**6,
        target_std=1.0,
        progress=False,
        start=start,
    )
    return appended(table, request, segments)


def test_rows_that_were_added_are_as_precise_as_all() -> None:
    table, whole = scene().moved, estimate_drift(scene().moved)
    found = estimate_drift(table.sample(frac=1, random_state=1), start=first())
    assert int(found["n_localizations"].sum()) == len(table)
    assert (found["valid"].all(), found["frame_stop"].values[-1]) == (True, N)
    assert parameters(found)["start"] == "overlap"
    # What was known stays, but for the constant.
    k = first().sizes["chunk"]
    same = found["offset"].values[:k] - first()["offset"].values
    assert np.ptp(same, axis=0).max() < 1e-9
    z, of_whole = (scene().z_scores(d)[d["frame"].values >= FIRST] for d in (found, whole))
    assert np.sqrt(np.mean(z**2)) < 1.2 * max(np.sqrt(np.mean(of_whole**2)), 1)


def test_it_is_what_the_follower_says() -> None:
    table = scene().moved
    follower = Follower(growth=9.0)
    for part in (table[table.frame < FIRST], table[table.frame >= FIRST]):
        follower.update(part)
    found = estimate_drift(table, start=first())
    np.testing.assert_allclose(found["offset"], follower.drift["offset"], atol=1e-6)


def test_only_where_it_is_clear() -> None:
    table, start = scene().moved, first()
    assert continued(table, start) is not None
    assert continued(table, start, n_chunks=10) is None
    assert continued(table, start, precision=5.0) is None
    assert continued(table, start, segments=None) is None
    # A row of the first ones is missing; none came after; too many did.
    assert continued(table.iloc[1:], start) is None
    assert continued(table[table.frame < FIRST], start) is None
    later = table[table.frame >= FIRST]
    many = [later.assign(frame=later.frame + i * (N - FIRST)) for i in range(1, 4)]
    assert continued(pd.concat([table, *many]), start) is None
    # Nor bit by bit: rows count from the estimate.
    again = continued(table, start)
    assert again is not None
    assert parameters(again)["n_estimated"] == int((table.frame < FIRST).sum())
    small = start.assign_attrs(parameters=to_json({**parameters(start), "n_estimated": 1000}))
    assert continued(table, small) is None


def test_not_if_the_positions_are_others() -> None:
    """As many rows in each frame, which drifted in another way."""
    table = scene().moved
    other = table.assign(x=table.x + 100 * np.sin(table.frame / 300))
    assert continued(other, first()) is None


def test_not_over_a_jump() -> None:
    assert continued(scene(500.0).moved, first()) is None
