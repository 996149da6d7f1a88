"""Drift as a Dataset or as a model of it: what is asked of both alike."""

from __future__ import annotations

from typing import Any

import xarray as xr

from smlm_accessor._typing import IntArray
from smlm_accessor.drift import FrameTransformations, evaluate, require_drift
from smlm_accessor.drift.between_chunks import DEFAULT_BY
from smlm_accessor.drift.curves import Curves, drift_between_chunks
from smlm_accessor.drift.times import counted
from smlm_accessor.errors import DriftError
from smlm_accessor.models.drift_model import DriftModel

Drift = xr.Dataset | DriftModel


def transformations_of(drift: Drift) -> xr.Dataset:
    """Return the transformations of chunks: the Dataset itself, or what the model was fitted to.

    They are by counts of the drift's clock.
    """
    return drift.counted_transformations if isinstance(drift, DriftModel) else counted(drift)


def require_drift_or_model(value: Any, usage: str, *, by: str | None = None) -> xr.Dataset:
    """Return the transformations of what has to be a Dataset of drift or a model.

    Of a model there is no choice ``by`` which to go from chunk to chunk. For ``usage`` see
    `smlm_accessor.drift.require_drift`.
    """
    if isinstance(value, DriftModel):
        if by is not None:
            raise DriftError(f"by={by!r} is for Datasets; a model is continuous: leave it out")
        return value.counted_transformations
    return require_drift(value, usage)


def at_frames(
    drift: Drift, frames: IntArray, *, by: str | None = None, outside: str | None = None
) -> FrameTransformations:
    """Return the transformation of each count of time, from chunk to chunk or from the model."""
    if isinstance(drift, DriftModel):
        return drift.at_counts(frames, outside=outside)
    return evaluate(drift, frames, by=by or DEFAULT_BY, outside=outside)


def removed_drift(drift: Drift, frames: IntArray | None = None, *, by: str | None = None) -> Curves:
    """Return the drift at the centre that a correction removes; evenly spread frames by default."""
    if isinstance(drift, DriftModel):
        return drift.curves(frames=frames)
    return drift_between_chunks(drift, frames, by=by)
