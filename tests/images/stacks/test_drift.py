from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor import DriftError, InvalidChunkWarning, OptionError, StackError

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(Path(__file__).parents[3] / "benchmarks"))
    import stacks as simulated

assert "stacks" in sys.modules
PIXEL = simulated.PIXEL


def scene(kind: str = "texture", n: int = 40, size: int = 96, **options: object) -> object:
    return simulated.simulated_stack(kind, n=n, size=size, **options)


def normalised(drift: xr.Dataset, truth: np.ndarray) -> np.ndarray:
    valid = drift.valid.values
    error = (-drift.offset.values - PIXEL * truth[:, ::-1])[valid]
    return np.asarray((error - error.mean(axis=0)) / drift.offset_std.values[valid])


@pytest.mark.parametrize("kind", ["texture", "spots"])
def test_errors_are_those_that_are_told(kind: str) -> None:
    found = []
    for seed in range(4):
        made = scene(kind, seed=seed)
        found.append(normalised(made.labelled().smlm.drift(), made.drift))
    assert 0.8 < np.std(found) < 1.25


def test_images_that_tell_nothing_are_invalid_and_named() -> None:
    made = scene(empty=(7, 11))
    with pytest.warns(InvalidChunkWarning, match="frames 7, 11 of 40.*out of focus"):
        drift = made.labelled().smlm.drift()
    assert np.flatnonzero(~drift.valid).tolist() == [7, 11]
    assert drift.offset.isel(chunk=[7, 11]).isnull().all()
    assert np.abs(normalised(drift, made.drift)).max() < 5


def test_images_out_of_focus_are_uncertain() -> None:
    made = scene(defocused=(5, 6))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvalidChunkWarning)
        drift = made.labelled().smlm.drift()
    std = drift.offset_std.mean("component")
    ratio = std.isel(chunk=[5, 6]) / std.median()
    assert (ratio.fillna(10) > 2).all()
    assert (drift.quality.isel(chunk=[5, 6]).fillna(0) < 0.5).all()


@pytest.mark.parametrize("far", [20, 45])
def test_jumps_and_far_drifts_are_found(far: float) -> None:
    way = np.zeros((20, 2))
    way[8:] = [far / 2, -far / 3]
    way[:, 1] += np.linspace(0, 6, 20)
    made = scene(size=128, drift=way)
    drift = made.labelled().smlm.drift()
    error = -drift.offset.values - PIXEL * way[:, ::-1]
    assert np.abs(error - error.mean(axis=0)).max() < 0.1 * PIXEL


def test_a_large_drift_is_not_held_back() -> None:
    """A taper that stays with the camera would pull shifts towards 0, in proportion."""
    way = np.linspace([0, 0], [10, -8], 30)
    made = scene(size=96, drift=way, photons=5000)
    offset = made.labelled().smlm.drift().offset.values
    slope = [np.polyfit(-PIXEL * w, o, 1)[0] for w, o in zip(way[:, ::-1].T, offset.T, strict=True)]
    assert slope == pytest.approx([1, 1], abs=2e-3)


def test_dask_and_memory_agree_and_the_stack_stays_as_it_is() -> None:
    held = scene(n=12).labelled()
    before = held.copy(deep=True)
    drift = held.smlm.drift()
    xr.testing.assert_identical(held, before)
    xr.testing.assert_identical(held.chunk(frame=5, y=50).smlm.drift(), drift)
    xr.testing.assert_identical(held.transpose("x", "frame", "y").smlm.drift(), drift)


def test_units_and_directions() -> None:
    held = scene(n=12).labelled()
    drift = held.smlm.drift()
    assert drift.attrs["length_unit"] == "nm"
    in_pixels = held.drop_vars(["x", "y"])
    np.testing.assert_allclose(in_pixels.smlm.drift().offset * PIXEL, drift.offset, atol=1e-9)
    np.testing.assert_allclose(in_pixels.smlm.drift(pixel_size=PIXEL).offset, drift.offset)
    flipped = held.assign_coords(y=-held.y)
    flipped.y.attrs["units"] = "nm"
    offset = flipped.smlm.drift().offset * [1, -1]
    np.testing.assert_allclose(offset, drift.offset, atol=1e-9)


def test_drift_in_three_dimensions() -> None:
    rng = np.random.default_rng(1)
    k = np.meshgrid(*[np.fft.fftfreq(n) for n in (16, 40, 40)], indexing="ij")
    spectrum = np.fft.fftn(rng.normal(size=(16, 40, 40)))
    spectrum *= np.exp(-sum((2 * np.pi * c * 1.2) ** 2 for c in k) / 2)
    way = np.linspace([0, 0, 0], [0.9, 1.4, -2.1], 8)
    moved = [
        np.fft.ifftn(spectrum * np.exp(-2j * np.pi * sum(c * s for c, s in zip(k, w, strict=True))))
        for w in way
    ]
    images = np.real(moved) / np.std(np.real(moved)) + rng.normal(0, 0.1, (8, 16, 40, 40))
    held = xr.DataArray(images, dims=("frame", "z", "y", "x"))
    drift = held.smlm.drift(pixel_size=(100, 100, 250))
    error = -drift.offset.values - way[:, ::-1] * [100, 100, 250]
    assert np.abs(error - error.mean(axis=0)).max() < 12
    assert list(drift.component.values) == ["x", "y", "z"]


def test_a_table_recorded_with_the_images_is_corrected() -> None:
    way = np.sin(np.linspace(0, 4, 20))[:, None] * [0.5, -0.8]
    made = scene(drift=way)
    held = made.labelled().assign_coords(frame=np.arange(20) * 50)
    drift = held.smlm.drift()
    assert drift.frame.values[-1] == 950
    still = smlm_accessor.simulate_thomas(cluster_mu=50, seed=1)
    still = still[still.frame < 951]
    moved = still.copy()
    for axis, name in enumerate(("position_y", "position_x")):
        moved[name] += PIXEL * np.interp(still.frame, held.frame, made.drift[:, axis])
    fixed = moved.smlm.correct(drift)
    assert isinstance(fixed, pd.DataFrame)
    assert (fixed.smlm.rmse(still) < 5).all()
    assert (moved.smlm.rmse(still) > 8).any()
    assert (moved.smlm.correct(drift.smlm.fit()).smlm.rmse(still) < 5).all()


def test_times_in_seconds() -> None:
    held = scene(n=8, empty=(5,)).labelled()
    timed = held.rename(frame="time").assign_coords(time=np.arange(8) * 0.3)
    with pytest.warns(InvalidChunkWarning, match="images at 1.5 s of 8"):
        drift = timed.smlm.drift()
    assert drift.time.values == pytest.approx(np.arange(8) * 0.3)
    drift.smlm.check()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InvalidChunkWarning)
        by_frame = held.smlm.drift()
    np.testing.assert_array_equal(drift.offset, by_frame.offset)
    xr.testing.assert_equal(
        timed.smlm.correct(drift).drop_vars("time"),
        held.smlm.correct(by_frame).rename(frame="time").drop_vars("time"),
    )
    with pytest.raises(DriftError, match="frame_duration"):
        held.smlm.correct(drift)
    held.assign_attrs(frame_duration=0.3).smlm.correct(drift)


def test_a_drift_of_images_is_saved_and_read(tmp_path: Path) -> None:
    drift = scene(n=8).labelled().smlm.drift(window=3)
    drift.to_netcdf(tmp_path / "drift.nc")
    drift.smlm.check()
    with xr.open_dataset(tmp_path / "drift.nc") as read:
        read.smlm.check()
        np.testing.assert_array_equal(read.offset, drift.offset)
    assert '"window": 3' in drift.attrs["parameters"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"window": 0}, "window=0"),
        ({"normalization": "white"}, "normalization='white'"),
        ({"origin": "last"}, "origin='last'"),
        ({"pixel_size": -1}, "pixel_size=-1"),
    ],
)
def test_wrong_options_are_named(options: dict[str, object], named: str) -> None:
    with pytest.raises(OptionError, match=named):
        scene(n=3, size=32).labelled().smlm.drift(**options)


def test_too_many_images() -> None:
    held = xr.DataArray(np.zeros((6000, 2, 2), np.uint8), dims=("frame", "y", "x"))
    with pytest.raises(StackError, match=r"coarsen\(frame=2"):
        held.smlm.drift()


def test_nothing_to_compare() -> None:
    held = xr.DataArray(np.zeros((3, 32, 32)), dims=("frame", "y", "x"))
    with pytest.warns(InvalidChunkWarning, match="frames 0, 1, 2 of 3"):
        drift = held.smlm.drift()
    assert not drift.valid.any()
    with pytest.warns(InvalidChunkWarning, match="frame 0 of 1"):
        scene(n=1, size=32).labelled().smlm.drift()
