"""Undo a drift, chain two, and choose where a drift is zero."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift import poses
from smlm_accessor.drift.between_chunks import FrameTransformations, evaluate
from smlm_accessor.drift.dataset import build
from smlm_accessor.drift.local import is_local, local_like, require_not_local, with_local
from smlm_accessor.drift.poses import drift_of
from smlm_accessor.drift.segments import jump_frames, segment_numbers, with_segments
from smlm_accessor.drift.spec import center_of, components_of, is_shift_only, of_numpy
from smlm_accessor.drift.static import is_static, with_chunks_of
from smlm_accessor.drift.times import clock_of, in_own_time
from smlm_accessor.drift.validation import require_drift
from smlm_accessor.errors import DriftError
from smlm_accessor.options import require_choice

ORIGINS = ("first_chunk", "first_frame", "mean")


@in_own_time
def inverse(dataset: xr.Dataset) -> xr.Dataset:
    """Return the transformations that undo a correction, or put a drift into a table.

    They are ``corrected -> position`` for every chunk; ``attrs["inverse"]`` says so.

    Examples
    --------
    >>> drift = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[4.5, 14.5],
    ...                               frame_start=[0, 10], frame_stop=[10, 20])
    >>> inverse(drift).offset.values[1]
    array([ 3., -1.])
    """
    require_drift(dataset)
    require_not_local(dataset, "what undoes it is no field of low order")
    matrix, offset = dataset["matrix"].values, dataset["offset"].values
    back = np.full_like(matrix, np.nan)
    finite = np.isfinite(matrix).all(axis=(1, 2))
    back[finite] = np.linalg.inv(matrix[finite])
    std = _turned_std(back, dataset["offset_std"].values)
    result = _replaced(dataset, back, 0.0 - _apply(back, offset))
    result["offset_std"] = dataset["offset_std"].copy(data=std)
    result.attrs["inverse"] = int(not dataset.attrs.get("inverse", 0))
    return result


@in_own_time
def compose(first: xr.Dataset, second: xr.Dataset) -> xr.Dataset:
    """Return the drift whose correction is that of ``first`` and then that of ``second``.

    Use it to refine: estimate, correct, estimate what is left, and correct the original table once
    by both. Where their chunks differ, both are interpolated linearly at the mean frames of all
    their chunks. The variances of the offsets add up. Raises `DriftError` if the components or the
    length units differ. Of drifts that differ over the field, the other may only shift; by what the
    second shifts from chunk to chunk, it moves the field of the first, which is left out.
    """
    _require_same(require_drift(first), require_drift(second))
    _require_one_local(first, second)
    if is_static(first) != is_static(second):
        if is_static(first):
            first = with_chunks_of(first, second)
        else:
            second = with_chunks_of(second, first)
    same_chunks = all(
        np.array_equal(first[name].values, second[name].values)
        for name in ("frame_start", "frame_stop", "frame")
    )
    if not same_chunks:
        first, second = _on_common_chunks(first, second)
    matrix = second["matrix"].values @ first["matrix"].values
    offset = _apply(second["matrix"].values, first["offset"].values) + second["offset"].values
    result = _replaced(first, matrix, offset)
    # By position, not by label: the chunks have the same frames, whatever they are called.
    both_valid = first["valid"].values.astype(bool) & second["valid"].values.astype(bool)
    result["valid"] = first["valid"].copy(data=both_valid)
    result = with_segments(result, _jumps_of_both(first, second))
    turned = _turned_std(second["matrix"].values, first["offset_std"].values)
    std = np.hypot(turned, second["offset_std"].values)
    result["offset_std"] = first["offset_std"].copy(data=std)
    result = poses.with_std_of_both(result, first, second)
    if is_local(first):  # where the field is, once both have shifted it
        by = np.nanmean(np.where(both_valid[:, None], second["offset"].values, np.nan), axis=0)
        result = result.assign_coords(field_center=first["field_center"] + by)
    result = local_like(result, second)
    if "inverse" in first.attrs:
        undo = [bool(d.attrs.get("inverse", 0)) for d in (first, second)]
        result.attrs["inverse"] = int(all(undo))
    methods = [str(d.attrs.get("method", "unknown")) for d in (first, second)]
    result.attrs["method"] = " then ".join(methods)
    return result


@in_own_time
def with_origin(dataset: xr.Dataset, origin: str) -> xr.Dataset:
    """Choose what the drift is zero at; no method can know a constant shift of the whole table.

    The first valid chunk, the first frame of the estimate, or the mean over all localizations (at
    the centre; matrices stay as they are). ``offset_std`` is that of each chunk but for a constant,
    wherever the zero is: it stays.
    """
    require_choice("origin", origin, ORIGINS)
    require_drift(dataset)
    valid = dataset["valid"].values.astype(bool)
    matrix, offset = dataset["matrix"].values, dataset["offset"].values
    if not valid.any():
        result = dataset.copy(deep=True)
    elif origin == "mean":
        about = -drift_of(dataset).values[valid]
        weight = np.maximum(dataset["n_localizations"].values[valid], 1)
        result = _replaced(
            dataset, matrix.copy(), offset - np.average(about, axis=0, weights=weight)
        )
    else:
        zero = _transformation_at_origin(dataset, origin)
        back = np.linalg.inv(zero.matrix[0]) if zero.matrix is not None else np.eye(offset.shape[1])
        moved = _apply(np.broadcast_to(back, matrix.shape), offset - zero.offset)
        result = _replaced(dataset, back @ matrix, moved)
        std = _turned_std(np.broadcast_to(back, matrix.shape), dataset["offset_std"].values)
        result["offset_std"] = _holding(std, dataset.variables["offset_std"])
    if is_local(dataset) and valid.any():  # the field is where the table is, once shifted
        by = (result["offset"].values - offset)[valid][0]
        result = result.assign_coords(field_center=dataset["field_center"] + by)
    result.attrs["origin"] = origin
    return result


def _transformation_at_origin(dataset: xr.Dataset, origin: str) -> FrameTransformations:
    first = int(np.flatnonzero(dataset["valid"].values)[0])
    if origin == "first_frame":
        start = dataset["frame_start"].values[first : first + 1]
        return evaluate(dataset, start, by="linear", outside="hold")
    return FrameTransformations(
        dataset["matrix"].values[first : first + 1], dataset["offset"].values[first : first + 1]
    )


def _replaced(dataset: xr.Dataset, matrix: FloatArray, offset: FloatArray) -> xr.Dataset:
    was = dataset.variables  # those of arrays would be aligned, which takes long
    return dataset.copy(deep=True).assign(
        matrix=_holding(matrix, was["matrix"]), offset=_holding(offset, was["offset"])
    )


def _holding(values: FloatArray, was: xr.Variable) -> xr.Variable:
    return of_numpy(was.dims, values, was.attrs)


def _apply(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("kij,kj->ki", matrix, vector))


def _turned_std(matrix: FloatArray, std: FloatArray) -> FloatArray:
    """Return the standard deviations of vectors that are multiplied by matrices."""
    spread = (matrix * std[:, None, :]) ** 2
    # 0 times an unknown one is 0.
    return np.asarray(np.sqrt(np.where(matrix == 0, 0.0, spread).sum(axis=2)))


def _require_same(first: xr.Dataset, second: xr.Dataset) -> None:
    axes = [components_of(d) for d in (first, second)]
    if axes[0] != axes[1]:
        raise DriftError(
            f"The two drifts have the components {axes[0]} and {axes[1]}. Select the same ones, "
            "for example drift.sel(component=['x', 'y'], component_in=['x', 'y'])."
        )
    units = [d.attrs.get("length_unit") for d in (first, second)]
    if None not in units and units[0] != units[1]:
        raise DriftError(
            f"The two drifts are in {units[0]} and {units[1]}. Estimate both in the same unit: "
            "see smlm_accessor.set_columns."
        )


def _require_one_local(first: xr.Dataset, second: xr.Dataset) -> None:
    """Raise unless drifts that differ over the field go with such as only shift."""
    for one, other in ((first, second), (second, first)):
        if not is_shift_only(other) or is_local(other):
            require_not_local(one, "it can be chained with one that only shifts")


def _on_common_chunks(first: xr.Dataset, second: xr.Dataset) -> tuple[xr.Dataset, xr.Dataset]:
    """Interpolate both at the mean frames of all their valid chunks, rounded to whole frames."""
    if clock_of(first) != clock_of(second):
        raise DriftError(
            "One of the two drifts is in frames and the other in seconds. Estimate both from "
            "tables that count time alike: see smlm_accessor.set_columns."
        )
    both = (first, second)
    means = [d["frame"].values[d["valid"].values.astype(bool)] for d in both]
    start = min(int(d["frame_start"].values[0]) for d in both)
    stop = max(int(d["frame_stop"].values[-1]) for d in both)
    jumps = _jumps_of_both(first, second)
    # The frames beside a jump, too: so edges are where the jumps are.
    knots = np.unique(np.round(np.concatenate([*means, jumps - 1, jumps])).astype(np.int64))
    edges = np.concatenate([[start], (knots[1:] + knots[:-1] + 1) // 2, [stop]])
    moved = []
    for dataset in both:
        at = evaluate(dataset, knots, by="linear", outside="hold")
        known = build(
            matrix=at.matrix,
            offset=at.offset,
            offset_std=_std_at(dataset, knots),
            components=components_of(dataset),
            frame=knots,
            frame_start=edges[:-1],
            frame_stop=edges[1:],
            center=center_of(first),
            segment=segment_numbers(edges[:-1], jumps),
            attrs=dataset.attrs,
        )
        if at.local is not None:
            known = with_local(known, *at.local)
        moved.append(known)
    return moved[0], moved[1]


def _jumps_of_both(first: xr.Dataset, second: xr.Dataset) -> IntArray:
    return np.union1d(jump_frames(first), jump_frames(second))


def _std_at(dataset: xr.Dataset, frames: IntArray) -> FloatArray:
    """Interpolate standard deviations as offsets are: as if neighbours had the same error."""
    valid = dataset["valid"].values.astype(bool)
    known, std = dataset["frame"].values[valid], dataset["offset_std"].values[valid]
    return np.stack([np.interp(frames, known, column) for column in std.T], axis=1)
