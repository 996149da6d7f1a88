"""Drift from a part of a table, or from one channel, for all of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor.errors import TableError

OPTIONS = {"method": "cc", "n_chunks": 4}
Filter = Callable[[pd.DataFrame], pd.DataFrame]

FILTERS: dict[str, Filter] = {
    "query": lambda t: t.query("photons > 500"),
    "mask": lambda t: t[t["photons"] > 500],
    "channel": lambda t: t[t["channel"] == "red"],
}


@pytest.fixture(scope="module")
def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two channels that drift together, with names that have to be said; and the same without."""
    rng = np.random.default_rng(1)
    locs = smlm_accessor.simulate_thomas(cluster_mu=150, seed=1)
    drifted = locs.smlm.simulate_drift(velocity=(0.02, 0.01))
    both = []
    photons = rng.exponential(1000, len(locs))
    channel = pd.Categorical(rng.choice(["red", "green"], len(locs)))
    for table in (drifted, locs):
        renamed = table.rename(columns={"position_x": "a", "position_y": "b", "frame": "t"})
        named = renamed.assign(photons=photons, channel=channel)
        named.attrs = {}
        both.append(smlm_accessor.set_columns(named, x="a", y="b", frame="t", unit="nm"))
    return both[0], both[1]


@pytest.mark.parametrize("name", FILTERS)
def test_a_part_tells_the_drift_of_all(
    name: str, tables: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    drifted, truth = tables
    part = FILTERS[name](drifted)
    assert part.smlm.columns == drifted.smlm.columns
    drift = part.smlm.drift(**OPTIONS)
    fixed = drifted.smlm.correct(drift, outside="hold")
    assert len(fixed) == len(drifted)
    assert (fixed.smlm.rmse(truth) < drifted.smlm.rmse(truth) / 10).all()


@pytest.mark.parametrize("name", FILTERS)
def test_the_same_of_dask(name: str, tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    dd = pytest.importorskip("dask.dataframe")
    drifted, _ = tables
    lazy = dd.from_pandas(drifted, npartitions=3)
    part = FILTERS[name](lazy)
    assert part.smlm.columns == drifted.smlm.columns
    drift = part.smlm.drift(**OPTIONS)
    expected = FILTERS[name](drifted).smlm.drift(**OPTIONS)
    np.testing.assert_allclose(drift["offset"], expected["offset"], atol=1e-9)
    fixed = lazy.smlm.correct(drift, outside="hold").compute()
    pd.testing.assert_frame_equal(fixed, drifted.smlm.correct(drift, outside="hold"))


def test_one_channel_corrects_another_in_another_unit(
    tables: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    drifted, truth = tables
    drift = drifted[drifted["channel"] == "red"].smlm.drift(**OPTIONS)
    green = drifted["channel"] == "green"
    in_um = drifted[green].assign(a=drifted["a"] / 1000, b=drifted["b"] / 1000)
    in_um = smlm_accessor.set_columns(in_um, unit="um")
    fixed = in_um.smlm.correct(drift, outside="hold")
    assert (fixed.smlm.rmse(truth[green]) < in_um.smlm.rmse(truth[green]) / 10).all()


def test_a_part_without_rows_says_why(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    with pytest.raises(TableError, match=r"no rows.*condition"):
        tables[0].query("photons > 1e9").smlm.drift(**OPTIONS)


def test_groups_are_tables_of_their_own(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    of_each = {
        name: group.smlm.drift(**OPTIONS)["offset"].values[-1]
        for name, group in tables[0].groupby("channel", observed=True)
    }
    np.testing.assert_allclose(of_each["red"], of_each["green"], rtol=0.2)
