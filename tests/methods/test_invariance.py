"""A drift does not depend on how time is counted."""

from __future__ import annotations

import warnings
from functools import cache

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from smlm_accessor.errors import InvalidChunkWarning
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.methods import registry

METHODS = [name for name in registry.names() if name != "nothing"]  # see test_third_party


@cache
def table(gap: int = 0) -> pd.DataFrame:
    """Blinks of 60 molecules, and two beads, that drift; with a gap halfway."""
    rng = np.random.default_rng(1)
    n, n_frames = 1500, 600
    places = rng.uniform(-500, 500, (60, 2))[rng.integers(60, size=n)].repeat(2, axis=0)
    frames = np.sort(rng.integers(n_frames - 1, size=n)).repeat(2) + np.tile([0, 1], n)
    beads = rng.uniform(-400, 400, (2, 2)).repeat(n_frames, axis=0)
    frames = np.concatenate([frames, np.arange(n_frames), np.arange(n_frames)])
    positions = np.concatenate([places, beads]) + rng.normal(0, 5, (len(frames), 2))
    positions += frames[:, None] * [0.05, -0.03]
    found = pd.DataFrame({"frame": frames, "x": positions[:, 0], "y": positions[:, 1]})
    found["frame"] += gap * (found["frame"] >= n_frames // 2)
    return found.sort_values("frame", kind="stable", ignore_index=True)


def drift_of(locs: pd.DataFrame, method: str) -> xr.Dataset:
    rule = {} if registry.get(method).chooses_chunks else {"n_chunks": 6}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvalidChunkWarning)
        return estimate_drift(locs, method=method, **rule)


@cache
def usual(method: str, gap: int) -> xr.Dataset:
    return drift_of(table(gap), method)


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=4, deadline=None)
@given(
    factor=st.sampled_from([1, 2, 50, 333, 100_000]),
    start=st.integers(-(10**9), 10**9),
    gap=st.sampled_from([0, 5000]),
    by_dask=st.booleans(),
)
def test_the_unit_and_the_start_of_time_do_not_matter(
    method: str, factor: int, start: int, gap: int, by_dask: bool
) -> None:
    locs, expected = table(gap), usual(method, gap)
    counted = locs.assign(frame=locs["frame"] * factor + start)
    drift = drift_of(dd.from_pandas(counted, npartitions=3) if by_dask else counted, method)
    np.testing.assert_allclose(drift["offset"], expected["offset"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(drift["offset_std"], expected["offset_std"], rtol=1e-9)
    np.testing.assert_array_equal(drift["valid"], expected["valid"])
    np.testing.assert_array_equal(drift["frame_start"], expected["frame_start"] * factor + start)
    assert expected["valid"].any()


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=5, deadline=None)
@given(
    duration=st.sampled_from([0.05, 1 / 30, 0.0123, 2.0]),
    start=st.one_of(st.floats(-1e6, 1e6), st.just(1.7e9)),
    gap=st.sampled_from([0, 5000]),
    by_dask=st.booleans(),
    name=st.sampled_from(["tim", "time [s]", "t [ms]"]),
)
def test_seconds_give_the_drift_of_frames(
    method: str, duration: float, start: float, gap: int, by_dask: bool, name: str
) -> None:
    locs, expected = table(gap), usual(method, gap)
    times = locs["frame"] * duration + start
    timed = locs.drop(columns="frame").assign(**{name: times * (1000 if "ms" in name else 1)})
    drift = drift_of(dd.from_pandas(timed, npartitions=3) if by_dask else timed, method)
    np.testing.assert_allclose(drift["offset"], expected["offset"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(drift["offset_std"], expected["offset_std"], rtol=1e-9)
    np.testing.assert_array_equal(drift["valid"], expected["valid"])
    # Times are rounded to microseconds, and so is what lies between two images.
    begins = expected["frame_start"] * duration + start
    np.testing.assert_allclose(drift["time_start"], begins, rtol=0, atol=4e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_rows_with_times_does_not_matter(method: str) -> None:
    locs = table()
    times = locs["frame"] * 0.05 - 10
    timed = locs.drop(columns="frame").assign(time=times).sample(frac=1, random_state=1)
    drift = drift_of(timed, method)
    np.testing.assert_allclose(drift["offset"], usual(method, 0)["offset"], rtol=0, atol=1e-9)
    assert drift["time_start"].values[0] == -10
