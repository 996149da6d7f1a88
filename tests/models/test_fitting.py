from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import lmfit
import numpy as np
import pytest
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift import build, drift_of, offset_from_about
from smlm_accessor.errors import DriftError, OptionError
from smlm_accessor.models import Polynomial, Spline, fit

MakeDrift = Callable[..., xr.Dataset]
FRAMES = np.arange(0, 33_000, 100)
LINE = np.outer(FRAMES, [0.002, -0.001])


def rms(values: Any) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


@pytest.mark.parametrize("offset", ["spline", "linear", ["linear", "polynomial"], Spline(s=1e3)])
def test_recovers_a_line_in_each_component(make_drift: MakeDrift, offset: Any) -> None:
    model = fit(make_drift(), offset=offset)
    assert rms(model.drift(FRAMES).values - LINE) < 0.2


def test_each_component_has_its_own_model(make_drift: MakeDrift) -> None:
    def about(frame: FloatArray) -> FloatArray:
        return np.column_stack([20 * np.sin(frame / 2000), 0 * frame + 5, 0.001 * frame])

    drift = make_drift(50, d=3, about=about)
    model = fit(drift, offset={"z": "linear", "x": "spline", "y": "constant"})
    truth = about(FRAMES)
    assert [f.kind for f in model.offset_fits] == ["spline", "constant", "linear"]
    assert [rms(e) < 0.25 for e in (-model.drift(FRAMES).values - truth).T] == [True] * 3
    assert isinstance(model.offset["y"].result, lmfit.model.ModelResult)
    assert model.offset["x"].result.edf > 10


@pytest.mark.parametrize(("name", "value"), [("none", 0), ("zero", 0), ("one", 1)])
def test_fixed_values(make_drift: MakeDrift, name: str, value: float) -> None:
    model = fit(make_drift(), offset=[name, "linear"])
    np.testing.assert_array_equal(model.eval(FRAMES).offset.sel(component="x"), value)


def test_any_lmfit_model(make_drift: MakeDrift) -> None:
    def settling(t: Any, far: float = 10.0, tau: float = 3000.0) -> Any:
        return far * (1 - np.exp(-t / tau))

    drift = make_drift(20, about=lambda f: np.column_stack([settling(f, -40, 8000)] * 2))
    model = fit(drift, offset=[lmfit.Model(settling), "none"])
    assert rms(model.drift(FRAMES).sel(component="x") + settling(FRAMES, -40, 8000)) < 0.2
    assert model.offset["x"].result.params["tau"].value == pytest.approx(8000, rel=0.05)


def test_std_decides_the_weights(make_drift: MakeDrift) -> None:
    offset = np.zeros((10, 2))
    offset[7] = 50
    std = np.ones((10, 2))
    std[7] = 1e4
    drift = make_drift(offset=offset, offset_std=std)
    assert abs(fit(drift).drift(FRAMES)).max() < 0.1
    assert abs(fit(drift, weights=None).drift(FRAMES)).max() > 5


def test_invalid_chunks_are_bridged(make_drift: MakeDrift) -> None:
    drift = make_drift()
    spoilt = drift.copy(deep=True)
    spoilt["valid"][4] = False
    spoilt["offset"][4] = np.nan
    spoilt["offset_std"][:] = 0.24
    spoilt["offset_std"][4] = np.nan
    spoilt["matrix"][4] = np.nan
    model = fit(spoilt, offset=["spline", "linear"])
    assert model.n_chunks == 9
    assert model.matrix is None
    assert rms(model.drift(FRAMES).values - LINE) < 0.25


def test_an_invalid_chunk_is_not_used_even_if_it_has_numbers(make_drift: MakeDrift) -> None:
    drift = make_drift()
    wrong = drift.copy(deep=True)
    wrong["offset"][4] = 1e6
    wrong["valid"][4] = False
    left_out = fit(drift, chunks=[0, 1, 2, 3, 5, 6, 7, 8, 9])
    np.testing.assert_allclose(fit(wrong).drift(FRAMES), left_out.drift(FRAMES))


def test_slice_picks_chunks_but_not_the_range(make_drift: MakeDrift) -> None:
    drift = make_drift()
    drift["offset"][0] = 1e6
    model = fit(drift, offset="linear", chunks=slice(1, None))
    assert (model.n_chunks, model.frame_start, model.frame_stop) == (9, 0, 33_000)
    assert rms(model.drift(FRAMES).values - LINE) < 0.3


# Matrices.


def test_identity_matrices_are_not_modelled(make_drift: MakeDrift) -> None:
    model = fit(make_drift())
    assert model.matrix is None
    np.testing.assert_array_equal(model.eval([5]).matrix.values, np.eye(2)[None])


@pytest.mark.parametrize("matrix", [None, "linear", {("x", "y"): "spline", ("y", "x"): "linear"}])
def test_rotation_about_a_far_table_stays_small(make_drift: MakeDrift, matrix: Any) -> None:
    # About the origin, 1e-4 rad of noise moves this table by 100 nm, chunk by chunk.
    center = 1e6
    drift = make_drift(20, noise=0.1, angle=1e-4, center=center)
    naive = fit(build(**parts(drift)), offset="linear", matrix=matrix)
    model = fit(drift, offset="linear", matrix=matrix)
    points = center + np.array([[0.0, 0], [1000, 500], [-1000, 800]])
    wrong = []
    for fitted in (model, naive):
        frames = fitted.at_frames(FRAMES)
        assert frames.matrix is not None
        moved = np.einsum("fij,pj->fpi", frames.matrix, points) + frames.offset[:, None]
        wrong.append(rms(moved - points + LINE[:, None]))
    assert wrong[0] < 0.2
    if matrix != "linear":  # for all linear, the two are the same least-squares problem
        assert wrong[1] > 10 * wrong[0]


def parts(drift: xr.Dataset) -> dict[str, Any]:
    """What to build the same Dataset from, without its centre."""
    names = ("offset", "matrix", "frame", "frame_start", "frame_stop", "n_localizations")
    return {name: drift[name].values for name in names} | {"components": "xy"}


def test_a_steady_rotation_is_recovered(make_drift: MakeDrift) -> None:
    drift = make_drift(20, noise=0, center=500.0)
    angle = 1e-6 * drift.frame.values
    turned = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1)
    matrix = turned.reshape(-1, 2, 2)
    center = np.full(2, 500.0)
    about = -np.outer(drift.frame.values, [0.002, -0.001])
    offset = offset_from_about(matrix, about, center)
    model = fit(make_drift(20, offset=offset, matrix=matrix, center=center))
    last = model.eval([33_000 - 1])
    assert last.matrix.values[0, 1, 0] == pytest.approx(np.sin(0.033), rel=1e-3)
    by_entry = fit(make_drift(20, offset=offset, matrix=matrix, center=center), matrix="spline")
    assert by_entry.matrix is not None
    assert list(by_entry.matrix) == [("x", "x"), ("x", "y"), ("y", "x"), ("y", "y")]
    np.testing.assert_allclose(by_entry.eval([32_999]).matrix, last.matrix, rtol=1e-3, atol=1e-5)
    # Stored as matrix @ position + offset: the centre moves by minus the drift.
    at_center = last.matrix.values[0] @ center + last.offset.values[0] - center
    np.testing.assert_allclose(-at_center, np.array([0.002, -0.001]) * 32_999, rtol=1e-6)
    np.testing.assert_allclose(-at_center, model.drift([32_999]).values[0], rtol=1e-9)


def test_a_matrix_may_be_modelled_where_all_are_identities(make_drift: MakeDrift) -> None:
    model = fit(make_drift(), matrix=["one", "zero", "none", "constant"])
    np.testing.assert_allclose(model.eval([5]).matrix.values, np.eye(2)[None])


# Origins.


def curve(frame: FloatArray) -> FloatArray:
    return np.column_stack([7 - 0.002 * frame, 20 * np.cos(frame / 9000)])


@pytest.mark.parametrize("offset", ["spline", "linear", Polynomial(5)])
def test_origin_first_frame(make_drift: MakeDrift, offset: Any) -> None:
    model = fit(make_drift(about=curve, start=1), offset=offset, origin="first_frame")
    np.testing.assert_allclose(model.drift([1]), 0, atol=1e-12)
    assert model.origin == model.attrs["origin"] == model.eval([1]).attrs["origin"] == "first_frame"


def test_origin_mean(make_drift: MakeDrift) -> None:
    drift = make_drift(about=curve, n_localizations=np.arange(1, 11))
    model = fit(drift, origin="mean")
    values = model.drift(drift.frame).values
    np.testing.assert_allclose(np.average(values, axis=0, weights=np.arange(1, 11)), 0, atol=1e-12)


def test_origin_first_chunk_is_that_of_the_dataset(make_drift: MakeDrift) -> None:
    drift = make_drift(about=curve)
    drift["valid"][0] = False
    model = fit(drift, offset="linear", origin="first_chunk")
    np.testing.assert_allclose(model.drift(drift.frame[1:2]).values[0], drift_of(drift).values[1])


def test_origins_differ_by_a_constant(make_drift: MakeDrift) -> None:
    drift = make_drift(about=curve)
    as_fitted = fit(drift).drift(FRAMES)
    for origin in ("first_chunk", "first_frame", "mean"):
        difference = (fit(drift, origin=origin).drift(FRAMES) - as_fitted).values
        np.testing.assert_allclose(difference, difference[:1] + 0 * difference, atol=1e-10)
        assert abs(difference).max() > 1e-3


def test_origin_is_inherited(make_drift: MakeDrift) -> None:
    drift = make_drift(about=curve)
    assert fit(drift).shift == (0.0, 0.0)
    for origin in ("first_frame", "mean"):
        drift.attrs["origin"] = origin
        np.testing.assert_array_equal(fit(drift).shift, fit(drift, origin=origin).shift)
        assert fit(drift).origin == origin


def test_a_component_that_is_not_corrected_is_not_shifted(make_drift: MakeDrift) -> None:
    for origin in ("first_chunk", "first_frame", "mean"):
        model = fit(make_drift(about=curve), offset=["none", "linear"], origin=origin)
        assert model.shift[0] == 0
        assert model.shift[1] != 0


# What goes wrong.


def test_an_unknown_origin(make_drift: MakeDrift) -> None:
    with pytest.raises(OptionError, match="origin='last' is not known; use 'first_chunk' or"):
        fit(make_drift(), origin="last")


def test_not_a_drift() -> None:
    with pytest.raises(DriftError, match="does not hold drift"):
        fit(xr.Dataset())


def test_no_valid_chunk(make_drift: MakeDrift) -> None:
    drift = make_drift()
    drift["valid"][:] = False
    with pytest.raises(DriftError, match=r"No chunk of this drift is valid.*larger chunks"):
        fit(drift)


@pytest.mark.parametrize(
    ("offset", "chosen", "message"),
    [
        ("linear", [3], "offset x: linear needs at least 2 valid chunks, there is 1;"),
        (["none", Polynomial(5)], slice(5), "offset y: Polynomial.* needs at least 6 .* are 5;"),
        ("zero", slice(0), r"chunks=slice\(None, 0, None\) picks none of the 10 valid ones;"),
    ],
)
def test_too_few_chunks(make_drift: MakeDrift, offset: Any, chosen: Any, message: str) -> None:
    with pytest.raises(DriftError, match=message):
        fit(make_drift(), offset=offset, chunks=chosen)


def test_fixed_values_need_no_chunks_of_their_own(make_drift: MakeDrift) -> None:
    model = fit(make_drift(), offset=["zero", "none"], chunks=[3], origin="mean")
    np.testing.assert_array_equal(model.drift(FRAMES), 0)
    assert [f.n_needed for f in model.offset_fits] == [0, 0]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_a_spline_needs_only_one_chunk(make_drift: MakeDrift, n: int) -> None:
    drift = make_drift(4, noise=0)
    values = fit(drift, chunks=slice(n)).eval(FRAMES)
    assert np.isfinite(values.offset).all()
    if n > 1:
        np.testing.assert_allclose(-values.offset.values, LINE, atol=1e-8)


def test_the_dataset_is_neither_changed_nor_shared(make_drift: MakeDrift) -> None:
    drift = make_drift(angle=1e-5)
    before = drift.copy(deep=True)
    for variable in drift.variables.values():
        if variable.dims and not isinstance(variable, xr.IndexVariable):
            variable.values.setflags(write=False)
    model = fit(drift)
    assert drift.identical(before)
    expected = model.drift(FRAMES)
    changed = drift.copy(deep=True)
    model = fit(changed)
    changed["offset"][:] = 1e9
    changed.attrs["origin"] = "mean"
    np.testing.assert_array_equal(model.drift(FRAMES), expected)
    assert model.transformations.identical(before)


@pytest.mark.parametrize(("n", "model"), [(1, "spline"), (2, "linear"), (2, "spline")])
def test_known_errors_give_a_band_where_nothing_is_left_over(
    make_drift: MakeDrift, n: int, model: str
) -> None:
    std = np.array([[0.3, 0.1], [0.5, 0.2]])[:n]
    drift = make_drift(n, offset_std=std)
    band = fit(drift, offset=model).eval(drift["frame"])["offset_std"]
    np.testing.assert_allclose(band, std)


@pytest.mark.parametrize("model", ["spline", "linear", "polynomial"])
def test_the_larger_error_counts(make_drift: MakeDrift, model: str) -> None:
    drift = make_drift(20, noise=0.3)

    def band(std: float) -> float:
        known = drift.assign(offset_std=drift["offset_std"].fillna(std))
        return float(fit(known, offset=model).eval([16_000])["offset_std"].mean())

    # Far too small, the residuals tell; larger than these, it is what is known.
    np.testing.assert_allclose(band(1e-5), band(1e-3), rtol=0.02)
    np.testing.assert_allclose(band(30.0), 10 * band(3.0), rtol=0.05)


@pytest.mark.parametrize("n", [4, 6, 10, 40])
@pytest.mark.parametrize("model", ["spline", "linear", "polynomial"])
def test_the_band_holds_the_truth(make_drift: MakeDrift, n: int, model: str) -> None:
    errors = []
    for seed in range(25):
        std = np.random.default_rng([seed, n]).uniform(0.5, 1.5, (n, 2))
        still = make_drift(n, noise=0.0, offset_std=std)
        noise = std * np.random.default_rng([seed, n, 1]).normal(size=(n, 2))
        drift = still.assign(offset=still["offset"] + noise)
        found = fit(drift, offset=model).eval(still["frame"])
        errors.append((found["offset"].values - still["offset"].values) / found["offset_std"])
    assert 0.6 < np.sqrt(np.mean(np.square(errors))) < 1.3


@pytest.mark.parametrize("model", ["spline", "linear"])
def test_errors_that_neighbours_share_make_the_band_wider(
    make_drift: MakeDrift, model: str
) -> None:
    n, shared, errors = 160, 8, {True: [], False: []}
    for seed in range(10):
        white = np.random.default_rng(seed).normal(size=(n + shared - 1, 2))
        kernel = np.full(shared, 1 / np.sqrt(shared))
        noise = np.stack([np.convolve(white[:, i], kernel, "valid") for i in range(2)], axis=1)
        still = make_drift(n, noise=0.0, offset_std=np.ones((n, 2)))
        drift = still.assign(offset=still["offset"] + noise)
        length = int((drift["frame_stop"] - drift["frame_start"]).median())
        for told, together in errors.items():
            frames = shared * length if told else None
            drift.attrs["parameters"] = json.dumps({"smoothing_frames": frames})
            found = fit(drift, offset=model).eval(still["frame"])
            together.append((found["offset"].values - still["offset"].values) / found["offset_std"])
    assert 0.7 < rms(errors[True]) < 1.4
    assert rms(errors[False]) > 1.7
