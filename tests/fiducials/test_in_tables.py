"""Beads of a table: found, left out, used."""

from __future__ import annotations

import json

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor.errors import InvalidChunkWarning, OptionError, SmlmWarning, TableError
from smlm_accessor.fiducials import in_tables

N_FRAMES = 1500
PLACES = np.array([[1000.0, 1200.0], [4000.0, 700.0], [2500.0, 3800.0]])


def movie(
    seed: int = 1, *, beads: int = 3, loose: int | None = None, z: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Blinking molecules and beads that drift together; ``loose`` walks off by itself."""
    rng = np.random.default_rng(seed)
    molecules = rng.uniform(0, 5000, (300, 2))
    still = [np.repeat(molecules, 12, axis=0) + rng.normal(0, 10, (3600, 2))]
    frames = [rng.integers(N_FRAMES, size=3600)]
    for bead in range(beads):
        shown = np.flatnonzero(rng.random(N_FRAMES) < 0.95)
        place = PLACES[bead] + rng.normal(0, 2, (len(shown), 2))
        if bead == loose:
            place += np.outer(shown / N_FRAMES, [300.0, -200.0])
        still.append(place)
        frames.append(shown)
    frame, xy = np.concatenate(frames), np.concatenate(still)
    bead = np.repeat(np.arange(-1, beads), [len(f) for f in frames])
    t = frame / N_FRAMES
    truth = pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1], "frame": frame, "bead": bead})
    if z:
        truth.insert(2, "z", rng.normal(30.0 * bead, 3.0))
    drifted = truth.assign(x=truth["x"] + 100 * t, y=truth["y"] + 60 * np.sin(4 * t))
    return drifted, truth


def test_beads_are_found_and_described() -> None:
    drifted, _ = movie(loose=2, z=True)
    beads = drifted.smlm.find_fiducials()
    assert list(beads) == [
        *("x", "y", "z", "presence", "n_localizations", "jitter", "stray", "weight", "radius"),
    ]
    assert beads.index.name == "bead"
    expected = np.hstack([PLACES, 30.0 * np.arange(3)[:, None]])
    by_x = beads.sort_values("x")
    np.testing.assert_allclose(by_x[["x", "y", "z"]], expected[[0, 2, 1]], atol=12)
    np.testing.assert_allclose(beads["presence"], 0.95, atol=0.03)
    np.testing.assert_allclose(beads["jitter"], 2.0, atol=0.3)
    assert beads["weight"].sum() == pytest.approx(1)
    assert beads["weight"].is_monotonic_decreasing
    assert (beads["stray"].to_numpy() < 2).tolist() == [True, True, False]
    assert beads["n_localizations"].sum() == pytest.approx((drifted["bead"] >= 0).sum(), rel=0.01)


@pytest.mark.parametrize("loose", [None, 2])
def test_their_localizations_are_marked_wherever_they_go(loose: int | None) -> None:
    drifted, _ = movie(loose=loose)
    shuffled = drifted.sample(frac=1, random_state=1)
    marked = shuffled.smlm.is_fiducial()
    assert marked.dtype == bool
    assert marked.index.equals(shuffled.index)
    of_bead = shuffled["bead"] >= 0
    assert marked[of_bead].mean() > 0.99
    assert marked[~of_bead].mean() < 0.01
    again = shuffled.smlm.is_fiducial(shuffled.smlm.find_fiducials())
    assert (again != marked).mean() < 0.001


def test_only_some_of_them() -> None:
    drifted, truth = movie(loose=2)
    beads = drifted.smlm.find_fiducials()
    good = beads.query("stray < 5")
    assert len(good) == 2
    marked = drifted.smlm.is_fiducial(good)
    assert not marked[drifted["bead"] == 2].any()
    assert marked[drifted["bead"].isin([0, 1])].mean() > 0.99
    drift = drifted.smlm.drift(method="fiducial", fiducials=good)
    assert len(json.loads(drift.attrs["parameters"])["beads"]) == 2
    fixed = drifted.smlm.correct(drift, outside="hold")
    assert (fixed.smlm.rmse(truth) < 1.0).all()


def test_a_loose_bead_is_better_left_out() -> None:
    drifted, truth = movie(beads=1, loose=0)
    molecules = drifted["bead"] < 0

    def error(used: pd.DataFrame) -> float:
        found = used.smlm.drift(method="aim")
        fixed = drifted.smlm.correct(found, outside="hold")
        return float(fixed[molecules].smlm.rmse(truth[molecules]).max())

    # The bead goes 300 nm, and is seen in nearly each frame; molecules have the say all the same.
    with pytest.warns(InvalidChunkWarning):
        beside = error(drifted)
    assert beside < 30
    assert error(drifted[~drifted.smlm.is_fiducial()]) < min(3, beside / 3)


def test_a_single_bead_cannot_be_judged() -> None:
    drifted, _ = movie(beads=1)
    beads = drifted.smlm.find_fiducials()
    assert len(beads) == 1
    assert beads["stray"].isna().all()


def test_no_beads() -> None:
    drifted, _ = movie(beads=0)
    beads = drifted.smlm.find_fiducials()
    assert not len(beads)
    assert "weight" in beads
    for given in (None, beads):
        assert not drifted.smlm.is_fiducial(given).any()
    with pytest.raises(OptionError, match="table without rows"):
        drifted.smlm.drift(method="fiducial", fiducials=beads)


def test_missing_coordinates_units_and_columns() -> None:
    drifted, _ = movie()
    hole = drifted.copy()
    hole.loc[hole.index[-1], "x"] = np.nan
    assert not hole.smlm.is_fiducial().iloc[-1]
    small = drifted.assign(x=drifted["x"] / 1000, y=drifted["y"] / 1000)
    np.testing.assert_allclose(
        small.smlm.find_fiducials()["radius"], drifted.smlm.find_fiducials()["radius"] / 1000
    )
    with pytest.raises(OptionError, match="find_fiducials"):
        drifted.smlm.is_fiducial([[1.0, 2.0]])
    with pytest.raises(OptionError, match="columns x and y"):
        drifted.smlm.is_fiducial(pd.DataFrame({"a": [1.0]}))
    with pytest.raises(OptionError, match="presence"):
        drifted.smlm.find_fiducials(presence=2.0)
    with pytest.raises(OptionError, match="radius"):
        drifted.smlm.is_fiducial(radius=-1.0)
    with pytest.raises(TableError, match="frame"):
        drifted[["x", "y"]].smlm.find_fiducials()


def test_a_bead_that_is_not_there_is_told() -> None:
    drifted, _ = movie()
    beads = pd.DataFrame({"x": [PLACES[0, 0], 4900.0], "y": [PLACES[0, 1], 4900.0]})
    with pytest.warns(SmlmWarning, match=r"1 of 2 beads.*4900"):
        marked = drifted.smlm.is_fiducial(beads, radius=10.0)
    assert marked[drifted["bead"] == 0].mean() > 0.99


def test_dask() -> None:
    dd = pytest.importorskip("dask.dataframe")
    drifted, _ = movie(loose=2)
    drifted = smlm_accessor.set_columns(
        drifted.rename(columns={"x": "a"}), x="a", y="y", frame="frame"
    )
    lazy = dd.from_pandas(drifted, npartitions=3)
    beads = lazy.smlm.find_fiducials()
    pd.testing.assert_frame_equal(beads, drifted.smlm.find_fiducials())
    marked = lazy.smlm.is_fiducial(beads)
    pd.testing.assert_series_equal(marked.compute(), drifted.smlm.is_fiducial(beads))
    rest = lazy[~lazy.smlm.is_fiducial()].compute()
    pd.testing.assert_frame_equal(rest, drifted[~drifted.smlm.is_fiducial()])


def test_without_beads_the_method_says_so() -> None:
    drifted, _ = movie()
    rest = drifted[~drifted.smlm.is_fiducial()]
    with pytest.warns(InvalidChunkWarning, match="No beads"):
        rest.smlm.drift(method="fiducial")


def test_partitions_of_which_nothing_is_known_tell_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(in_tables, "MOST_OF_DASK", 3000)
    table = movie()[0].reset_index(drop=True)
    parts = [table.iloc[:1000], table.iloc[1000:]]
    unknown = dd.from_map(lambda part: part, parts, meta=table.iloc[:0])
    known = dd.from_pandas(table, npartitions=2, sort=False)
    found = unknown.smlm.find_fiducials()
    assert len(found)
    pd.testing.assert_frame_equal(found, known.smlm.find_fiducials())
