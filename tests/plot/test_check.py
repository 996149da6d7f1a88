"""The figure that says whether a correction worked."""

from __future__ import annotations

from pathlib import Path

import dask.dataframe as dd
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor.drift import build
from smlm_accessor.errors import DriftError, OptionError, TableError
from smlm_accessor.models import fit

DATA = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture(scope="module")
def drifted() -> pd.DataFrame:
    locs = smlm_accessor.simulate_thomas(cluster_mu=100, seed=1)
    return smlm_accessor.set_columns(locs.smlm.simulate_drift(velocity=(0.02, 0.01)), unit="nm")


@pytest.fixture(scope="module")
def drift(drifted: pd.DataFrame) -> xr.Dataset:
    result: xr.Dataset = drifted.smlm.drift(method="icp", n_chunks=5)
    return result


@pytest.fixture(scope="module")
def checked(drifted: pd.DataFrame, drift: xr.Dataset) -> np.ndarray:
    """The axes of that drift; the figure is closed."""
    axes: np.ndarray = drifted.smlm.check_drift(drift)
    plt.close("all")
    return axes


def images(axes: np.ndarray) -> list[np.ndarray]:
    return [np.asarray(ax.images[0].get_array()) for ax in axes[1:]]


def title(axes: np.ndarray) -> str:
    return str(axes[0].figure.get_suptitle())


def test_drift_before_after_and_verdict(drifted: pd.DataFrame, drift: xr.Dataset) -> None:
    axes = drifted.smlm.check_drift(drift)
    assert axes.shape == (3,)
    assert plt.get_fignums() == [axes[0].figure.number]
    assert axes[0].get_ylabel() == "Drift (nm)"
    assert [ax.get_title(loc="left") for ax in axes[1:]] == ["Before", "After"]
    verdict, *measures = title(axes).split("\n")
    assert verdict == "improved"
    expected = str(drift.smlm.assess(drifted)).partition(": ")[2]
    assert "; ".join(measures) == expected
    assert max(map(len, measures)) <= 100


def test_both_images_show_the_same_region_with_one_brightness(
    drifted: pd.DataFrame, drift: xr.Dataset, checked: np.ndarray
) -> None:
    extents = [ax.images[0].get_extent() for ax in checked[1:]]
    assert extents[0] == extents[1]
    left, right, bottom, top = extents[0]
    before, after = images(checked)
    bins = (right - left) / before.shape[1]
    region = ((left, right), (bottom, top))
    counts = [
        table.smlm.render(bin_size=bins, bin_range=region).values
        for table in (drifted, drifted.smlm.correct(drift))
    ]
    most = max(image.max() for image in counts)
    for seen, count in zip((before, after), counts, strict=True):
        np.testing.assert_allclose(seen, np.log1p(count) / np.log1p(most))
    assert [ax.images[0].get_clim() for ax in checked[1:]] == [(0, 1), (0, 1)]
    assert after.max() > before.max()  # clusters are sharper


def test_the_scale_bar_has_a_unit(checked: np.ndarray) -> None:
    for ax in checked[1:]:
        (bar,) = ax.artists
        assert bar.txt_label.get_text().endswith(" nm")
        assert ax.get_xticks().size == 0


def test_of_dask_it_is_the_same(drifted: pd.DataFrame, drift: xr.Dataset) -> None:
    expected = drifted.smlm.check_drift(drift, by="chunk")
    found = dd.from_pandas(drifted, npartitions=3).smlm.check_drift(drift, by="chunk")
    assert title(found) == title(expected)
    for one, other in zip(images(found), images(expected), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_is_drawn_and_corrects(
    drifted: pd.DataFrame, drift: xr.Dataset, checked: np.ndarray
) -> None:
    model = fit(drift, offset="linear")
    given = {
        "model": drifted.smlm.check_drift(model=model),
        "both": drifted.smlm.check_drift(drift, model=model),
        "as drift": drifted.smlm.check_drift(model),
    }
    after = images(given["both"])[1]
    for axes in given.values():
        assert "model" in [text.get_text() for text in axes[0].get_legend().get_texts()]
        np.testing.assert_array_equal(images(axes)[1], after)
    assert (images(checked)[1] != after).any()


def test_without_a_drift_it_is_estimated_by_overlap(drifted: pd.DataFrame) -> None:
    expected = drifted.smlm.check_drift(drifted.smlm.drift(method="overlap"))
    found = drifted.smlm.check_drift()
    assert title(found) == title(expected)
    np.testing.assert_array_equal(images(found)[1], images(expected)[1])


def test_how_to_estimate_can_be_said(drifted: pd.DataFrame, checked: np.ndarray) -> None:
    found = drifted.smlm.check_drift(method="icp", n_chunks=5)
    np.testing.assert_array_equal(images(found)[1], images(checked)[1])


def test_three_components(drifted: pd.DataFrame) -> None:
    table = drifted.assign(position_z=np.random.default_rng(1).normal(0, 10, len(drifted)))
    axes = table.smlm.check_drift(method="icp", n_chunks=4)
    names = [text.get_text() for text in axes[0].get_legend().get_texts()]
    assert names == ["x", "y", "z"]


def test_the_table_is_not_changed(drifted: pd.DataFrame, drift: xr.Dataset) -> None:
    table = drifted.copy()
    table.smlm.check_drift(drift)
    pd.testing.assert_frame_equal(table, drifted)
    assert table.attrs == drifted.attrs


def test_a_drift_that_tells_nothing_is_shown_as_such(drifted: pd.DataFrame) -> None:
    nothing = build(
        offset=np.full((2, 2), np.nan),
        components="xy",
        frame=[500, 1500],
        frame_start=[0, 1000],
        frame_stop=[1000, 5000],
        attrs={"length_unit": "nm"},
    )
    axes = drifted.smlm.check_drift(nothing)
    assert title(axes) == "no evidence (no chunk of this drift is valid)"
    assert not axes[2].images
    assert "not corrected" in axes[2].texts[0].get_text()


def test_two_ways_at_once_are_an_error(drifted: pd.DataFrame, drift: xr.Dataset) -> None:
    model = fit(drift, offset="linear")
    with pytest.raises(DriftError, match="method would be used to estimate"):
        drifted.smlm.check_drift(drift, method="icp")
    with pytest.raises(DriftError, match="n_chunks would be used to estimate"):
        drifted.smlm.check_drift(model=model, n_chunks=3)
    with pytest.raises(DriftError, match="leave out one of them"):
        drifted.smlm.check_drift(model, model=model)
    with pytest.raises(DriftError, match="a model is continuous"):
        drifted.smlm.check_drift(drift, model=model, by="linear")
    assert plt.get_fignums() == []


def test_what_is_not_a_drift_is_an_error(drifted: pd.DataFrame) -> None:
    with pytest.raises(DriftError, match="not a dict"):
        drifted.smlm.check_drift({"x": 1})
    with pytest.raises(DriftError, match="does not hold drift"):
        drifted.smlm.check_drift(xr.Dataset())
    with pytest.raises(DriftError, match=r"drift\.smlm\.fit"):
        drifted.smlm.check_drift(model="spline")
    with pytest.raises(OptionError, match="no_such"):
        drifted.smlm.check_drift(method="no_such")
    with pytest.raises(TableError):
        drifted.iloc[:0].smlm.check_drift()
    assert plt.get_fignums() == []


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data here")
def test_a_real_table_in_3d() -> None:
    axes = pd.read_parquet(DATA / "clathrin_3d.parquet").smlm.check_drift()
    assert title(axes).startswith("improved\n")
    before, after = images(axes)
    assert (before > 0).mean() > 0.005
    assert (before != after).any()
