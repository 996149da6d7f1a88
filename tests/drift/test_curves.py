"""Quantities of a drift over frames, of a known motion."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from smlm_accessor.drift import build, offset_from_about
from smlm_accessor.drift.curves import (
    QUANTITIES,
    Curves,
    curves_of,
    drift_between_chunks,
    invalid_spans,
    spread_frames,
)
from smlm_accessor.drift.poses import to_matrices
from smlm_accessor.errors import OptionError

CENTER = np.array([500.0, -200.0])
MOVED = np.array([[0.0, 0.0], [3.0, -1.0], [5.0, -2.0], [9.0, 4.0]])
TURNED = np.array([[0.0], [1e-3], [2e-3], [4e-3]])
GREW = np.array([0.0, 1e-4, -1e-4, 3e-4])


def moving(**changes: Any) -> xr.Dataset:
    """Four chunks of a sample that moved, turned and grew about its centre."""
    matrix = to_matrices(TURNED, GREW)
    values: dict[str, Any] = {
        "matrix": matrix,
        "offset": offset_from_about(matrix, -MOVED, CENTER),
        "offset_std": 0.5,
        "components": "xy",
        "frame": [4.5, 14.5, 24.5, 34.5],
        "frame_start": [0, 10, 20, 30],
        "frame_stop": [10, 20, 30, 40],
        "center": CENTER,
        "segment": [0, 0, 1, 1],
    }
    return build(**values | changes)


def test_each_quantity_of_a_known_motion() -> None:
    drift = moving()
    found = {quantity: curves_of(drift, quantity) for quantity in QUANTITIES[:-1]}
    np.testing.assert_allclose(found["drift"].values, MOVED, atol=1e-9)
    np.testing.assert_array_equal(found["offset"].values, drift["offset"])
    np.testing.assert_array_equal(found["matrix"].values, drift["matrix"].values.reshape(4, 4))
    np.testing.assert_allclose(found["rotation"].values, 1000 * TURNED, atol=1e-9)
    np.testing.assert_allclose(found["scale"].values[:, 0], 1000 * GREW, atol=1e-9)
    names = {quantity: curves.names for quantity, curves in found.items()}
    assert names["drift"] == names["offset"] == ("x", "y")
    assert names["matrix"] == ("xx", "xy", "yx", "yy")
    assert (names["rotation"], names["scale"]) == (("rotation",), ("scale",))
    assert (found["drift"].std == 0.5).all()
    # It is known at the centre, not at the origin.
    assert np.isnan(found["offset"].std).all()
    for curves in found.values():
        assert curves.jumps.tolist() == [20]
        assert curves.frames.tolist() == drift["frame"].values.tolist()


def test_what_is_not_valid_is_not_known() -> None:
    drift = moving(valid=[True, False, True, True])
    for quantity in QUANTITIES[:-1]:  # nothing here is local
        curves = curves_of(drift, quantity)
        assert np.isnan(curves.values).all(axis=1).tolist() == [False, True, False, False]
    assert np.isnan(curves_of(drift).std).all(axis=1).tolist() == [False, True, False, False]
    assert invalid_spans(drift) == [(10, 20)]
    assert invalid_spans(moving(valid=[True, False, False, True])) == [(10, 30)]
    assert invalid_spans(moving(valid=[False, True, False, True])) == [(0, 10), (20, 30)]
    assert invalid_spans(moving()) == []


def test_the_constant_of_a_drift_is_free() -> None:
    moved = curves_of(moving(), shift=(10.0, 20.0)).values
    np.testing.assert_allclose(moved, MOVED + np.array([10, 20]), atol=1e-9)
    drift = moving()
    offset = curves_of(drift, "offset", shift=(10.0, 20.0)).values
    np.testing.assert_allclose(offset, drift["offset"] - [10, 20])


def test_an_unknown_quantity() -> None:
    with pytest.raises(OptionError, match="quantity='speed' is not known; use 'drift' or"):
        curves_of(moving(), "speed")


def test_selected_and_broken() -> None:
    curves = curves_of(moving())
    (only,) = curves.select("y").values.T
    np.testing.assert_allclose(only, MOVED[:, 1], atol=1e-9)
    assert curves.select(["y", "x"]).names == ("y", "x")
    assert curves.select(None) is curves
    for wrong in ("z", [], ["x", "q"]):
        with pytest.raises(OptionError, match='take one or more of "x", "y"'):
            curves.select(wrong)
    assert curves.segments() == [slice(0, 2), slice(2, 4)]
    broken = curves.broken()
    assert np.flatnonzero(np.isnan(broken.frames)).tolist() == [2]
    assert np.isnan(broken.values[2]).all()
    np.testing.assert_array_equal(np.delete(broken.values, 2, axis=0), curves.values)


def test_segments_without_any_row_are_left_out() -> None:
    empty = np.zeros((2, 1))
    curves = Curves(("x",), np.array([3.0, 8.0]), empty, empty, np.array([1, 5, 6, 20]))
    assert curves.segments() == [slice(0, 1), slice(1, 2)]


@pytest.mark.parametrize("by", [None, "linear", "chunk"])
def test_what_a_correction_removes(by: str | None) -> None:
    curves = drift_between_chunks(moving(), np.array([4, 5, 19, 20, 34, 35]), by=by)
    assert np.isnan(curves.std).all()
    if by == "chunk":
        np.testing.assert_allclose(curves.values, MOVED[[0, 0, 1, 2, 3, 3]], atol=1e-9)
    elif by == "linear":
        half = (MOVED[0] * 10 + 0.5 * (MOVED[1] - MOVED[0])) / 10
        np.testing.assert_allclose(curves.values[1], half, atol=1e-3)
        assert curves.values[2, 0] > MOVED[1, 0]  # on the line of its own segment, not the next
    whole = drift_between_chunks(moving(), by=by)
    assert whole.frames.tolist() == list(range(40))


def test_frames_are_spread_evenly_with_both_sides_of_jumps() -> None:
    frames = spread_frames(100, 10_100, [5_000, 50, 10_100], most=11)
    assert frames.tolist() == sorted(
        [*np.linspace(100, 10_099, 11).round().astype(int), 4999, 5000]
    )
