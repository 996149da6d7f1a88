from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import ndimage

from smlm_accessor import DriftError, OptionError, OutsideEstimateWarning
from smlm_accessor.drift import build

N = 6
WAY = np.linspace([0, 0], [5, -3], N)  # x, y in pixels


def stack(dtype: str = "float64") -> xr.DataArray:
    rng = np.random.default_rng(1)
    scene = ndimage.gaussian_filter(rng.normal(size=(60, 60)), 2) * 1000 + 500
    images = np.array([ndimage.shift(scene, w[::-1], order=5)[10:-10, 10:-10] for w in WAY])
    held = xr.DataArray(
        images.astype(dtype),
        dims=("frame", "y", "x"),
        coords={
            "frame": np.arange(N),
            "x": np.arange(40) * 0.1 + 7,
            "y": np.arange(40) * 0.1,
            "exposure": ("frame", np.ones(N)),
        },
        attrs={"camera": "b"},
        name="light",
    )
    held.x.attrs["units"] = held.y.attrs["units"] = "um"
    return held


def drift(offset: np.ndarray = -WAY * 100, **more: object) -> xr.Dataset:
    frames = np.arange(len(offset))
    return build(
        offset=offset,
        components="xyz"[: offset.shape[1]],
        frame=frames,
        frame_start=frames,
        frame_stop=frames + 1,
        **{"attrs": {"length_unit": "nm"}, **more},
    )


def test_images_lie_on_the_first() -> None:
    held = stack()
    before = held.copy(deep=True)
    fixed = held.smlm.correct(drift(), by="linear")
    inside = fixed.isel(x=slice(3, 30), y=slice(6, 37))
    assert np.abs(inside - held.isel(frame=0)).max() < 0.01 * held.std()
    xr.testing.assert_identical(held, before)
    assert fixed.attrs == held.attrs
    assert fixed.name == held.name
    assert set(fixed.coords) == set(held.coords)
    assert fixed.x.attrs == held.x.attrs


def test_what_was_not_recorded_is_nan() -> None:
    fixed = stack().smlm.correct(drift())
    assert np.isnan(fixed[-1, :, -5:]).all()
    assert not np.isnan(fixed[-1, 3:, :-5]).any()


@pytest.mark.parametrize(
    ("dtype", "becomes"),
    [("uint8", "float32"), ("uint16", "float32"), ("float32", "float32"), ("int32", "float64")],
)
def test_dtypes(dtype: str, becomes: str) -> None:
    assert stack().clip(0, 200).astype(dtype).smlm.correct(drift()).dtype == becomes


def test_dask_is_corrected_when_it_is_computed() -> None:
    held = stack()
    lazy = held.chunk(frame=2, x=20).smlm.correct(drift())
    assert lazy.chunks is not None
    assert lazy.dtype == np.float64
    xr.testing.assert_identical(lazy.compute(), held.smlm.correct(drift()))


def test_dimensions_stay_in_their_order() -> None:
    held = stack().transpose("y", "x", "frame")
    fixed = held.smlm.correct(drift())
    assert fixed.dims == held.dims
    xr.testing.assert_identical(fixed.transpose("frame", "y", "x"), stack().smlm.correct(drift()))


def test_there_and_back() -> None:
    held = stack()
    back = held.smlm.correct(drift()).smlm.correct(drift().smlm.inverse())
    inside = np.s_[:, 8:-8, 8:-8]
    assert np.abs(back.values[inside] - held.values[inside]).max() < 0.03 * held.std()


def test_a_rotation_turns_about_the_origin_of_the_coordinates() -> None:
    """A spot that the matrix puts elsewhere is there."""
    held = stack().isel(frame=[0]) * 0.0
    held[0, 20, 12] = 1.0  # x 8.2, y 2.0
    angle = 0.1
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    target = np.array([8.6, 1.1])
    offset = target - matrix @ [8.2, 2.0]
    held.x.attrs["units"] = held.y.attrs["units"] = "um"
    turned = drift(offset[None], matrix=matrix[None], attrs={"length_unit": "um"})
    fixed = held.smlm.correct(turned, order=1).fillna(0)[0]
    total = fixed.sum()
    assert ((fixed * fixed.x).sum() / total).item() == pytest.approx(target[0], abs=0.02)
    assert ((fixed * fixed.y).sum() / total).item() == pytest.approx(target[1], abs=0.02)


def test_unknown_pixels_stay_local() -> None:
    held = stack()
    held[2, 20, 20] = np.nan
    fixed = held.smlm.correct(drift())
    assert 1 <= np.isnan(fixed[2, 8:-8, 8:-8]).sum() <= 4


def test_images_without_a_drift() -> None:
    short = drift(-WAY[:4] * 100)
    with pytest.warns(OutsideEstimateWarning):
        stack().smlm.correct(short)
    fixed = stack().smlm.correct(short, outside="nan")
    assert np.isnan(fixed[4:]).all()
    assert not np.isnan(fixed[0]).all()


def test_a_model_and_a_drift_in_three_dimensions() -> None:
    held = stack()
    model = drift().smlm.fit(offset="linear", weights=None)
    inside = np.s_[:, 6:-6, 6:-6]
    expected = held.smlm.correct(drift(), by="linear").values[inside]
    np.testing.assert_allclose(held.smlm.correct(model).values[inside], expected, atol=1e-3)
    deep = drift(np.column_stack([-WAY * 100, np.arange(N)]))
    np.testing.assert_allclose(held.smlm.correct(deep, by="linear").values[inside], expected)


def test_what_does_not_fit_is_told() -> None:
    held = stack()
    with pytest.raises(DriftError, match="pixel_size=100"):
        held.drop_vars(["x", "y"]).smlm.correct(drift())
    held.drop_vars(["x", "y"]).smlm.correct(drift(), pixel_size=100)
    with pytest.raises(OptionError, match="order=7"):
        held.smlm.correct(drift(), order=7)
    with pytest.raises(DriftError):
        held.smlm.correct("drift.nc")
