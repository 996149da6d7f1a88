"""The drift that a correction removes, frame by frame."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.correct import DEFAULT_BY
from smlm_accessor.drift import segments, transformations
from smlm_accessor.drift.between_chunks import evaluate
from smlm_accessor.models import DriftModel

MOST_FRAMES = 2000  # that a curve is drawn through


def drift_over_frames(
    drift: xr.Dataset | DriftModel, frames: IntArray, by: str | None = None
) -> FloatArray:
    """Return the drift of the sample at its centre.

    Parameters
    ----------
    drift : Dataset or DriftModel
    frames : ndarray, shape (n,)
    by : str, optional
        How to go from chunk to chunk, for a Dataset.

    Returns
    -------
    ndarray, shape (n, d)
    """
    if isinstance(drift, DriftModel):
        return np.asarray(drift.drift(frames).transpose("frame", "component").values)
    per_frame = evaluate(drift, frames, by=by or DEFAULT_BY, outside="hold")
    if per_frame.matrix is None:
        return 0.0 - per_frame.offset
    center = transformations.center(drift)
    return 0.0 - transformations.offset_about(per_frame.matrix, per_frame.offset, center)


def frames_of(dataset: xr.Dataset) -> IntArray:
    """Return whole frames spread over those of an estimate, and those on both sides of jumps."""
    first, stop = int(dataset["frame_start"].values[0]), int(dataset["frame_stop"].values[-1])
    return segments.spread_frames(first, stop, segments.jumps(dataset), MOST_FRAMES)
