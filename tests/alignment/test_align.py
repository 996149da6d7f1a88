"""One transformation between two tables: known truth, what it promises, and what it refuses."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import smlm_accessor
from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import DriftError, InvalidChunkWarning, OptionError, TableError

FIELD = 6000.0
SIGMA = 10.0


def sites(rng: np.random.Generator, n: int = 50, d: int = 2) -> FloatArray:
    """Molecules in clusters."""
    centers = rng.uniform(0, FIELD, (n, d))
    if d == 3:
        centers[:, 2] *= 0.1
    return (centers[:, None] + rng.normal(0, 60, (n, 15, d))).reshape(-1, d)


def table(
    molecules: FloatArray, rng: np.random.Generator, *, n_frames: int = 1000, background: int = 500
) -> pd.DataFrame:
    """Blinks of molecules, on a background, in the field."""
    d = molecules.shape[1]
    blinks = np.repeat(molecules, rng.geometric(1 / 4, len(molecules)), axis=0)
    blinks = blinks + rng.normal(0, SIGMA, blinks.shape)
    extent = np.array([FIELD, FIELD, 0.1 * FIELD])[:d]
    positions = np.concatenate([blinks, rng.uniform(0, 1, (background, d)) * extent])
    frames = rng.integers(0, n_frames, len(positions))
    inside = ((positions[:, :2] > 0) & (positions[:, :2] < FIELD)).all(axis=1)
    columns = dict(zip("xyz", positions[inside].T, strict=False))
    return pd.DataFrame({**columns, "frame": frames[inside], "uncertainty": SIGMA})


def pair(seed: int, shift: Any = (0.0, 0.0), d: int = 2) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables of the same molecules, those of the second moved."""
    rng = np.random.default_rng(seed)
    molecules = sites(rng, d=d)
    return table(molecules, rng), table(molecules + np.asarray(shift), rng)


def moved(locs: pd.DataFrame, shift: Any) -> pd.DataFrame:
    x, y = np.asarray(shift, dtype=float)[:2]
    return locs.assign(x=locs["x"] + x, y=locs["y"] + y)


def chosen(found: xr.Dataset) -> dict[str, Any]:
    return dict(json.loads(found.attrs["parameters"]))


def offset(found: xr.Dataset) -> FloatArray:
    return np.asarray(found["offset"].values[0])


def error_of(found: xr.Dataset, shift: Any) -> FloatArray:
    """Return how far the offset is from undoing a shift."""
    return np.asarray(offset(found) + np.asarray(shift))


@pytest.mark.parametrize("shift", [(0.0, 0.0), (35.0, -12.0), (1800.0, -950.0)])
def test_a_known_shift(shift: tuple[float, float]) -> None:
    reference, moving = pair(1, shift)
    found = moving.smlm.align(reference)
    assert found.sizes["chunk"] == 1
    assert found["valid"].all()
    error = error_of(found, shift)
    assert (np.abs(error) < 4 * found["offset_std"].values[0]).all()
    assert (found["offset_std"].values < 1.0).all()  # of a precision of 10


def test_the_error_is_what_it_says_and_near_what_is_possible() -> None:
    errors, said = [], []
    for seed in range(10):
        reference, moving = pair(seed, (300.0, 200.0))
        found = moving.smlm.align(reference)
        errors.append(error_of(found, [300.0, 200.0]))
        said.append(found["offset_std"].values[0])
    assert 0.6 < np.sqrt(np.mean(np.square(np.array(errors) / said))) < 1.5
    # If it were known which blinks are of the same molecule: 750, seen some 4 times in each.
    possible = SIGMA / np.sqrt(750 * 1.6)
    assert np.sqrt(np.mean(np.square(errors))) < 2 * possible


@given(x=st.floats(-2500, 2500), y=st.floats(-2500, 2500))
@settings(max_examples=8)
def test_a_table_on_itself_moved(x: float, y: float) -> None:
    locs, _ = pair(2)
    found = moved(locs, (x, y)).smlm.align(locs)
    np.testing.assert_allclose(offset(found), [-x, -y], atol=1e-6)


def test_swapping_the_tables_inverts() -> None:
    one, other = pair(3, (120.0, 40.0))
    there, back = other.smlm.align(one), one.smlm.align(other)
    np.testing.assert_allclose(offset(there), -offset(back), atol=0.1 * SIGMA)
    assert (np.abs(offset(there) + offset(back)) < there["offset_std"].values[0]).all()


def test_the_order_of_rows_and_the_input_do_not_matter() -> None:
    reference, moving = pair(4, (50.0, 0.0))
    before = moving.copy()
    found = moving.smlm.align(reference)
    pd.testing.assert_frame_equal(moving, before)
    again = moving.sample(frac=1, random_state=1).smlm.align(reference.sample(frac=1))
    np.testing.assert_allclose(offset(again), offset(found), atol=1e-6)


def test_only_a_part_of_the_molecules_and_of_the_field() -> None:
    rng = np.random.default_rng(5)
    shared = sites(rng, 50)
    reference = table(np.concatenate([shared, sites(rng, 50)]), rng)
    moving = table(np.concatenate([shared, sites(rng, 50)]), rng, background=1000)
    moving = moved(moving[moving["x"] > 0.4 * FIELD], (700.0, -300.0))
    found = moving.smlm.align(reference)
    error = np.abs(error_of(found, [700.0, -300.0]))
    assert (error < 5 * found["offset_std"].values[0]).all()
    assert (error < 5.0).all()


@pytest.mark.parametrize(("angle", "scale"), [(0.01, 1.003), (2.0, 1.0)])
def test_rotation_and_scaling(angle: float, scale: float) -> None:
    reference, still = pair(6)
    c, s = np.cos(angle), np.sin(angle)
    turned = (still[["x", "y"]].to_numpy() - 1000.0) @ np.array([[c, s], [-s, c]]) * scale
    moving = still.assign(x=turned[:, 0], y=turned[:, 1])
    found = moving.smlm.align(reference, with_rotation=True, with_scaling=scale != 1)
    fitted = chosen(found)
    difference = (fitted["rotation"] + angle + np.pi) % (2 * np.pi) - np.pi
    assert abs(difference) < 5 * fitted["rotation_std"]
    assert scale == 1 or abs(fitted["scaling"] - 1 / scale) < 5 * fitted["scaling_std"]
    error = moving.smlm.correct(found).smlm.rmse(still, remove_constant=False)
    assert (error < 2.0).all()


def test_three_dimensions() -> None:
    reference, moving = pair(7, (200.0, 100.0, 70.0), d=3)
    found = moving.smlm.align(reference)
    error = np.abs(error_of(found, [200.0, 100.0, 70.0]))
    assert (error < 5 * found["offset_std"].values[0]).all()
    flat = moving.smlm.align(reference[["x", "y", "frame", "uncertainty"]])
    assert flat["component"].values.tolist() == ["x", "y"]
    assert moving.smlm.correct(flat)["z"].equals(moving["z"])


@pytest.mark.parametrize("seed", range(4))
def test_tables_that_share_nothing_are_told(seed: int) -> None:
    reference, moving = pair(seed)[0], pair(seed + 100)[0]
    with pytest.warns(InvalidChunkWarning, match="Could not align") as caught:
        found = moving.smlm.align(reference)
    assert len(caught) == 1
    assert not found["valid"].any()
    assert np.isnan(found["offset"].values).all()
    with pytest.raises(DriftError, match="could not be aligned"):
        moving.smlm.correct(found)


def test_the_outline_that_two_tables_share_is_not_what_is_aligned() -> None:
    rng = np.random.default_rng(14)
    tables = []
    for _ in range(2):
        locs = table(rng.uniform(0, FIELD, (1000, 2)), rng, background=4000)
        tables.append(locs[np.hypot(locs["x"] - 3000, (locs["y"] - 3000) * 1.3) < 2400])
    with pytest.warns(InvalidChunkWarning):
        assert not tables[0].smlm.align(tables[1])["valid"].any()


def test_two_beads_of_which_one_is_shared_by_chance_do_not_decide() -> None:
    rng = np.random.default_rng(8)
    tables = []
    for _ in range(2):
        bead = rng.uniform(1000, 5000, (1, 2)) + rng.normal(0, 2, (3000, 2))
        locs = table(sites(rng), rng)
        row = {"x": bead[:, 0], "y": bead[:, 1], "frame": np.arange(3000) % 1000}
        tables.append(pd.concat([locs, pd.DataFrame({**row, "uncertainty": 2.0})]))
    with pytest.warns(InvalidChunkWarning):
        assert not tables[0].smlm.align(tables[1])["valid"].any()


def test_frames_play_no_part(tmp_path: Path) -> None:
    reference, moving = pair(9, (80.0, 30.0))
    found = moving.smlm.align(reference)
    expected = moved(moving, offset(found))
    other = moving.assign(frame=moving["frame"] + 10**12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(other.smlm.correct(found)["x"], expected["x"])
        bare = moving.drop(columns="frame").smlm.correct(found, outside="error")
        np.testing.assert_allclose(bare["y"], expected["y"])
    smlm_accessor.io.write_drift(found, tmp_path / "onto.nc")
    loaded = smlm_accessor.io.read_drift(tmp_path / "onto.nc")
    pd.testing.assert_frame_equal(other.smlm.correct(loaded), other.smlm.correct(found))
    back = moving.smlm.correct(found).smlm.correct(found.smlm.inverse())
    np.testing.assert_allclose(back["x"], moving["x"], atol=1e-9)


def test_without_frames() -> None:
    reference, moving = pair(10, (80.0, 30.0))
    bare = [t[["x", "y"]] for t in (reference, moving)]
    found = bare[1].smlm.align(bare[0])
    assert (np.abs(error_of(found, [80.0, 30.0])) < 2.0).all()


def test_after_drift_is_corrected_there_is_no_warning_and_compose_does_both() -> None:
    reference, moving = pair(11, (80.0, 30.0))
    drifted = moving.smlm.simulate_drift(velocity=(0.05, 0.02))
    drift = drifted.smlm.drift(method="cc", n_chunks=4)
    fixed = drifted.smlm.correct(drift)
    onto = fixed.smlm.align(reference)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        aligned = fixed.smlm.correct(onto)
        at_once = drifted.smlm.correct(drift.smlm.compose(onto))
        reverse = moving.smlm.correct(onto).smlm.correct(drift)
    np.testing.assert_allclose(at_once[["x", "y"]], aligned[["x", "y"]], atol=1e-9)
    assert len(reverse) == len(moving)
    assert aligned.attrs["smlm_history"][-1]["parameters"]["method"] == "align"
    for both in (drift.smlm.compose(onto), onto.smlm.compose(drift)):
        assert "static" not in both.attrs
        assert both.sizes["chunk"] == 4


def test_units_are_converted_or_asked_for() -> None:
    reference, moving = pair(12, (80.0, 30.0))
    in_um = reference.assign(**{c: reference[c] / 1000 for c in ("x", "y", "uncertainty")})
    in_um = smlm_accessor.set_columns(in_um, unit="um")
    in_nm = smlm_accessor.set_columns(moving, unit="nm")
    found = in_nm.smlm.align(in_um)
    assert found.attrs["length_unit"] == "nm"
    assert (np.abs(error_of(found, [80.0, 30.0])) < 2.0).all()
    np.testing.assert_allclose(offset(in_um.smlm.align(in_nm)), -offset(found) / 1000, atol=1e-3)
    with pytest.raises(TableError, match=r"unknown unit.*set_columns"):
        moving.smlm.align(in_um)
    with pytest.raises(TableError, match="pixel_size"):
        in_nm.smlm.align(smlm_accessor.set_columns(reference, unit="pixel"))


def test_dask_and_samples() -> None:
    dd = pytest.importorskip("dask.dataframe")
    reference, moving = pair(13, (60.0, 20.0))
    lazy = [dd.from_pandas(t, npartitions=3) for t in (reference, moving)]
    found = lazy[1].smlm.align(lazy[0])
    xr.testing.assert_allclose(found, moving.smlm.align(reference), rtol=1e-12)
    corrected = lazy[1].smlm.correct(found).compute()
    pd.testing.assert_frame_equal(corrected, moving.smlm.correct(found))
    some = moving.smlm.align(reference, max_localizations=2000)
    assert chosen(some)["sampled"]
    assert some["n_localizations"].item() < len(moving) * 0.7
    assert (np.abs(error_of(some, [60.0, 20.0])) < 4.0).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_shift": 0.0}, "max_shift"),
        ({"max_shift": float("nan")}, "max_shift"),
        ({"max_localizations": 1}, "max_localizations"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    reference, moving = pair(1)
    with pytest.raises(OptionError, match=message):
        moving.smlm.align(reference, **options)


def test_max_shift_is_kept() -> None:
    reference, moving = pair(1, (500.0, 0.0))
    assert moving.smlm.align(reference, max_shift=600.0)["valid"].all()
    with pytest.warns(InvalidChunkWarning):
        assert not moving.smlm.align(reference, max_shift=300.0)["valid"].any()


def test_tables_without_localizations() -> None:
    reference, moving = pair(1)
    with pytest.raises(TableError, match="moving table has no rows"):
        moving.iloc[:0].smlm.align(reference)
    with pytest.raises(TableError, match="reference table has no rows"):
        moving.smlm.align(reference.assign(x=np.nan))
    for few in (moving.iloc[:3], moving.assign(x=1.0, y=2.0)):
        with pytest.warns(InvalidChunkWarning, match="Could not align"):
            assert not few.smlm.align(reference)["valid"].any()
