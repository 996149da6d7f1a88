"""Monitoring beads: traces that last, each with times of its own, on known drift."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pandas as pd
import pytest

import smlm_accessor
from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import SmlmWarning
from smlm_accessor.methods.fiducial.traced import traced_beads

HOUR, EVERY = 3600.0, 6.0  # s
JITTER = np.array([1.5, 1.5, 2.0])


def drift_at(time: FloatArray) -> FloatArray:
    waves = np.sin(2 * np.pi * time / HOUR * np.array([[1.0], [2.0], [0.5]]))
    return (np.array([[50.0], [-20.0], [10.0]]) * (time / HOUR + 0.4 * waves)).T


def beads(seed: int, *, walk: list[float], lost: float = 0.0, unit: float = 0.001) -> pd.DataFrame:
    """Beads localized in turns; ``walk`` is how far each goes by itself in an hour, nm."""
    rng = np.random.default_rng(seed)
    fine, parts = np.linspace(0, HOUR, 1000), []
    for k, far in enumerate(walk):
        time = np.arange(0, HOUR - EVERY, EVERY) + EVERY * k / len(walk)
        time = np.sort(time + rng.normal(0, 0.05, len(time)) + 1)
        time = time[rng.random(len(time)) >= lost]
        own = np.cumsum(rng.normal(0, far / np.sqrt(1000), (1000, 3)), axis=0)
        x = rng.uniform(0, 5000, 3) + drift_at(time)
        x += np.stack([np.interp(time, fine, o) for o in own.T], axis=1)
        x += rng.normal(0, 1, x.shape) * JITTER
        columns = {"tid": 10 * k + 3, "tim": time, "x": x[:, 0], "y": x[:, 1], "z": x[:, 2]}
        parts.append(pd.DataFrame(columns))
    table = pd.concat(parts, ignore_index=True)
    table["frame"] = np.round(table["tim"] / unit).astype(np.int64)
    return smlm_accessor.set_columns(table, frame="frame", unit="nm")


def deviates(table: pd.DataFrame, unit: float = 0.001) -> FloatArray:
    """Return the error of each chunk over its ``offset_std``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmlmWarning)
        drift = table.smlm.drift(method="fiducial")
    assert drift["valid"].all()
    error = -drift["offset"].values - drift_at(drift["frame"].values * unit)
    error -= np.average(error, axis=0, weights=drift["n_localizations"].values)
    return np.asarray(error / drift["offset_std"].values)


@pytest.mark.parametrize(
    ("walk", "lost"),
    [([0.0] * 4, 0.0), ([0.5] * 3, 0.0), ([0.5] * 5 + [20.0], 0.0), ([1.0] * 4 + [9.0], 0.5)],
)
def test_errors_are_as_large_as_they_should_be(walk: list[float], lost: float) -> None:
    z = [deviates(beads(seed, walk=walk, lost=lost)) for seed in range(8)]
    assert 0.85 < np.sqrt(np.mean(np.square(np.concatenate(z)))) < 1.2


def test_beads_of_the_same_times_in_another_unit() -> None:
    for unit in (0.001, 0.1):
        z = deviates(beads(1, walk=[0.5] * 4, unit=unit), unit)
        assert np.sqrt(np.mean(z**2)) < 1.4


def test_a_loose_bead_is_named_and_hardly_counts() -> None:
    with pytest.warns(SmlmWarning, match=r"1 of 5 beads move by themselves: bead 23 at \("):
        drift = beads(2, walk=[0.5, 0.5, 20.0, 0.5, 0.5]).smlm.drift(method="fiducial")
    chosen = json.loads(drift.attrs["parameters"])
    assert chosen["traces"] == [3, 13, 23, 33, 43]
    assert chosen["loose"] == [2]
    assert chosen["weights"][2] < 0.02
    assert np.max(chosen["own_motion"][2][:2]) > 5
    assert np.max(np.delete(chosen["own_motion"], 2, axis=0)) < 1


def test_beads_correct_the_localizations_of_the_same_clock() -> None:
    rng = np.random.default_rng(3)
    time = np.sort(rng.uniform(60, HOUR - 60, 500))
    still = rng.uniform(0, 1000, (500, 3))
    x, y, z = (still + drift_at(time)).T
    locs = pd.DataFrame({"tid": np.arange(500), "tim": time, "x": x, "y": y, "z": z})
    locs["frame"] = np.round(1000 * time).astype(np.int64)
    locs = smlm_accessor.set_columns(locs, frame="frame", unit="nm")
    drift = beads(3, walk=[0.3] * 5).smlm.drift(method="fiducial")
    error = locs.smlm.correct(drift)[["x", "y", "z"]].to_numpy() - still
    assert (np.std(error, axis=0) < [0.5, 0.5, 0.6]).all()


def test_the_table_of_beads_has_all_of_them() -> None:
    found = beads(4, walk=[0.3] * 3 + [15.0]).smlm.find_fiducials()
    assert len(found) == 4
    assert found["weight"].iloc[-1] < 0.05
    assert (found["presence"] == 1).all()
    assert found["jitter"].to_numpy() == pytest.approx(1.5, rel=0.15)


def test_only_the_beads_that_are_given_are_used() -> None:
    table = beads(5, walk=[0.3] * 4)
    found = table.smlm.find_fiducials().sort_values("x")
    drift = table.smlm.drift(method="fiducial", fiducials=found.iloc[:2])
    assert len(json.loads(drift.attrs["parameters"])["traces"]) == 2


def test_traces_that_do_not_last_are_no_beads() -> None:
    frames = np.arange(1000)
    args = np.zeros((1000, 2)), frames, frames // 50
    assert traced_beads(*args, given=None, presence=0.8) is None
    assert traced_beads(*args[:2], np.full(1000, -1), given=None, presence=0.8) is None
