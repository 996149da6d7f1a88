"""The verbs: they delegate, with the same names and defaults as the functions behind them."""

from __future__ import annotations

import inspect
import pickle
import re
from collections.abc import Callable
from typing import Any

import matplotlib.axes
import numpy as np
import pandas as pd
import pytest
import xarray as xr

import smlm_accessor
from smlm_accessor.accessors import DriftAccessor, LocalizationAccessor
from smlm_accessor.alignment import align
from smlm_accessor.correct import correct
from smlm_accessor.display.summary import summary
from smlm_accessor.drift import build, composition, drift_of, poses
from smlm_accessor.drift.jumps import jump_table
from smlm_accessor.errors import (
    AlreadyCorrectedWarning,
    DriftError,
    OutsideEstimateWarning,
    TableError,
)
from smlm_accessor.estimation.estimate import estimate_drift
from smlm_accessor.fiducials.in_tables import find_fiducials, is_fiducial
from smlm_accessor.images.render import render
from smlm_accessor.io import write
from smlm_accessor.methods import registry
from smlm_accessor.metrics import rmse
from smlm_accessor.models import DriftModel, fit
from smlm_accessor.plot import check_drift, plot_drift, plot_localizations
from smlm_accessor.simulate import simulate_drift
from smlm_accessor.table.numbering import number_frames
from smlm_accessor.table.ordering import sort_frames


@pytest.fixture(scope="module")
def locs() -> pd.DataFrame:
    return smlm_accessor.simulate_thomas(cluster_mu=40, seed=1)


@pytest.fixture
def drift() -> xr.Dataset:
    frame = np.array([4.5, 14.5, 24.5, 34.5])
    return build(
        offset=np.outer(frame, [-0.1, 0.2]),
        components="xy",
        frame=frame,
        frame_start=[0, 10, 20, 30],
        frame_stop=[10, 20, 30, 40],
        offset_std=0.1,
    )


SAME_SIGNATURE: list[tuple[Callable[..., Any], Callable[..., Any], set[str]]] = [
    (LocalizationAccessor.drift, estimate_drift, {"table"}),
    (LocalizationAccessor.correct, correct, {"table"}),
    (LocalizationAccessor.simulate_drift, simulate_drift, {"table"}),
    (LocalizationAccessor.rmse, rmse, {"table"}),
    (LocalizationAccessor.render, render, {"table"}),
    (LocalizationAccessor.check_drift, check_drift, {"table"}),
    (LocalizationAccessor.align, align, {"moving"}),
    (LocalizationAccessor.find_fiducials, find_fiducials, {"table"}),
    (LocalizationAccessor.is_fiducial, is_fiducial, {"table"}),
    (LocalizationAccessor.plot, plot_localizations, {"table"}),
    (LocalizationAccessor.sort_frames, sort_frames, {"table"}),
    (LocalizationAccessor.number_frames, number_frames, {"table"}),
    (LocalizationAccessor.write, write, {"table"}),
    (DriftAccessor.fit, fit, {"dataset"}),
    (DriftAccessor.plot, plot_drift, {"dataset"}),
    (DriftAccessor.jumps, jump_table, {"dataset"}),
    (DriftAccessor.pose, poses.pose, {"dataset"}),
    (DriftAccessor.compose, composition.compose, {"first"}),
    (DriftAccessor.with_origin, composition.with_origin, {"dataset"}),
    (DriftAccessor.inverse, composition.inverse, {"dataset"}),
    (DriftAccessor.drift, drift_of, {"dataset"}),
]


@pytest.mark.parametrize(
    ("verb", "function", "subject"),
    SAME_SIGNATURE,
    ids=[v.__qualname__ for v, _, _ in SAME_SIGNATURE],
)
def test_a_verb_has_the_signature_of_its_function(
    verb: Callable[..., Any], function: Callable[..., Any], subject: set[str]
) -> None:
    def parameters(call: Callable[..., Any], without: set[str]) -> list[tuple[str, Any, Any]]:
        found = inspect.signature(call).parameters.values()
        return [(p.name, p.kind, p.default) for p in found if p.name not in without]

    expected = parameters(function, subject)
    assert len(expected) == len(inspect.signature(function).parameters) - 1
    assert parameters(verb, {"self"}) == expected


@pytest.mark.parametrize(
    "verb",
    [
        member
        for accessor in (LocalizationAccessor, DriftAccessor)
        for name, member in vars(accessor).items()
        if not name.startswith("_")
    ],
    ids=lambda member: getattr(member, "__qualname__", "property"),
)
def test_every_verb_is_documented(verb: Any) -> None:
    assert len(inspect.getdoc(verb) or "") > 20


def test_drift(locs: pd.DataFrame) -> None:
    options: dict[str, Any] = {"method": "icp", "n_chunks": 3, "origin": "mean"}
    xr.testing.assert_identical(locs.smlm.drift(**options), estimate_drift(locs, **options))


def test_the_default_method_is_overlap(locs: pd.DataFrame) -> None:
    assert locs.smlm.drift(n_chunks=3).attrs["method"] == "overlap"


def test_correct(locs: pd.DataFrame, drift: xr.Dataset) -> None:
    for options in ({"by": "chunk", "outside": "hold"}, {"outside": "linear"}, {"outside": "nan"}):
        result = locs.smlm.correct(drift, **options)
        expected = correct(locs, drift, **options)  # type: ignore[arg-type]
        pd.testing.assert_frame_equal(result, expected)
        assert result.attrs == expected.attrs


def test_simulate_drift(locs: pd.DataFrame) -> None:
    terms: dict[str, Any] = {
        "velocity": (0.1, 0.2),
        "diffusion_constant": 0.1,
        "sinusoid": {"amplitude": 5, "period": 100},
        "settling": {"amplitude": 5, "time_constant": 100},
        "step": (50, 3.0),
        "curve": lambda frames: np.stack([frames, frames], axis=1) * 0.01,
        "rotation": 1e-5,
        "scale": 1e-5,
        "rotation_center": (1.0, 2.0),
        "seed": 3,
    }
    table, drift = locs.smlm.simulate_drift(**terms, return_drift=True)
    expected, expected_drift = simulate_drift(locs, **terms, return_drift=True)
    pd.testing.assert_frame_equal(table, expected)
    xr.testing.assert_identical(drift, expected_drift)
    pd.testing.assert_frame_equal(locs.smlm.simulate_drift(**terms), expected)


def test_rmse(locs: pd.DataFrame) -> None:
    other = locs.assign(position_x=locs["position_x"] + 3)
    pd.testing.assert_series_equal(other.smlm.rmse(locs), rmse(other, locs))
    absolute = other.smlm.rmse(locs, remove_constant=False)
    assert absolute["x"] == pytest.approx(3)


def test_render_and_plot(locs: pd.DataFrame) -> None:
    options: dict[str, Any] = {"bin_size": 20, "rescale": "equal", "other_property": "frame"}
    xr.testing.assert_identical(locs.smlm.render(**options), render(locs, **options))
    assert isinstance(locs.smlm.plot(bin_size=20), matplotlib.axes.Axes)


def test_columns_and_repr(locs: pd.DataFrame) -> None:
    assert locs.smlm.columns.convention == "Locan"
    assert repr(locs.smlm) == summary(locs)
    broken = locs.assign(frame="a")
    assert "not a number" in repr(broken.smlm)


def test_the_accessor_follows_its_table() -> None:
    table = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0], "frame": [0, 1]})
    accessor = table.smlm
    table["z"] = 1.0
    assert accessor.columns.components == table.smlm.columns.components == ("x", "y", "z")
    assert "3 to 3" in repr(table.assign(z=3.0).smlm)


def test_hasattr_is_honest() -> None:
    assert not hasattr(pd.DataFrame({"a": [1]}), "smlm")
    assert hasattr(pd.DataFrame({"x": [1], "y": [1]}), "smlm")
    with pytest.raises(TableError, match="set_columns"):
        pd.DataFrame({"a": [1]}).smlm.columns  # noqa: B018


def test_a_table_with_its_accessor_used_is_still_a_table(locs: pd.DataFrame) -> None:
    table = locs.copy()
    table.smlm.columns  # noqa: B018
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(table)), locs)
    pd.testing.assert_frame_equal(table.copy(deep=True), locs)


# Drift.


def test_a_verb_of_others_says_whose_it_is(locs: pd.DataFrame, drift: xr.Dataset) -> None:
    with pytest.raises(AttributeError, match=r"a drift: drift\.smlm\.assess$"):
        locs.smlm.assess  # noqa: B018
    with pytest.raises(AttributeError, match=r"a table: table\.smlm\.correct$"):
        drift.smlm.correct  # noqa: B018
    with pytest.raises(AttributeError, match=r"no verb 'corect'$"):
        locs.smlm.corect  # noqa: B018
    assert not hasattr(locs.smlm, "_repr_png_")


def test_drift_verbs_delegate(drift: xr.Dataset) -> None:
    xr.testing.assert_identical(drift.smlm.drift(), drift_of(drift))
    xr.testing.assert_identical(drift.smlm.pose(), poses.pose(drift))
    xr.testing.assert_identical(drift.smlm.inverse(), composition.inverse(drift))
    xr.testing.assert_identical(drift.smlm.compose(drift), composition.compose(drift, drift))
    for origin in composition.ORIGINS:
        xr.testing.assert_identical(
            drift.smlm.with_origin(origin), composition.with_origin(drift, origin)
        )
    assert drift.smlm.check() is None


def test_fit_delegates(drift: xr.Dataset) -> None:
    model = drift.smlm.fit(offset=["linear", "constant"], chunks=slice(0, 3), origin="mean")
    assert isinstance(model, DriftModel)
    expected = fit(drift, offset=["linear", "constant"], chunks=slice(0, 3), origin="mean")
    xr.testing.assert_identical(model.eval(np.arange(40)), expected.eval(np.arange(40)))
    assert model.n_chunks == 3
    turned = drift.smlm.fit(rotation="linear", scale="constant")
    expected = fit(drift, rotation="linear", scale="constant")
    xr.testing.assert_identical(turned.eval(np.arange(40)), expected.eval(np.arange(40)))
    assert drift.smlm.fit(matrix="linear").matrix is not None


def test_plot_of_drift(drift: xr.Dataset) -> None:
    axes = drift.smlm.plot(quantity="offset", component="x", model=drift.smlm.fit(offset="linear"))
    assert isinstance(axes, matplotlib.axes.Axes)
    assert drift.smlm.plot(ax=axes) is axes


@pytest.mark.parametrize("verb", ["drift", "inverse", "check", "fit", "plot", "pose"])
def test_a_dataset_that_is_not_drift_is_an_error(verb: str) -> None:
    with pytest.raises(DriftError, match="does not hold drift"):
        getattr(xr.Dataset({"offset": 1.0}).smlm, verb)()


# Warnings point at the line of the user.


def test_warnings_point_at_the_caller(drift: xr.Dataset) -> None:
    table = pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0], "frame": [0, 39]})
    once = table.smlm.correct(drift)
    with pytest.warns(AlreadyCorrectedWarning) as caught:
        once.smlm.correct(drift)
    assert caught[0].filename == __file__
    with pytest.warns(OutsideEstimateWarning):
        table.assign(frame=[0, 99]).smlm.correct(drift)


def test_the_docstring_of_drift_lists_the_options_of_each_method(locs: pd.DataFrame) -> None:
    for doc in (LocalizationAccessor.drift.__doc__, locs.smlm.drift.__doc__):
        assert doc is not None
        for method in registry._MODULES:  # tests register others
            options = doc.partition(f'Options of method="{method}"\n')[2].partition("\nOptions")[0]
            for option in registry.get(method).options:
                assert re.search(rf"^(\w+, )*{option}(, \w+)* : ", options, re.MULTILINE), option
    assert list(inspect.signature(LocalizationAccessor.drift).parameters)[:2] == ["self", "method"]
