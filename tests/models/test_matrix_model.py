"""Models of rotation and scale, and of matrix entries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lmfit
import numpy as np
import pytest
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift import offset_from_about
from smlm_accessor.drift.poses import of_matrices, to_matrices
from smlm_accessor.errors import DriftError, OptionError
from smlm_accessor.models import ComponentFit, Constant, DriftModel, Polynomial, Spline, fit

MakeDrift = Callable[..., xr.Dataset]
LAST = 33_000
FRAMES = np.arange(0, LAST, 500)
CENTER = 1e5


@pytest.fixture
def make_turning(make_drift: MakeDrift) -> MakeDrift:
    def make(
        n: int = 10, *, angle: Any = 0.0, log_scale: Any = 0.0, d: int = 2, **changes: Any
    ) -> xr.Dataset:
        """Chunks of a sample that turned about z and grew, functions of frames or fixed."""
        frame = make_drift(n, d=d).frame.values
        turned, grown = (
            np.broadcast_to(value(frame) if callable(value) else value, n).astype(float)
            for value in (angle, log_scale)
        )
        rotation = np.zeros((n, 1 if d == 2 else 3))
        rotation[:, -1] = turned
        matrix = to_matrices(rotation, grown)
        about = np.outer(frame, [-0.002, 0.001, 0.0005][:d])
        offset = offset_from_about(matrix, about, np.full(d, CENTER))
        return make_drift(n, d=d, center=CENTER, offset=offset, matrix=matrix, **changes)

    return make


def steady(frames: FloatArray) -> FloatArray:
    return 1e-6 * frames


def about_z(model: DriftModel) -> ComponentFit:
    assert model.rotation is not None
    return model.rotation["z"]


def log_scale_of(model: DriftModel) -> ComponentFit:
    assert model.log_scale is not None
    return model.log_scale


def assert_turns_only(matrix: FloatArray) -> None:
    gram = np.swapaxes(matrix, 1, 2) @ matrix
    expected = np.broadcast_to(np.eye(matrix.shape[-1]), gram.shape)
    np.testing.assert_allclose(gram, expected, rtol=0, atol=1e-12)


# What is fitted if nothing is said.


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize(
    ("terms", "kinds"),
    [
        ({"angle": steady}, ("spline", "none")),
        ({"log_scale": steady}, ("none", "spline")),
        ({"angle": steady, "log_scale": steady}, ("spline", "spline")),
    ],
)
def test_a_spline_where_chunks_turn_or_grow(
    terms: dict[str, Any], kinds: tuple[str, str], d: int, make_turning: MakeDrift
) -> None:
    model = fit(make_turning(d=d, **terms))
    assert (about_z(model).kind, log_scale_of(model).kind) == kinds
    assert model.matrix is None
    values = model.eval(FRAMES)
    rotation = values.rotation if d == 2 else values.rotation.sel(axis="z")
    for found, name in ((rotation, "angle"), (values.log_scale, "log_scale")):
        np.testing.assert_allclose(found, FRAMES * (1e-6 if name in terms else 0), atol=1e-12)
    if d == 3:
        np.testing.assert_array_equal(values.rotation.sel(axis=["x", "y"]), 0)
    if "log_scale" not in terms:
        np.testing.assert_array_equal(values.log_scale, 0)
        assert_turns_only(values.matrix.values)


def test_the_drift_is_that_of_the_centre_whatever_turns(make_turning: MakeDrift) -> None:
    model = fit(make_turning(angle=lambda f: 3e-5 * f, log_scale=steady))
    np.testing.assert_allclose(model.drift(FRAMES), np.outer(FRAMES, [0.002, -0.001]), atol=1e-6)


def test_identities_have_no_model(make_drift: MakeDrift) -> None:
    model = fit(make_drift())
    assert model.rotation is model.log_scale is model.matrix_model is None
    assert "rotation" not in model.eval([5])


# Models of one's own.


@pytest.mark.parametrize("kind", ["constant", "linear", "polynomial", "spline", Spline(s=0)])
def test_every_model_of_rotation_turns_only(kind: Any, make_turning: MakeDrift) -> None:
    rng = np.random.default_rng(0)
    for d in (2, 3):
        drift = make_turning(d=d, angle=lambda f: 0.3 * np.sin(f / 5000) + rng.normal(0, 0.1, 10))
        model = fit(drift, rotation=kind)
        matrix = model.at_frames(np.arange(-9000, 50_000, 99), outside="linear").matrix
        assert matrix is not None
        assert_turns_only(matrix)


def test_names_objects_lmfit_models_and_mappings(make_turning: MakeDrift) -> None:
    drift = make_turning(20, angle=lambda f: 0.1 * np.exp(-f / 8000), log_scale=steady)
    model = fit(drift, rotation=lmfit.models.ExponentialModel(), scale=Polynomial(2))
    assert about_z(model).result.params["decay"].value == pytest.approx(8000, rel=1e-3)
    assert log_scale_of(model).kind == "Polynomial(degree=2)"
    assert about_z(fit(drift, rotation={"z": "linear"})).kind == "linear"
    deep = fit(make_turning(d=3, angle=steady), rotation=["none", "zero", "linear"])
    assert deep.rotation is not None
    assert [turn.kind for turn in deep.rotation.values()] == ["none", "zero", "linear"]
    assert [turn.name for turn in deep.rotation.values()] == [f"rotation {a}" for a in "xyz"]


@pytest.mark.parametrize("scale", ["none", "one", Constant(0.0)])
def test_a_scale_that_is_kept_is_exactly_one(scale: Any, make_turning: MakeDrift) -> None:
    model = fit(make_turning(angle=steady, log_scale=steady), scale=scale)
    values = model.eval(FRAMES)
    np.testing.assert_array_equal(values.log_scale, 0)
    np.testing.assert_array_equal(values.log_scale_std, 0)
    assert_turns_only(values.matrix.values)
    np.testing.assert_allclose(values.rotation, 1e-6 * FRAMES, atol=1e-12)


def test_a_rotation_that_is_not_wanted(make_turning: MakeDrift) -> None:
    values = fit(make_turning(angle=steady, log_scale=steady), rotation="none").eval(FRAMES)
    np.testing.assert_array_equal(values.rotation, 0)
    np.testing.assert_array_equal(values.matrix.sel(component="x", component_in="y"), 0)


def test_entries_are_modelled_if_asked_for(make_turning: MakeDrift) -> None:
    model = fit(make_turning(angle=steady), matrix="linear")
    assert model.rotation is model.log_scale is None
    assert model.matrix is not None
    assert model.matrix["x", "y"].kind == "linear"
    assert "rotation" not in model.eval([5])


# How sure.


def test_the_bands_cover_the_truth(make_turning: MakeDrift) -> None:
    normalised, at = [], steady(make_turning(20).frame.values)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        angle, log_scale = at + rng.normal(0, 1e-4, 20), -at + rng.normal(0, 3e-4, 20)
        drift = make_turning(20, angle=angle, log_scale=log_scale)
        values = fit(drift, offset="none", scale="linear").eval(FRAMES)
        normalised.append(
            [
                (values.rotation.values - steady(FRAMES)) / values.rotation_std.values,
                (values.log_scale.values + steady(FRAMES)) / values.log_scale_std.values,
            ]
        )
    spread = np.std(normalised, axis=(0, 2))
    assert (spread > 0.8).all()
    assert (spread < 1.25).all()


def test_known_standard_deviations_are_the_weights(make_turning: MakeDrift) -> None:
    wrong = np.zeros(10)
    wrong[7] = 0.1
    drift = make_turning(angle=wrong, log_scale=wrong)
    std = np.full(10, 1e-4)
    std[7] = 10.0
    told = drift.assign(rotation_std=("chunk", std), log_scale_std=("chunk", std))
    values = fit(told).eval(FRAMES)
    np.testing.assert_allclose(values.rotation, 0, atol=1e-5)
    np.testing.assert_allclose(values.log_scale, 0, atol=1e-5)
    assert abs(fit(told, weights=None).eval(FRAMES).rotation).max() > 1e-3


# Chunks that are missing.


@pytest.mark.parametrize("d", [2, 3])
def test_invalid_chunks_are_passed_over(d: int, make_turning: MakeDrift) -> None:
    drift = make_turning(d=d, angle=lambda f: 3e-4 * f)  # 1 rad a chunk
    drift["valid"][4:6] = False
    drift["matrix"][4] = np.nan
    drift["matrix"][5, 0, 1] = 7.0
    values = fit(drift).eval(FRAMES)
    rotation = values.rotation if d == 2 else values.rotation.sel(axis="z")
    np.testing.assert_allclose(rotation, 3e-4 * FRAMES, atol=1e-7)


def test_a_single_chunk_is_a_constant(make_turning: MakeDrift) -> None:
    model = fit(make_turning(angle=0.1, log_scale=0.2), chunks=[3])
    values = model.eval(FRAMES)
    np.testing.assert_allclose(values.rotation, 0.1)
    np.testing.assert_allclose(values.log_scale, 0.2)
    assert np.isnan(values.rotation_std).all()
    with pytest.raises(DriftError, match="rotation: linear needs at least 2 valid chunks"):
        fit(make_turning(angle=0.1), chunks=[3], rotation="linear")


def test_outside(make_turning: MakeDrift) -> None:
    model = fit(make_turning(angle=steady, log_scale=steady))
    beyond = np.array([-2000, 5, LAST + 2000])
    linear = model.eval(beyond, outside="linear")
    np.testing.assert_allclose(linear.rotation, 1e-6 * beyond, atol=1e-10)
    held = model.eval(beyond, outside="hold")
    np.testing.assert_allclose(held.log_scale, [0, 5e-6, 1e-6 * (LAST - 1)], atol=1e-10)
    missing = model.eval(beyond, outside="nan")
    for name in ("rotation", "rotation_std", "log_scale", "log_scale_std"):
        np.testing.assert_array_equal(np.isnan(missing[name]), [True, False, True])
    assert np.isnan(missing.matrix.values[[0, 2]]).all()


# Matrices that are no rotation.


def test_sheared_chunks_are_modelled_by_entry(make_turning: MakeDrift) -> None:
    drift = make_turning(angle=steady)
    drift["matrix"][4, 0, 1] += 0.01
    model = fit(drift)
    assert model.rotation is None
    assert model.matrix is not None
    assert len(model.matrix) == 4
    assert about_z(fit(drift, chunks=[0, 1, 2, 3, 5, 6, 7, 8, 9])).kind == "spline"
    for asked in ({"rotation": "linear"}, {"scale": "none"}):
        with pytest.raises(
            DriftError, match=r"around frame 14849\.5 is not a rot.*matrix='spline'"
        ):
            fit(drift, **asked)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"matrix": "linear", "rotation": "linear"}, "give one or the other"),
        ({"matrix": "linear", "scale": "none"}, "give one or the other"),
        ({"scale": "zero"}, "scale='zero' would leave nothing"),
        ({"scale": "cubic"}, "scale='cubic' is not a model; use one of 'none'"),
        ({"scale": ["linear"]}, r"scale=\['linear'\] is not a model"),
        ({"rotation": "cubic"}, "rotation='cubic' is not a model"),
        ({"rotation": ["linear", "linear"]}, "has 2 models for the 1 of z"),
        ({"rotation": {"x": "linear"}}, "no model for 'z', there is no 'x'"),
    ],
)
def test_what_is_no_model(asked: dict[str, Any], message: str, make_turning: MakeDrift) -> None:
    with pytest.raises(OptionError, match=message):
        fit(make_turning(angle=steady), **asked)


# What it says.


def test_rotation_and_scale_are_reported(make_turning: MakeDrift) -> None:
    lines = repr(fit(make_turning(angle=steady), rotation="linear")).splitlines()
    assert [line.split()[:2] for line in lines[3:5]] == [
        ["rotation", "linear"],
        ["log-scale", "none"],
    ]
    assert (
        "<th>rotation</th><td>linear</td>"
        in fit(make_turning(angle=steady), rotation="linear")._repr_html_()
    )


@pytest.mark.parametrize("d", [2, 3])
def test_what_the_models_say_is_what_the_matrices_do(d: int, make_turning: MakeDrift) -> None:
    rng = np.random.default_rng(1)
    drift = make_turning(d=d, angle=rng.normal(0, 0.1, 10), log_scale=rng.normal(0, 0.1, 10))
    values = fit(drift).eval(FRAMES)
    rotation, log_scale = of_matrices(values.matrix.values)
    np.testing.assert_allclose(values.rotation.values.reshape(rotation.shape), rotation, atol=1e-12)
    np.testing.assert_allclose(values.log_scale, log_scale, atol=1e-12)
    assert values.rotation.attrs["units"] == "rad"


def test_rotation_and_scale_are_free_between_segments(make_turning: MakeDrift) -> None:
    drift = make_turning(
        angle=lambda f: np.where(f < LAST / 2, steady(f), 0.01 - steady(f)),
        log_scale=lambda f: np.where(f < LAST / 2, 0.0, 0.02),
    )
    values = fit(drift, rotation="linear", segments=[LAST // 2]).eval([0, 16_499, 16_500, 32_999])
    expected = [0, 0.016499, 0.01 - 0.0165, 0.01 - 0.032999]
    np.testing.assert_allclose(values.rotation, expected, atol=1e-9)
    np.testing.assert_allclose(values.log_scale, [0, 0, 0.02, 0.02], atol=1e-9)
