"""Many tables onto each other: known truth, what is promised, and what is refused."""

from __future__ import annotations

import json
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor._typing import FloatArray
from smlm_accessor.errors import DriftError, InvalidChunkWarning, OptionError
from smlm_accessor.simulate import origami_sites, simulate_blinking

SIGMA = 5.0


def rounds(
    seed: int, k: int = 5, *, labeling: float = 0.5, n: int = 4000
) -> tuple[list[pd.DataFrame], FloatArray, FloatArray]:
    """Rounds of one sample, each of which shows other sites of it: tables, shifts and bounds.

    The bound is that of who knows which localization is of which site.
    """
    rng = np.random.default_rng(seed)
    sites = origami_sites(n_structures=60, seed=rng, region=((0, 8000), (0, 8000)))
    shifts = rng.uniform(-100, 100, (k, 2))
    tables, counts = [], []
    for shift in shifts:
        table = simulate_blinking(
            sites,
            n_frames=2000,
            localizations_per_frame=n / 2000,
            labeling=labeling,
            precision=SIGMA,
            background_fraction=0.1,
            seed=rng,
        )
        counts.append(np.bincount(table.emitter[table.emitter >= 0], minlength=len(sites)))
        tables.append(moved(table, shift))
    seen = np.array(counts, dtype=float)[:, np.sum(counts, axis=0) > 0]
    shared = (seen / seen.sum(axis=0)) @ seen.T
    information = (np.diag(shared.sum(axis=1)) - shared) / SIGMA**2
    return tables, shifts, np.sqrt(np.diag(np.linalg.pinv(information)))


def moved(table: pd.DataFrame, shift: Any) -> pd.DataFrame:
    x, y = shift
    return table.assign(position_x=table.position_x + x, position_y=table.position_y + y)


def error_of(found: xr.Dataset, shifts: FloatArray) -> FloatArray:
    error = np.asarray(found["offset"].values + shifts)
    return np.asarray(error - error.mean(axis=0))


def chosen(found: xr.Dataset) -> dict[str, Any]:
    return dict(json.loads(found.attrs["parameters"]))


def test_errors_are_what_is_said_and_near_the_bound() -> None:
    z, said, bounds = [], [], []
    for seed in range(4):
        tables, shifts, bound = rounds(seed)
        found = smlm_accessor.align(tables)
        assert found["valid"].all()
        error = error_of(found, shifts)
        z.append(error / found["offset_std"].values)
        said.append(found["offset_std"].values)
        bounds.append(bound)
    assert 0.75 < np.sqrt(np.mean(np.square(z))) < 1.3
    assert np.sqrt(np.mean(np.square(said))) < 1.35 * np.sqrt(np.mean(np.square(bounds)))


def test_one_correction_puts_a_table_onto_the_reference() -> None:
    tables, shifts, _ = rounds(7, k=3)
    by_name = dict(zip(("red", "green", "blue"), tables, strict=True))
    found = smlm_accessor.align(by_name, reference="green")
    assert found.offset.dims == ("table", "component")
    assert (found.offset.sel(table="green") == 0).all()
    assert (found.offset_std.sel(table="green") < 1e-6).all()
    fixed = by_name["red"].smlm.correct(found.sel(table="red"))
    by = fixed.position_x.iloc[0] - by_name["red"].position_x.iloc[0]
    assert abs(by - (shifts[1] - shifts[0])[0]) < 5 * found.offset_std.sel(
        table="red", component="x"
    )
    assert np.allclose(found.sel(table="red").smlm.inverse().offset, -found.offset.sel(table="red"))
    found.smlm.check()
    variance = found.covariance.sel(table="red", table_in="red")
    np.testing.assert_allclose(found.offset_std.sel(table="red") ** 2, variance)
    with pytest.raises(DriftError, match="3 tables"):
        by_name["red"].smlm.correct(found)


def test_the_result_survives_netcdf(tmp_path: Any) -> None:
    tables, _, _ = rounds(7, k=3)
    found = smlm_accessor.align(tables)
    found.to_netcdf(tmp_path / "shifts.nc")
    again = xr.load_dataset(tmp_path / "shifts.nc")
    again.smlm.check()
    one, other = (tables[1].smlm.correct(result.sel(table=1)) for result in (found, again))
    pd.testing.assert_frame_equal(one, other)


def test_a_table_that_shares_nothing_is_named() -> None:
    tables, shifts, _ = rounds(8, k=3)
    other, _, _ = rounds(9, k=2)
    with pytest.warns(InvalidChunkWarning, match="others: stranger"):
        found = smlm_accessor.align(dict(zip("abc", tables, strict=True)) | {"stranger": other[0]})
    assert found["valid"].values.tolist() == [True, True, True, False]
    assert np.isnan(found.offset.sel(table="stranger")).all()
    error = error_of(found.isel(table=slice(3)), shifts)
    assert (np.abs(error) < 5 * found["offset_std"].values[:3]).all()


def test_tiles_are_placed_where_they_overlap() -> None:
    """Two by two tiles of a field, moved by a stage; the diagonal ones share a corner."""
    rng = np.random.default_rng(3)
    sites = origami_sites(n_structures=400, seed=rng, region=((0, 19_000), (0, 19_000)))
    lower = np.array([(x, y) for x in (0, 9000) for y in (0, 9000)])
    stage = rng.uniform(-150, 150, (4, 2))
    tables = []
    for corner, shift in zip(lower, stage, strict=True):
        table = simulate_blinking(
            sites, n_frames=2000, bindings_per_site=3, precision=SIGMA, seed=rng
        )
        at = table[["position_x", "position_y"]].to_numpy()
        inside = ((at >= corner) & (at < corner + 10_000)).all(axis=1)
        tables.append(moved(table[inside], shift))
    found = smlm_accessor.align(tables)
    assert found["valid"].all()
    error = error_of(found, stage)
    assert (np.abs(error) < 4.5 * found["offset_std"].values).all()
    assert (found["offset_std"].values < SIGMA).all()


def test_fields_that_do_not_overlap_are_not_compared() -> None:
    tables, _, _ = rounds(7, k=2)
    far = [tables[0], moved(tables[1], (50_000, 0))]
    with pytest.warns(InvalidChunkWarning, match="No two fields overlap"):
        found = smlm_accessor.align(far)
    assert chosen(found)["n_compared"] == 0
    assert not found["valid"].any()


def test_a_pair_that_contradicts_the_others_is_left_out() -> None:
    """Two rounds share a second sample, displaced: alone they would lie wrong on each other."""
    tables, shifts, _ = rounds(11, k=5)
    extra, _, _ = rounds(12, k=1, labeling=1.0, n=12_000)
    twice = [moved(extra[0], (0.0, 0.0)), moved(extra[0], (4000.0, 0.0))]
    for k in range(2):
        tables[k] = pd.concat([tables[k], moved(twice[k], shifts[k])]).sort_values("frame")
    found = smlm_accessor.align(tables)
    assert found["valid"].all()
    assert (np.abs(error_of(found, shifts)) < 4).all()
    assert chosen(found)["left_out"] == [[0, 1]]


def test_drift_within_and_between_in_one_correction() -> None:
    tables, shifts, _ = rounds(13, k=3, n=8000)
    drifting = [t.smlm.simulate_drift(velocity=(0.02, -0.01)) for t in tables]
    found = smlm_accessor.align(drifting, drift="overlap")
    assert set(found.offset.dims) == {"table", "chunk", "component"}
    found.smlm.check()
    centers = []
    for k, (table, still) in enumerate(zip(drifting, tables, strict=True)):
        fixed = table.smlm.correct(found.sel(table=k))
        away = (fixed.position_x - still.position_x).to_numpy() + shifts[k, 0]
        assert away.std() < 2.0
        centers.append(away.mean())
    assert np.ptp(centers) < 2.0


def test_dask_gives_the_same() -> None:
    dd = pytest.importorskip("dask.dataframe")
    tables, _, _ = rounds(7, k=3)
    found = smlm_accessor.align(tables)
    lazy = smlm_accessor.align([dd.from_pandas(t, npartitions=3) for t in tables])
    np.testing.assert_allclose(lazy.offset, found.offset, atol=1e-6)


def test_a_sample_of_large_tables() -> None:
    tables, shifts, _ = rounds(14, k=3)
    found = smlm_accessor.align(tables, max_localizations=2500)
    assert chosen(found)["sampled"]
    assert (np.abs(error_of(found, shifts)) < 5 * found["offset_std"].values).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"transformation": "rigid"}, "shifts only"),
        ({"transformation": "affine"}, "transformation"),
        ({"reference": "none"}, "none of the tables"),
        ({"max_shift": -1.0}, "max_shift"),
    ],
)
def test_options_that_make_no_sense(change: dict[str, Any], said: str) -> None:
    tables, _, _ = rounds(7, k=2)
    with pytest.raises(OptionError, match=said):
        smlm_accessor.align(tables, **change)


def test_what_is_no_list_of_tables() -> None:
    tables, _, _ = rounds(7, k=2)
    with pytest.raises(OptionError, match=r"moving\.smlm\.align"):
        smlm_accessor.align(tables[0])  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="two tables or more"):
        smlm_accessor.align(tables[:1])


def test_three_dimensions() -> None:
    rng = np.random.default_rng(5)
    sites = origami_sites(
        n_structures=60, seed=rng, region=((0, 8000), (0, 8000), (0, 600)), dimension=3
    )
    shifts = rng.uniform(-80, 80, (3, 3))
    tables = []
    for shift in shifts:
        table = simulate_blinking(
            sites,
            n_frames=2000,
            bindings_per_site=4,
            labeling=0.6,
            precision=(5.0, 5.0, 12.0),
            seed=rng,
        )
        columns = ["position_x", "position_y", "position_z"]
        table[columns] += shift
        tables.append(table)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = smlm_accessor.align(tables)
    assert (np.abs(error_of(found, shifts)) < 5 * found["offset_std"].values).all()
    assert (found["offset_std"].values < (1, 1, 3)).all()
