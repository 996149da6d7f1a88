"""A drift to start from, on tables whose drift is known."""

from __future__ import annotations

import json
from functools import cache

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from smlm_accessor.correct import correct
from smlm_accessor.drift import build
from smlm_accessor.errors import DriftError, OptionError
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.metrics import rmse
from smlm_accessor.models import fit
from smlm_accessor.table.columns import set_columns
from tests import scenes

N = 3000
JUMP = 2700  # the frame from which on the sample is elsewhere


@cache
def scene() -> scenes.Scene:
    """Sites that drift smoothly, and jump in the last tenth."""
    drift = scenes.smooth(N)
    drift[JUMP:] += [60.0, -40.0]
    return scenes.blinking(scenes.sites(150), n_frames=N, per_frame=8, seed=1).drifting(drift)


@cache
def whole() -> xr.Dataset:
    return estimate_drift(scene().moved)


def log(drift: np.ndarray, unit: str = "nm", first: int = 0) -> xr.Dataset:
    """The drift of each frame, as `read_drift` returns what a log says."""
    frames = np.arange(first, first + len(drift))
    attrs = {"length_unit": unit, "method": "file"}
    return build(
        offset=-drift, components="xy", frame=frames, frame_start=frames, frame_stop=frames + 1,
        attrs=attrs,
    )  # fmt: skip


def error(drift: xr.Dataset, table: pd.DataFrame | None = None) -> float:
    fixed = correct(scene().moved if table is None else table, drift)
    return float(rmse(fixed, scene().still.loc[fixed.index]).max())


def assert_same(found: xr.Dataset, expected: xr.Dataset) -> None:
    """The curves differ by no more than a quarter of a standard deviation."""
    frames = np.arange(N)
    curves = [
        np.stack([np.interp(frames, d["frame"], x) for x in d["offset"].values.T])
        for d in (found, expected)
    ]
    difference = np.std(curves[0] - curves[1], axis=1)
    assert (difference < 0.25 * np.median(expected["offset_std"], axis=0)).all()


def jumps_of(drift: xr.Dataset) -> list[int]:
    return list(json.loads(drift.attrs["parameters"])["jumps"])


def test_its_own_result_is_where_it_stays() -> None:
    found = estimate_drift(scene().moved, start=whole())
    assert_same(found, whole())
    assert jumps_of(found) == jumps_of(whole()) == [JUMP]
    assert json.loads(found.attrs["parameters"])["start"] == "overlap"


def test_what_is_added_at_both_ends_is_found() -> None:
    """Also a jump there, which the drift before does not know."""
    table = scene().moved
    middle = estimate_drift(table[(table.frame > 400) & (table.frame < JUMP - 50)])
    found = estimate_drift(table, start=middle)
    assert_same(found, whole())
    assert jumps_of(found) == [JUMP]


def test_frames_that_cannot_be_searched_are_held() -> None:
    """A few localizations after the end tell nothing by themselves, but together with others."""
    table = scene().moved
    table = table[table.frame < JUMP]
    first = estimate_drift(table[table.frame < JUMP - 3])
    found = estimate_drift(table, start=first)
    assert error(found, table) < 1.3 * error(estimate_drift(table), table)


@pytest.mark.parametrize("off", [0.5, 6.0])
def test_a_log_that_is_not_exact_is_improved(off: float) -> None:
    """By more than a precision in parts: the log is where the search begins, not a result."""
    wrong = scene().drift + off * np.sin(np.arange(N) / 300)[:, None]
    assert_same(estimate_drift(scene().moved, start=log(wrong)), whole())


def test_a_model_and_dask() -> None:
    model = fit(whole(), offset="spline")
    table = scene().moved
    found = estimate_drift(dd.from_pandas(table, npartitions=3), start=model)
    assert_same(found, whole())


def test_a_log_in_nm_of_a_table_in_pixels() -> None:
    table = scene().moved
    pixels = table.assign(x=table.x / 100, y=table.y / 100)
    found = estimate_drift(set_columns(pixels, unit="pixel", pixel_size=100), start=whole())
    assert_same(found, whole())  # results are in nm where a pixel is known


def test_frames_in_another_unit_of_time() -> None:
    table = scene().moved
    slow = whole().assign_coords(
        {name: whole()[name] * 50 for name in ("frame", "frame_start", "frame_stop")}
    )
    found = estimate_drift(table.assign(frame=table.frame * 50), start=slow)
    assert jumps_of(found) == [50 * JUMP]
    assert np.median(found["offset_std"]) == pytest.approx(
        np.median(whole()["offset_std"]), rel=0.2
    )


def test_chunks_that_are_given() -> None:
    table = scene().moved
    found = estimate_drift(table, start=whole(), n_chunks=10, segments=[JUMP])
    expected = estimate_drift(table, n_chunks=10, segments=[JUMP])
    np.testing.assert_allclose(found["offset"], expected["offset"], atol=0.05)


def test_errors_say_what_to_do() -> None:
    table = scene().moved
    with pytest.raises(DriftError, match="start=drift"):
        estimate_drift(table, start=scene().drift)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match=r"'icp' cannot start from a drift; use method='overlap'"):
        estimate_drift(table, method="icp", start=whole())
    turning = estimate_drift(table, method="icp", n_chunks=3, with_rotation=True)
    with pytest.raises(OptionError, match="turns or stretches"):
        estimate_drift(table, start=turning)
    with pytest.raises(OptionError, match="start knows the frames 9000 to 9099, but the table"):
        estimate_drift(table, start=log(scene().drift[:100], first=9000))
