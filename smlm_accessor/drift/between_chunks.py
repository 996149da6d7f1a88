"""The transformation of every frame, from the transformations of chunks."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import xarray as xr

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.drift import poses
from smlm_accessor.drift.local import LocalShifts, field_of, is_local
from smlm_accessor.drift.poses import offset_about, offset_from_about
from smlm_accessor.drift.segments import chunks_by_segment, jump_frames
from smlm_accessor.drift.spec import center_of, is_shift_only
from smlm_accessor.drift.static import is_static
from smlm_accessor.drift.times import clock_of, counted
from smlm_accessor.errors import DriftError, OptionError, OutsideEstimateWarning, SmlmWarning
from smlm_accessor.options import require_choice
from smlm_accessor.table.clock import FRAMES, Clock

BY = ("chunk", "linear", "cubic")
DEFAULT_BY = "cubic"
OUTSIDE = ("hold", "linear", "nan", "error")


class FrameTransformations(NamedTuple):
    """``corrected = matrix @ position + offset`` for each of n frames; no matrix: identity.

    Local shifts come after that, see `smlm_accessor.drift.local`.
    """

    matrix: FloatArray | None  # (n, d, d)
    offset: FloatArray  # (n, d)
    local: LocalShifts | None = None

    def about(self, center: FloatArray) -> FloatArray:
        """Return the offsets about a centre, shape (n, d): minus the drift there."""
        if self.matrix is None:
            return self.offset
        return offset_about(self.matrix, self.offset, center)


def evaluate(
    dataset: xr.Dataset, frames: IntArray, *, by: str = DEFAULT_BY, outside: str | None = None
) -> FrameTransformations:
    """Return the transformation of each frame, which are counts of the drift's clock.

    By ``"cubic"`` or ``"linear"`` it is interpolated between the mean frames of the chunks; by
    ``"chunk"`` every frame has that of its chunk. Chunks that are not valid are bridged from their
    neighbours. Matrices are interpolated as angle and log-scale; where one is not a rotation with
    one scale, entry by entry. Nothing is interpolated from one segment to the next. For ``outside``
    see ``table.smlm.correct``.
    """
    require_choice("by", by, BY)
    dataset = counted(dataset)
    if by == "chunk" and outside == "linear":
        raise OptionError(
            "by='chunk' has no slope to continue with; use by='linear', or outside='hold'"
        )
    valid = dataset["valid"].values.astype(bool)
    if not valid.any():
        if is_static(dataset):
            raise DriftError(
                "This transformation is not valid: the tables could not be aligned, so nothing can "
                "be corrected."
            )
        raise DriftError(
            "No chunk of this drift is valid, so nothing can be corrected. Estimate again with "
            "larger chunks, or with another method."
        )
    first = int(dataset["frame_start"].values[valid][0])
    stop = int(dataset["frame_stop"].values[valid][-1])
    if is_static(dataset):
        frames = np.full_like(frames, first)  # whatever they are, none is outside
    at, missing = frames_inside(frames, first, stop, outside, clock_of(dataset))
    center = center_of(dataset)
    matrix = dataset["matrix"].values.astype(np.float64)
    offset = dataset["offset"].values.astype(np.float64)
    shift_only = is_shift_only(dataset)
    about = offset if shift_only else offset_about(matrix, offset, center)
    # A chunk as a whole takes its matrix as it stands; between chunks a rotation stays a rotation.
    between = by != "chunk" or not valid.all()
    turns = not shift_only and between and poses.all_similar(matrix[valid])
    # All that is interpolated is about the centre: about a far origin, a small error of the matrix
    # would be a large one of the position.
    values = about
    if turns:
        matrix[~valid] = np.nan
        rotation, log_scale = poses.of_matrices(matrix)
        values = np.column_stack([about, rotation, log_scale])
    elif not shift_only:
        values = np.hstack([about, matrix.reshape(len(matrix), -1)])
    elif is_local(dataset):
        values = np.hstack([about, dataset["local"].values.reshape(len(about), -1)])
    values = _at_frames(dataset, values, valid, at, by)
    values[missing] = np.nan
    d = len(center)
    if shift_only:
        if not is_local(dataset):
            return FrameTransformations(None, values)
        coefficient = values[:, d:].reshape(len(values), dataset.sizes["term"], d)
        local = LocalShifts(field_of(dataset), coefficient)
        return FrameTransformations(None, values[:, :d], local)
    if turns:
        frame_matrix = poses.to_matrices(values[:, d:-1], values[:, -1])
    else:
        frame_matrix = values[:, d:].reshape(-1, d, d)
    frame_offset = offset_from_about(frame_matrix, values[:, :d], center)
    return FrameTransformations(frame_matrix, frame_offset)


def frames_inside(
    frames: IntArray, first: int, stop: int, outside: str | None, clock: Clock = FRAMES
) -> tuple[FloatArray, BoolArray]:
    """Return the frames at which to evaluate, and which of them get NaN."""
    if outside is not None:
        require_choice("outside", outside, OUTSIDE)
    beyond = (frames < first) | (frames >= stop)
    if beyond.any() and outside in (None, "error"):
        low, high = int(frames[beyond].min()), int(frames[beyond].max())
        found, known = (clock.bare(*ends) for ends in ((low, high), (first, stop - 1)))
        message = (
            f"{int(beyond.sum())} {clock.name}s, from {found}, lie outside the {clock.name}s "
            f"{known} for which drift is known"
        )
        if outside == "error":
            raise OptionError(f"{message}; choose outside='hold', 'linear' or 'nan'")
        warnings.warn(
            f"{message}: the last known value is held. Say outside='hold' if this is meant, or "
            "outside='linear', 'nan' or 'error'",
            OutsideEstimateWarning,
            stacklevel=2,
        )
    if outside == "linear":
        return frames.astype(np.float64), np.zeros(len(frames), dtype=bool)
    inside = np.clip(frames, first, stop - 1).astype(np.float64)
    return inside, beyond if outside == "nan" else np.zeros(len(frames), dtype=bool)


def _at_frames(
    dataset: xr.Dataset, values: FloatArray, valid: BoolArray, at: FloatArray, by: str
) -> FloatArray:
    if by == "chunk":
        chunk = np.searchsorted(dataset["frame_start"].values, at, side="right") - 1
        chunk = np.clip(chunk, 0, len(valid) - 1)
        result = values[chunk]
        bridged = ~valid[chunk]
        if bridged.any():
            names = ", ".join(str(c) for c in np.unique(chunk[bridged]))
            warnings.warn(
                f"chunk {names} is not valid: its frames are corrected by the chunks around it",
                SmlmWarning,
                stacklevel=2,
            )
            result[bridged] = _at_frames(dataset, values, valid, at[bridged], "linear")
        return result
    from smlm_accessor.kernels.time_series.interpolation import interpolate

    start, stop = dataset["frame_start"].values, dataset["frame_stop"].values
    mean, result = dataset["frame"].values, np.empty((len(at), values.shape[1]))
    several = bool(len(jump_frames(dataset)))
    for chunks, first, end in chunks_by_segment(dataset, valid):
        asked = (at >= first) & (at < end)
        # Beyond the ends as the caller says; at a jump, as long as there are chunks.
        low = start[chunks[0]] if several and first > -np.inf else -np.inf
        high = stop[chunks[-1]] - 1 if several and end < np.inf else np.inf
        inside = np.clip(at[asked], low, high)
        result[asked] = interpolate(mean[chunks], values[chunks], inside, kind=by)
    return result
