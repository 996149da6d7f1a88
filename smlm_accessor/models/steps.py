"""Which segments a model has: those of the drift, those that are given, or found among chunks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor.drift import transformations
from smlm_accessor.drift.segments import checked_jumps, with_segments
from smlm_accessor.errors import OptionError


def in_segments(dataset: xr.Dataset, segments: str | npt.ArrayLike | None) -> xr.Dataset:
    """Return the Dataset in the segments that are asked for; see `fit`.

    Raises
    ------
    OptionError
        If they are no frames within the drift.
    """
    if isinstance(segments, str):
        if segments == "auto":
            return dataset
        if segments == "find":
            return with_segments(dataset, _found(dataset))
        raise OptionError(
            f"segments={segments!r} is not known to a fit; use 'auto', 'find', None, or the frames "
            "with which segments begin. A column is for table.smlm.drift(segments=...)"
        )
    if segments is None:
        return with_segments(dataset, [])
    at = checked_jumps(segments)
    first, stop = int(dataset["frame_start"].values[0]), int(dataset["frame_stop"].values[-1])
    beyond = at[(at <= first) | (at >= stop)]
    if len(beyond):
        raise OptionError(
            f"segments={segments!r}: no segment can begin with frame {beyond[0]}, since the drift "
            f"is of the frames {first} to {stop - 1}"
        )
    return with_segments(dataset, at)


def _found(dataset: xr.Dataset) -> npt.NDArray[np.int64]:
    from smlm_accessor.kernels.time_series.steps import find_steps

    valid = np.flatnonzero(dataset["valid"].values.astype(bool))
    drift = transformations.drift(dataset).values[valid]
    first = find_steps(drift, dataset["offset_std"].values[valid])
    return np.asarray(dataset["frame_start"].values[valid[first]], dtype=np.int64)
