"""Undo a drift, chain two, and choose where a drift is zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift import build, drift_of, offset_from_about, poses, require_drift
from smlm_accessor.drift.between_chunks import evaluate
from smlm_accessor.drift.composition import compose, inverse, with_origin
from smlm_accessor.errors import DriftError, OptionError
from smlm_accessor.models import fit

EDGES = np.array([0, 10, 20, 40, 50])
MEANS = np.array([5.0, 14.0, 30.0, 44.0])


def dataset(offset: Any, **changes: Any) -> xr.Dataset:
    offset = np.asarray(offset, float)
    fields: dict[str, Any] = {
        "offset": offset,
        "components": "xyz"[: offset.shape[1]],
        "frame": MEANS,
        "frame_start": EDGES[:-1],
        "frame_stop": EDGES[1:],
        "n_localizations": [10, 20, 30, 40],
        "attrs": {"method": "icp", "length_unit": "nm", "origin": "first_chunk"},
    }
    return build(**{**fields, **changes})


def affine(seed: int, d: int = 3, center: float = 1e4) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    matrix = np.eye(d) + 0.05 * rng.normal(size=(4, d, d))
    middle = center * (1 + np.arange(d))
    offset = offset_from_about(matrix, rng.normal(size=(4, d)), middle)
    return dataset(offset, matrix=matrix, center=middle)


def apply(drift: xr.Dataset, positions: FloatArray) -> FloatArray:
    """Positions (n, d) as each chunk would correct them, shape (chunks, n, d)."""
    moved = positions @ np.swapaxes(drift["matrix"].values, 1, 2)
    return np.asarray(moved + drift["offset"].values[:, None])


POINTS = np.random.default_rng(0).uniform(-2e4, 2e4, (7, 3))


# Inverse.


@pytest.mark.parametrize("seed", range(3))
def test_inverse_undoes(seed: int) -> None:
    drift = affine(seed)
    back = inverse(drift)
    require_drift(back)
    for k in range(4):
        there = apply(drift, POINTS)[k]
        np.testing.assert_allclose(apply(back, there)[k], POINTS, rtol=0, atol=1e-8)
        np.testing.assert_allclose(apply(drift, apply(back, POINTS)[k])[k], POINTS, atol=1e-8)


@given(arrays(np.float64, (4, 2), elements=st.floats(-1e6, 1e6)))
def test_inverse_of_shifts_is_exact(offset: FloatArray) -> None:
    drift = dataset(offset, offset_std=np.arange(8.0).reshape(4, 2))
    back = inverse(drift)
    np.testing.assert_array_equal(back["offset"].values, -offset)
    assert not np.signbit(back["offset"].values[offset == 0]).any()
    np.testing.assert_array_equal(back["matrix"].values, drift["matrix"].values)
    np.testing.assert_array_equal(back["offset_std"].values, drift["offset_std"].values)


def test_inverse_keeps_a_std_that_one_component_has_and_another_has_not() -> None:
    std = np.array([[1.0, np.nan]] * 4)
    back = inverse(dataset(np.ones((4, 2)), offset_std=std))
    np.testing.assert_array_equal(back["offset_std"].values, std)


def test_inverse_says_so_and_twice_is_the_original() -> None:
    drift = affine(1)
    back = inverse(drift)
    assert back.attrs["inverse"] == 1
    again = inverse(back)
    assert again.attrs["inverse"] == 0
    np.testing.assert_allclose(again["matrix"], drift["matrix"], atol=1e-12)
    np.testing.assert_allclose(again["offset"], drift["offset"], rtol=0, atol=1e-8)
    assert "inverse" not in drift.attrs


def test_inverse_passes_over_chunks_that_are_not_valid() -> None:
    drift = affine(2)
    for name in ("matrix", "offset"):
        drift[name][1] = np.nan
    drift["valid"][1] = False
    back = inverse(drift)
    require_drift(back)
    assert np.isnan(back["offset"].values[1]).all()
    assert np.isfinite(back["offset"].values[[0, 2, 3]]).all()
    assert back["valid"].values.tolist() == [True, False, True, True]


# Composition.


@pytest.mark.parametrize("seed", range(3))
def test_compose_is_the_first_and_then_the_second(seed: int) -> None:
    first, second = affine(seed), affine(seed + 10)
    both = compose(first, second)
    require_drift(both)
    for k in range(4):
        expected = apply(second, apply(first, POINTS)[k])[k]
        np.testing.assert_allclose(apply(both, POINTS)[k], expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("seed", range(3))
def test_a_drift_and_its_inverse_are_nothing(seed: int) -> None:
    drift = affine(seed)
    for nothing in (compose(drift, inverse(drift)), compose(inverse(drift), drift)):
        np.testing.assert_allclose(nothing["matrix"], np.tile(np.eye(3), (4, 1, 1)), atol=1e-12)
        np.testing.assert_allclose(nothing["offset"], 0, atol=1e-8)


def test_compose_is_associative() -> None:
    a, b, c = affine(1), affine(2), affine(3)
    left, right = compose(compose(a, b), c), compose(a, compose(b, c))
    np.testing.assert_allclose(left["matrix"], right["matrix"], atol=1e-12)
    np.testing.assert_allclose(left["offset"], right["offset"], rtol=0, atol=1e-7)


def test_compose_of_different_chunks_is_exact_for_linear_drift() -> None:
    first = dataset(np.outer(MEANS, [1.0, 2.0]))
    means, edges = np.array([3.0, 20.0, 47.0]), np.array([-5, 10, 30, 60])
    second = dataset(
        np.outer(means, [0.5, -2.0]),
        frame=means,
        frame_start=edges[:-1],
        frame_stop=edges[1:],
        n_localizations=None,
    )
    both = compose(first, second)
    require_drift(both)
    assert both["frame_start"].values[0] == -5
    assert both["frame_stop"].values[-1] == 60
    frames = np.arange(5, 45)  # where both are known without continuing
    at = evaluate(both, frames, by="linear")
    np.testing.assert_allclose(at.offset, np.outer(frames, [1.5, 0.0]), atol=1e-9)


def test_compose_bridges_chunks_that_are_not_valid_in_one_of_them() -> None:
    offset = np.outer(MEANS, [1.0, 2.0])
    first = dataset(offset)
    gap = offset.copy()
    gap[1] = np.nan
    both = compose(first, dataset(gap))
    require_drift(both)
    at = evaluate(both, np.arange(50), by="linear")
    np.testing.assert_allclose(at.offset, np.outer(np.arange(50), [2.0, 4.0]), atol=1e-9)


def test_compose_goes_by_frames_not_by_chunk_labels() -> None:
    first, second = affine(1), affine(2)
    expected = compose(first, second)
    renamed = compose(first, second.assign_coords(chunk=[7, 8, 9, 10]))
    assert renamed["valid"].dtype == bool
    xr.testing.assert_allclose(renamed, expected)
    # Selections keep their labels.
    part = compose(first.isel(chunk=[1, 2, 3]), second.isel(chunk=[1, 2, 3]))
    np.testing.assert_allclose(part["offset"], expected["offset"].values[1:])


def test_compose_adds_errors_and_names_both_methods() -> None:
    first = dataset(np.zeros((4, 2)), offset_std=3.0)
    second = dataset(np.zeros((4, 2)), offset_std=4.0, attrs={"method": "cc"})
    both = compose(first, second)
    np.testing.assert_allclose(both["offset_std"], 5.0)
    assert both.attrs["method"] == "icp then cc"


def test_compose_interpolates_errors_where_chunks_differ() -> None:
    std = np.array([[1.0, 2.0], [3.0, 2.0], [3.0, 2.0], [1.0, 2.0]])
    first = dataset(np.zeros((4, 2)), offset_std=std)
    second = build(
        offset=np.zeros((1, 2)),
        components="xy",
        frame=[22.0],
        frame_start=[0],
        frame_stop=[50],
        offset_std=4.0,
        attrs={"method": "cc"},
    )
    both = compose(first, second)
    found = np.interp(MEANS, both["frame"], both["offset_std"].sel(component="x"))
    np.testing.assert_allclose(found, np.hypot(std[:, 0], 4.0))
    assert np.isfinite(fit(both, offset="linear").eval([0, 20])["offset_std"]).all()


def test_errors_turn_with_the_second_and_with_the_origin() -> None:
    quarter = np.tile([[0.0, -1.0], [1.0, 0.0]], (4, 1, 1))
    std = np.tile([3.0, 1.0], (4, 1))
    first = dataset(np.zeros((4, 2)), offset_std=std)
    second = dataset(np.zeros((4, 2)), matrix=quarter, offset_std=0.0)
    np.testing.assert_allclose(compose(first, second)["offset_std"], std[:, ::-1])
    turned = with_origin(dataset(np.ones((4, 2)), matrix=quarter, offset_std=std), "first_chunk")
    np.testing.assert_allclose(turned["offset_std"], std[:, ::-1])
    for origin in ("first_chunk", "first_frame", "mean"):
        np.testing.assert_allclose(with_origin(first, origin)["offset_std"], std)


def test_compose_needs_the_same_components() -> None:
    flat, deep = dataset(np.zeros((4, 2))), dataset(np.zeros((4, 3)))
    with pytest.raises(DriftError, match=r"\('x', 'y'\) and \('x', 'y', 'z'\)"):
        compose(flat, deep)
    selected = deep.sel(component=["x", "y"], component_in=["x", "y"])  # as the message says
    require_drift(compose(flat, selected))


def test_compose_needs_the_same_unit() -> None:
    first = dataset(np.zeros((4, 2)))
    second = dataset(np.zeros((4, 2)), attrs={"length_unit": "um"})
    with pytest.raises(DriftError, match="nm and um"):
        compose(first, second)
    require_drift(compose(first, dataset(np.zeros((4, 2)), attrs={})))


# Origin.

ORIGINS = ("first_chunk", "first_frame", "mean")


@pytest.mark.parametrize("origin", ORIGINS)
def test_the_origin_moves_all_chunks_alike(origin: str) -> None:
    drift = dataset(np.random.default_rng(1).normal(size=(4, 2)))
    moved = with_origin(drift, origin)
    difference = moved["offset"].values - drift["offset"].values
    np.testing.assert_allclose(difference, np.tile(difference[0], (4, 1)), atol=1e-12)
    assert moved.attrs["origin"] == origin
    xr.testing.assert_identical(
        moved.drop_vars("offset"), drift.drop_vars("offset").assign_attrs(moved.attrs)
    )


@pytest.mark.parametrize("make", [lambda: affine(4), lambda: dataset(np.ones((4, 3)) * 7)])
def test_first_chunk_becomes_nothing(make: Any) -> None:
    moved = with_origin(make(), "first_chunk")
    np.testing.assert_allclose(moved["matrix"].values[0], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(moved["offset"].values[0], 0, atol=1e-8)


def test_first_valid_chunk_becomes_nothing() -> None:
    offset = np.arange(8.0).reshape(4, 2)
    offset[0] = np.nan
    moved = with_origin(dataset(offset), "first_chunk")
    np.testing.assert_array_equal(moved["offset"].values[1:], [[0, 0], [2, 2], [4, 4]])
    assert np.isnan(moved["offset"].values[0]).all()


@pytest.mark.parametrize("by", ["linear", "cubic"])
@pytest.mark.parametrize("seed", range(3))
def test_first_frame_is_not_moved(by: str, seed: int) -> None:
    drift = dataset(np.random.default_rng(seed).normal(size=(4, 2)))
    at = evaluate(with_origin(drift, "first_frame"), np.array([0]), by=by)
    np.testing.assert_allclose(at.offset, 0, atol=1e-12)


def test_first_frame_with_matrices() -> None:
    moved = with_origin(affine(5, center=0.0), "first_frame")
    at = evaluate(moved, np.array([0]), by="linear")
    assert at.matrix is not None
    np.testing.assert_allclose(at.matrix[0], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(at.offset[0], 0, atol=1e-12)


def test_mean_is_over_localizations() -> None:
    drift = dataset([[0.0, 0.0], [1.0, 4.0], [2.0, 4.0], [3.0, 4.0]])
    moved = with_origin(drift, "mean")
    n = drift["n_localizations"].values
    np.testing.assert_allclose(n @ moved["offset"].values, 0, atol=1e-12)
    assert moved["offset"].values[0, 0] == -(20 + 60 + 120) / 100


def test_mean_leaves_out_chunks_that_are_not_valid_and_keeps_matrices() -> None:
    drift = affine(6)
    for name in ("matrix", "offset"):
        drift[name][2] = np.nan
    drift["valid"][2] = False
    moved = with_origin(drift, "mean")
    np.testing.assert_array_equal(moved["matrix"], drift["matrix"])
    at_center = drift_of(moved).values[[0, 1, 3]]
    np.testing.assert_allclose(np.array([10, 20, 40]) @ at_center, 0, atol=1e-6)


@pytest.mark.parametrize("origin", ORIGINS)
def test_the_origin_of_the_origin_is_the_same(origin: str) -> None:
    once = with_origin(affine(7, center=10.0), origin)
    twice = with_origin(once, origin)
    np.testing.assert_allclose(twice["offset"], once["offset"], atol=1e-9)
    np.testing.assert_allclose(twice["matrix"], once["matrix"], atol=1e-12)


@pytest.mark.parametrize("origin", ORIGINS)
def test_no_valid_chunk_stays_so(origin: str) -> None:
    moved = with_origin(dataset(np.full((4, 2), np.nan)), origin)
    assert not moved["valid"].any()
    assert moved.attrs["origin"] == origin


def test_an_unknown_origin_is_an_error() -> None:
    with pytest.raises(OptionError, match="origin='zero' is not known"):
        with_origin(affine(1), "zero")


# For all of them.

VERBS = {
    "inverse": inverse,
    "compose": lambda drift: compose(drift, affine(9)),
    "compose, other chunks": lambda drift: compose(drift, affine(9).isel(chunk=[0, 2])),
    **{origin: lambda drift, o=origin: with_origin(drift, o) for origin in ORIGINS},
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
def test_the_given_dataset_is_not_changed(verb: Any) -> None:
    drift = affine(8)
    before = drift.copy(deep=True)
    result = verb(drift)
    require_drift(result)
    for name in result.variables:
        if result[name].dtype.kind == "f":
            result[name].values[...] = -1.0
    result.attrs["mine"] = 1
    xr.testing.assert_identical(drift, before)


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS.keys())
def test_what_is_not_drift_is_an_error(verb: Any) -> None:
    with pytest.raises(DriftError, match="does not hold drift"):
        verb(xr.Dataset({"a": 1}))


# Rotation and scale.


def turning(seed: int, d: int, frames: FloatArray = MEANS) -> xr.Dataset:
    """Rotations about one axis and scales, all steady, about a centre that moves."""
    rng = np.random.default_rng(seed)
    axis = np.ones((1, 1)) if d == 2 else np.array([[0.48, -0.6, 0.64]])
    rotation = rng.uniform(-0.02, 0.02) * (frames - MEANS[0])[:, None] * axis
    matrix = poses.to_matrices(rotation, rng.uniform(-0.01, 0.01) * (frames - MEANS[0]))
    center = np.array([5e4, -2e4, 300.0])[:d]
    about = np.outer(frames, rng.normal(size=d))
    offset = offset_from_about(matrix, about, center)
    std = {
        "rotation_std": (poses.rotation_dims("chunk", d), np.full((4, d) if d == 3 else 4, 3.0)),
        "log_scale_std": ("chunk", np.full(4, 0.3)),
    }
    return dataset(offset, matrix=matrix, center=center, frame=frames).assign(std)


POSE = ("rotation", "log_scale")


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("seed", range(3))
def test_the_inverse_turns_back_and_shrinks(seed: int, d: int) -> None:
    drift = turning(seed, d)
    there, back = poses.pose(drift), poses.pose(inverse(drift))
    for name in POSE:
        np.testing.assert_allclose(back[name], -there[name], atol=1e-12)
        np.testing.assert_array_equal(back[f"{name}_std"], there[f"{name}_std"])


@pytest.mark.parametrize("d", [2, 3])
def test_rotations_and_scales_in_turn_add_up(d: int) -> None:
    """About one axis; also where the chunks differ."""
    first, second = turning(1, d), turning(2, d)
    both = poses.pose(compose(first, second))
    for name in POSE:
        total = poses.pose(first)[name] + poses.pose(second)[name]
        np.testing.assert_allclose(both[name], total, atol=1e-12)
        np.testing.assert_allclose(
            both[f"{name}_std"], np.sqrt(2) * poses.pose(first)[f"{name}_std"]
        )
    later = compose(first, turning(2, d, MEANS + 1))
    rate = (total.values[-1] - total.values[0]) / (MEANS[-1] - MEANS[0])
    found = poses.pose(later)
    slope = np.diff(found.log_scale) / np.diff(found.frame)
    np.testing.assert_allclose(slope, rate, atol=1e-12)
    assert np.isnan(found.log_scale_std).all()


def test_a_std_that_only_one_has_is_not_that_of_both() -> None:
    alone = turning(1, 2).drop_vars(["rotation_std", "log_scale_std"])
    for pair in ((alone, turning(2, 2)), (turning(2, 2), alone)):
        assert not set(poses.STDS) & set(compose(*pair).keys())


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("origin", ["first_chunk", "first_frame", "mean"])
def test_the_origin_changes_all_rotations_and_scales_alike(origin: str, d: int) -> None:
    drift = turning(3, d)
    before, after = poses.pose(drift), poses.pose(with_origin(drift, origin))
    for name in POSE:
        change = (after[name] - before[name]).values
        np.testing.assert_allclose(change, np.broadcast_to(change[0], change.shape), atol=1e-12)
    at = {"first_chunk": MEANS[0], "first_frame": 0.0, "mean": MEANS[0]}[origin]
    rate = before.log_scale.values[1] / (MEANS[1] - MEANS[0])
    np.testing.assert_allclose(after.log_scale, rate * (MEANS - at), atol=1e-12)
