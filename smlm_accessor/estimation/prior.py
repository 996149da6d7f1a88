"""What is known of the drift beforehand, with its errors: of a log, of images, of beads."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift import FrameTransformations
from smlm_accessor.drift.segments import jump_frames
from smlm_accessor.drift.times import clock_of
from smlm_accessor.errors import OptionError
from smlm_accessor.estimation.start import outside, require_shift
from smlm_accessor.methods.api import Method
from smlm_accessor.methods.chunked import PriorDrift
from smlm_accessor.models import (
    Drift,
    chunks_with_one_error,
    edges_for,
    for_table,
    times_for,
    transformations_of,
)
from smlm_accessor.table.attributes import parameters
from smlm_accessor.table.localizations import Localizations


def check_prior(prior: Drift | None, method: Method) -> None:
    """Raise an error unless a method can weigh this drift.

    Raises
    ------
    DriftError
        If it is no drift.
    OptionError
        If it turns or stretches, does not say how precise it is, or if the method takes none.
    """
    if prior is None:
        return
    found = require_shift("prior", prior, method, "takes_prior", "does not weigh a prior")
    if not _usable(found).any():
        raise OptionError(
            "prior has to say how precise it is, by its offset_std, which is NaN: for a log, "
            "read_drift(path, offset_std=5); else prior.assign(offset_std=prior.offset * 0 + 5). "
            "A drift to start from, whatever its errors, is start="
        )


def prior_drift(prior: Drift, frames: IntArray, table: Localizations) -> PriorDrift:
    """Return what is known beforehand, in the components, the unit and the time of a table.

    Of a model it is what the chunks say to which it was fitted. Where errors of successive chunks
    are alike, as those of a trend, variances are multiplied by how many are: then they tell as much
    of what changes slowly as if errors were independent. The rates of that trend come along.

    Parameters
    ----------
    prior : Dataset or DriftModel
    frames : ndarray
        Of the table, increasing, each once.
    table : Localizations

    Raises
    ------
    OptionError
        If it says nothing of any time between the first and the last frame.
    DriftError
        If the units do not convert.
    """
    source = transformations_of(prior)
    used = _usable(source).any(axis=1)
    chunks = source.isel(chunk=used)
    middle = np.round(chunks["frame"].values).astype(np.int64)
    times = times_for(prior, table.columns, middle)
    offset = _in_table(chunks["offset"].values, prior, table)
    std = _in_table(np.where(_usable(chunks), chunks["offset_std"].values, 0.0), prior, table)
    with np.errstate(divide="ignore"):
        variance = np.where(std > 0, std**2, np.inf) * chunks_with_one_error(source, "smoothing")
    inside = (times >= frames[0]) & (times <= frames[-1])
    if inside.sum() < 2:
        raise outside("prior", prior, frames, table)
    order = np.flatnonzero(inside)[np.argsort(times[inside], kind="stable")]
    jumps = edges_for(prior, table.columns, jump_frames(source))
    drift = np.where(np.isfinite(variance), 0.0 - offset, 0.0)
    # Rates are variances: two factors of the unit of length.
    unit = _in_table(np.ones_like(offset[:1, : source.sizes["component"]]), prior, table)
    rates = _in_table(_rates(source), prior, table) * unit
    per_count = float(np.ptp(times)) / max(float(np.ptp(middle)), 1.0)
    rates /= per_count ** np.array([[1], [3], [5]])
    return PriorDrift(times[order], drift[order], jumps, variance[order], rates)


def _rates(source: xr.Dataset) -> FloatArray:
    """Return the rates of the trend by which a drift was smoothed, per count; 0 if it was not."""
    clock, chosen = clock_of(source), parameters(source)
    found = np.zeros((3, source.sizes["component"]))
    for row, name in enumerate(("walk", "bend", "jerk")):
        values = chosen.get(f"{name}_per_{'second' if clock.is_time else 'frame'}", ())
        if len(values) == found.shape[1]:
            found[row] = np.array(values) / float(clock.per_unit) ** (2 * row + 1)
    return found


def _usable(source: xr.Dataset) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Tell of which chunks, along which axes, the drift and its error are known."""
    offset, std = source["offset"].values, source["offset_std"].values
    valid = source["valid"].values[:, None]
    return np.asarray(valid & np.isfinite(offset) & np.isfinite(std) & (std > 0))


def _in_table(values: FloatArray, prior: Drift, table: Localizations) -> FloatArray:
    return for_table(FrameTransformations(None, values), prior, table).offset
