"""The transformation of every frame, from those of chunks."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift import build, offset_from_about
from smlm_accessor.drift.between_chunks import evaluate, frames_inside
from smlm_accessor.drift.poses import to_matrices
from smlm_accessor.errors import DriftError, OptionError, OutsideEstimateWarning, SmlmWarning
from smlm_accessor.options import require_choice

MEANS = np.array([105.0, 118.0, 150.0, 195.0])
EDGES = np.array([100, 110, 130, 180, 210])
CENTER = np.array([5e5, -2e5])


def shifts(offset: Any = None, **changes: Any) -> xr.Dataset:
    """Four chunks of unequal length over the frames 100 to 209."""
    offset = np.outer(MEANS - 105.0, [1.0, -2.0]) if offset is None else np.asarray(offset, float)
    fields: dict[str, Any] = {
        "offset": offset,
        "components": "xy",
        "frame": MEANS,
        "frame_start": EDGES[:-1],
        "frame_stop": EDGES[1:],
        "center": CENTER,
    }
    return build(**{**fields, **changes})


def turns(angle: FloatArray, about: FloatArray) -> xr.Dataset:
    """Rotations about a center far from the origin, and shifts of that center."""
    c, s = np.cos(angle), np.sin(angle)
    matrix = np.moveaxis(np.array([[c, -s], [s, c]]), 2, 0)
    return shifts(offset_from_about(matrix, about, CENTER), matrix=matrix)


def uneven() -> xr.Dataset:
    return shifts([[0.0, 3.0], [10.0, 2.0], [-4.0, 2.0], [-5.0, 9.0]])


@pytest.mark.parametrize("by", ["linear", "cubic"])
def test_exact_at_the_mean_frames(by: str) -> None:
    drift = uneven()
    at = evaluate(drift, MEANS.astype(int), by=by)
    assert at.matrix is None
    np.testing.assert_allclose(at.offset, drift["offset"].values, atol=1e-12)


@pytest.mark.parametrize("by", ["linear", "cubic"])
def test_exact_on_linear_drift_in_every_frame(by: str) -> None:
    frames = np.arange(100, 210)
    at = evaluate(shifts(), frames, by=by)
    np.testing.assert_allclose(at.offset, np.outer(frames - 105.0, [1, -2]), atol=1e-9)


def test_the_default_is_cubic() -> None:
    frames = np.arange(100, 210)
    cubic = evaluate(uneven(), frames, by="cubic").offset
    np.testing.assert_array_equal(evaluate(uneven(), frames).offset, cubic)
    assert np.abs(cubic - evaluate(uneven(), frames, by="linear").offset).max() > 0.1


def test_frames_in_any_order_and_more_than_once() -> None:
    frames = np.array([195, 100, 209, 195, 118])
    one_by_one = [evaluate(uneven(), np.array([f])).offset[0] for f in frames]
    np.testing.assert_array_equal(evaluate(uneven(), frames).offset, one_by_one)
    assert evaluate(uneven(), np.empty(0, np.int64)).offset.shape == (0, 2)


@given(st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 2), min_size=4, max_size=4))
def test_cubic_never_swings(offset: list[tuple[float, float]]) -> None:
    values = np.array(offset)
    between = np.arange(105, 196)
    cubic = evaluate(shifts(values), between, by="cubic").offset
    k = np.clip(np.searchsorted(MEANS, between, side="right") - 1, 0, 2)
    low, high = np.minimum(values[k], values[k + 1]), np.maximum(values[k], values[k + 1])
    assert (cubic >= low - 1e-9).all()
    assert (cubic <= high + 1e-9).all()


# By chunk.


def test_by_chunk_goes_by_frames_not_by_position() -> None:
    drift = uneven()
    frames = np.array([109, 110, 100, 179, 180, 209])
    expected = drift["offset"].values[[0, 1, 0, 2, 3, 3]]
    np.testing.assert_array_equal(evaluate(drift, frames, by="chunk").offset, expected)
    # A selection of chunks keeps its frames.
    late = drift.isel(chunk=[2, 3])
    np.testing.assert_array_equal(
        evaluate(late, np.array([150, 200]), by="chunk").offset, drift["offset"].values[[2, 3]]
    )


def test_by_chunk_in_a_gap_between_chunks_takes_the_one_before() -> None:
    drift = shifts(frame_stop=[110, 125, 180, 210])
    np.testing.assert_array_equal(
        evaluate(drift, np.array([127]), by="chunk").offset, drift["offset"].values[[1]]
    )


def test_by_chunk_keeps_matrices() -> None:
    drift = turns(np.array([0.0, 0.1, -0.2, 0.3]), np.arange(8.0).reshape(4, 2))
    at = evaluate(drift, np.array([105, 185]), by="chunk")
    assert at.matrix is not None
    np.testing.assert_array_equal(at.matrix, drift["matrix"].values[[0, 3]])
    np.testing.assert_allclose(at.offset, drift["offset"].values[[0, 3]], rtol=0, atol=1e-8)


# Chunks that are not valid.


def invalid(*chunks: int) -> xr.Dataset:
    offset = np.outer(MEANS - 105.0, [1.0, -2.0])
    offset[list(chunks)] = np.nan
    return shifts(offset)


@pytest.mark.parametrize("by", ["linear", "cubic"])
@pytest.mark.parametrize("chunks", [(1,), (2,), (1, 2)])
def test_an_invalid_chunk_is_bridged(by: str, chunks: tuple[int, ...]) -> None:
    frames = np.arange(100, 210)
    at = evaluate(invalid(*chunks), frames, by=by)
    np.testing.assert_allclose(at.offset, np.outer(frames - 105.0, [1, -2]), atol=1e-9)


def test_a_chunk_called_invalid_is_not_used_whatever_it_holds() -> None:
    drift = shifts()
    drift["offset"][1] = 1e9
    drift["valid"][1] = False
    at = evaluate(drift, np.array([118]), by="linear")
    np.testing.assert_allclose(at.offset, [[13, -26]])


def test_by_chunk_an_invalid_chunk_is_bridged_and_named() -> None:
    frames = np.arange(100, 210)
    with pytest.warns(SmlmWarning, match="chunk 1, 2 is not valid") as caught:
        at = evaluate(invalid(1, 2), frames, by="chunk")
    assert len(caught) == 1
    inside = (frames >= 110) & (frames < 180)
    np.testing.assert_allclose(at.offset[inside, 0], frames[inside] - 105.0)
    np.testing.assert_allclose(at.offset[~inside, 0], np.where(frames < 110, 0, 90)[~inside])


def test_by_chunk_says_nothing_if_no_frame_is_in_the_invalid_chunk() -> None:
    evaluate(invalid(1), np.array([105, 150]), by="chunk")


@pytest.mark.parametrize("by", ["chunk", "linear", "cubic"])
def test_invalid_chunks_at_the_ends_lie_outside_the_estimate(by: str) -> None:
    drift = invalid(0, 3)
    with pytest.warns(OutsideEstimateWarning, match="110 to 179"):
        at = evaluate(drift, np.array([100, 150, 209]), by=by)
    edge = {"chunk": [13, 45, 45], "linear": [5, 45, 74], "cubic": [5, 45, 74]}[by]
    np.testing.assert_allclose(at.offset[:, 0], edge)


def test_one_valid_chunk_is_a_constant() -> None:
    at = evaluate(invalid(0, 2, 3), np.array([110, 129]), by="cubic")
    np.testing.assert_allclose(at.offset, [[13, -26]] * 2)


def test_no_valid_chunk_is_an_error() -> None:
    with pytest.raises(DriftError, match="No chunk of this drift is valid"):
        evaluate(invalid(0, 1, 2, 3), np.array([105]))


# Matrices.


@pytest.mark.parametrize("by", ["linear", "cubic"])
def test_the_center_far_from_the_origin_moves_smoothly(by: str) -> None:
    """Offsets about the origin swing by kilometres here; those about the center do not."""
    about = np.outer(MEANS - 105.0, [1.0, -2.0])
    drift = turns(np.array([0.0, 0.3, -0.3, 0.1]), about)
    frames = np.arange(100, 210)
    at = evaluate(drift, frames, by=by)
    assert at.matrix is not None
    moved = at.matrix @ CENTER + at.offset - CENTER
    np.testing.assert_allclose(moved, np.outer(frames - 105.0, [1, -2]), rtol=0, atol=1e-8)
    assert np.abs(drift["offset"].values).max() > 1e5


@pytest.mark.parametrize("by", ["linear", "cubic"])
def test_matrices_are_exact_at_the_mean_frames(by: str) -> None:
    drift = turns(np.array([0.0, 0.1, -0.2, 0.3]), np.arange(8.0).reshape(4, 2))
    at = evaluate(drift, MEANS.astype(int), by=by)
    assert at.matrix is not None
    np.testing.assert_allclose(at.matrix, drift["matrix"].values, atol=1e-14)
    np.testing.assert_allclose(at.offset, drift["offset"].values, rtol=0, atol=1e-8)


def test_an_invalid_chunk_without_matrix_does_not_matter() -> None:
    drift = turns(np.array([0.0, 0.1, 0.2, 0.3]), np.zeros((4, 2)))
    for name in ("matrix", "offset"):
        drift[name][2] = np.nan
    drift["valid"][2] = False
    at = evaluate(drift, np.arange(100, 210))
    assert at.matrix is not None
    assert np.isfinite(at.matrix).all()
    assert np.isfinite(at.offset).all()


# Outside.

BEYOND = np.array([50, 99, 100, 209, 210, 300])


def test_hold_keeps_the_value_at_the_first_and_last_frame() -> None:
    at = evaluate(shifts(), BEYOND, by="linear", outside="hold")
    np.testing.assert_allclose(at.offset[:, 0], [-5, -5, -5, 104, 104, 104])


def test_linear_goes_on() -> None:
    at = evaluate(shifts(), BEYOND, by="cubic", outside="linear")
    np.testing.assert_allclose(at.offset[:, 0], BEYOND - 105.0)


@pytest.mark.parametrize("by", ["chunk", "linear", "cubic"])
def test_nan_is_nan_outside_only(by: str) -> None:
    at = evaluate(shifts(), BEYOND, by=by, outside="nan")
    assert np.isnan(at.offset).all(axis=1).tolist() == [True, True, False, False, True, True]
    assert np.isfinite(at.offset[2:4]).all()


def test_nan_for_matrices_too() -> None:
    at = evaluate(turns(np.arange(4.0) / 10, np.zeros((4, 2))), BEYOND, outside="nan")
    assert at.matrix is not None
    assert np.isnan(at.matrix[[0, 1, 4, 5]]).all()
    assert np.isnan(at.offset[[0, 1, 4, 5]]).all()
    assert np.isfinite(at.matrix[2:4]).all()


@pytest.mark.parametrize("by", ["chunk", "linear", "cubic"])
def test_error_says_how_many_and_where(by: str) -> None:
    with pytest.raises(OptionError, match=r"4 frames, from 50 to 300.*100 to 209"):
        evaluate(shifts(), BEYOND, by=by, outside="error")


@pytest.mark.parametrize("by", ["chunk", "linear", "cubic"])
def test_if_not_said_it_holds_and_warns_once(by: str) -> None:
    with pytest.warns(OutsideEstimateWarning, match=r"4 frames, from 50 to 300") as caught:
        at = evaluate(shifts(), BEYOND, by=by)
    assert len(caught) == 1
    held = evaluate(shifts(), BEYOND, by=by, outside="hold")
    np.testing.assert_array_equal(at.offset, held.offset)


@pytest.mark.parametrize("outside", [None, "hold", "linear", "nan", "error"])
def test_inside_all_are_the_same(outside: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        at = evaluate(uneven(), np.arange(100, 210), outside=outside)
    np.testing.assert_array_equal(at.offset, evaluate(uneven(), np.arange(100, 210)).offset)


def test_by_chunk_cannot_go_on_linearly() -> None:
    with pytest.raises(OptionError, match="no slope"):
        evaluate(shifts(), BEYOND, by="chunk", outside="linear")


@pytest.mark.parametrize(("option", "value"), [("by", "spline"), ("outside", "wrap"), ("by", None)])
def test_unknown_choices_list_those_there_are(option: str, value: Any) -> None:
    with pytest.raises(OptionError, match=rf"{option}={value!r}.*'linear'"):
        evaluate(shifts(), BEYOND, **{option: value})


def test_require_choice() -> None:
    require_choice("origin", "mean", ("mean", "first"))
    with pytest.raises(OptionError, match="origin='last' is not known; use 'mean' or 'first'"):
        require_choice("origin", "last", ("mean", "first"))


def test_frames_inside_does_not_round_large_frames() -> None:
    start = 2**40
    at, missing = frames_inside(start + np.arange(3), start, start + 3, None)
    assert at.tolist() == [float(start + i) for i in range(3)]
    assert not missing.any()


def test_nothing_given_is_changed() -> None:
    drift, frames = turns(np.arange(4.0) / 10, np.zeros((4, 2))), BEYOND.copy()
    frames.setflags(write=False)
    before = drift.copy(deep=True)
    for by in ("chunk", "linear", "cubic"):
        evaluate(drift, frames, by=by, outside="nan")
    xr.testing.assert_identical(drift, before)


# Rotation and scale.


def turned_about(rotation: FloatArray, log_scale: Any = 0.0, **changes: Any) -> xr.Dataset:
    """Chunks of a sample that turned and grew about a centre that did not move."""
    d = 2 if rotation.shape[1] == 1 else 3
    matrix = to_matrices(rotation, np.broadcast_to(log_scale, 4).astype(float))
    center = np.array([5e5, -2e5, 1e3])[:d]
    offset = offset_from_about(matrix, np.zeros((4, d)), center)
    fields = {"matrix": matrix, "center": center, "components": "xyz"[:d]}
    return shifts(offset, **fields | changes)


TURNS = {
    2: np.array([[0.0], [0.5], [-0.4], [1.9]]),
    3: np.array([[0.0, 0, 0], [0.5, -0.2, 0.1], [-0.4, 0.3, 0.3], [1.0, 0.2, 1.5]]),
}


@given(
    st.sampled_from([1, 3]).flatmap(
        lambda r: arrays(np.float64, (4, r), elements=st.floats(-10, 10))
    ),
    st.sampled_from(["linear", "cubic"]),
)
def test_a_rotation_stays_a_rotation_between_chunks(rotation: FloatArray, by: str) -> None:
    at = evaluate(turned_about(rotation), np.arange(50, 300), by=by, outside="linear")
    if at.matrix is not None:  # else nothing turns
        gram = np.swapaxes(at.matrix, 1, 2) @ at.matrix
        expected = np.broadcast_to(np.eye(gram.shape[-1]), gram.shape)
        np.testing.assert_allclose(gram, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize("by", ["linear", "cubic"])
@pytest.mark.parametrize("valid", [[True] * 4, [True, False, True, True]])
def test_steady_rotation_and_growth_are_exact_in_every_frame(
    d: int, by: str, valid: list[bool]
) -> None:
    """Over more than a whole turn, by almost half a turn from chunk to chunk."""
    rate = np.array([[0.069]]) if d == 2 else 0.069 * np.array([[0.48, -0.6, 0.64]])
    drift = turned_about((MEANS - 105.0)[:, None] * rate, -1e-3 * (MEANS - 105.0))
    drift["valid"][:] = valid
    drift["matrix"][~np.array(valid)] = np.nan
    frames = np.arange(100, 210)
    at = evaluate(drift, frames, by=by)
    expected = to_matrices((frames - 105.0)[:, None] * rate, -1e-3 * (frames - 105.0))
    assert at.matrix is not None
    np.testing.assert_allclose(at.matrix, expected, atol=1e-9)


@pytest.mark.parametrize("by", ["linear", "cubic"])
def test_what_shears_is_interpolated_by_entry(by: str) -> None:
    matrix = np.tile(np.eye(2), (4, 1, 1))
    matrix[:, 0, 1] = 0.01 * (MEANS - 105.0)
    frames = np.arange(100, 210)
    at = evaluate(shifts(np.zeros((4, 2)), matrix=matrix), frames, by=by)
    assert at.matrix is not None
    np.testing.assert_allclose(at.matrix[:, 0, 1], 0.01 * (frames - 105.0), atol=1e-12)
    np.testing.assert_array_equal(at.matrix[:, 1], np.tile([0.0, 1.0], (110, 1)))


def test_by_chunk_an_invalid_chunk_is_bridged_by_a_rotation() -> None:
    drift = turned_about(TURNS[2])
    drift["valid"][1] = False
    with pytest.warns(SmlmWarning, match="chunk 1 is not valid"):
        at = evaluate(drift, np.array([105, 127, 150]), by="chunk")
    assert at.matrix is not None
    angle = np.array([[0.0], [-0.4 * 22 / 45], [-0.4]])
    np.testing.assert_allclose(at.matrix, to_matrices(angle, np.zeros(3)), atol=1e-12)


def test_a_single_chunk_that_turned_is_a_constant() -> None:
    drift = turned_about(TURNS[3]).isel(chunk=[1])
    at = evaluate(drift, np.array([110, 129]))
    assert at.matrix is not None
    np.testing.assert_allclose(at.matrix, np.tile(drift["matrix"].values, (2, 1, 1)), atol=1e-14)
