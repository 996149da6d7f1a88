"""Fit continuous models to the transformations of chunks."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift import center_of, components_of, drift_of, is_shift_only, require_drift
from smlm_accessor.drift.composition import ORIGINS
from smlm_accessor.drift.segments import jump_frames
from smlm_accessor.drift.times import clock_of, timed
from smlm_accessor.errors import DriftError
from smlm_accessor.models.chunk_series import ChunkSeries, make_series, picked
from smlm_accessor.models.component_fit import ComponentFit, UncorrectedFit, fit_spline
from smlm_accessor.models.drift_model import DriftModel
from smlm_accessor.models.least_squares import fit_least_squares, require_chunks
from smlm_accessor.models.local_model import fit_local
from smlm_accessor.models.matrix_model import fit_matrix, matrix_specs
from smlm_accessor.models.segmented import fit_in_segments, in_segments
from smlm_accessor.models.specs import Spec, Spline, Uncorrected, label, one_each
from smlm_accessor.options import require_choice


def fit(
    dataset: xr.Dataset,
    *,
    offset: Any = "spline",
    rotation: Any = None,
    scale: Any = None,
    matrix: Any = None,
    local: Any = None,
    chunks: slice | npt.ArrayLike | None = None,
    weights: str | npt.ArrayLike | None = "auto",
    origin: str | None = None,
    segments: str | npt.ArrayLike | None = "auto",
) -> DriftModel:
    """Fit continuous models to the valid chunks of a drift; see ``drift.smlm.fit``."""
    if origin is not None:
        require_choice("origin", origin, ORIGINS)
    dataset = require_drift(dataset)
    clock = clock_of(dataset)
    dataset = in_segments(dataset, segments)
    components = components_of(dataset)
    offset_specs = one_each(offset, components)
    asked = matrix_specs(components, rotation, scale, matrix)
    valid = np.flatnonzero(dataset["valid"].values.astype(bool))
    if not len(valid):
        raise DriftError(
            "No chunk of this drift is valid, so there is nothing to fit. Estimate again with "
            "larger chunks, or with another method."
        )
    used = valid[np.isin(valid, picked(chunks, dataset))]
    if not len(used):
        raise DriftError(
            f"chunks={chunks!r} picks none of the {len(valid)} valid ones; leave it out to use all"
        )
    series, jumps = make_series(dataset, used, weights), clock.values(jump_frames(dataset))

    def fitted(spec: Spec, one: ChunkSeries, rest: float = 0.0) -> ComponentFit:
        return fit_in_segments(partial(_fit_one, rest=rest), spec, one, jumps)

    offset_fits = tuple(map(fitted, offset_specs, series.offset))
    is_still = asked == (None, None, None) and is_shift_only(dataset)
    matrix_model = None if is_still else fit_matrix(asked, series, components, fitted)
    local_model = fit_local(dataset, local, series, fitted)
    zero_at = origin or dataset.attrs.get("origin", "first_chunk")
    zero = np.zeros(len(components))
    if origin is not None or zero_at in ("first_frame", "mean"):
        zero = _value_at_origin(offset_fits, dataset, valid, zero_at)
    return DriftModel(
        offset_fits=offset_fits,
        matrix_model=matrix_model,
        local_model=local_model,
        components=components,
        center=tuple(center_of(dataset).tolist()),
        shift=tuple(zero.tolist()),
        frame_start=int(dataset["frame_start"].values[valid[0]]),
        frame_stop=int(dataset["frame_stop"].values[valid[-1]]),
        origin=zero_at,
        n_chunks=len(used),
        transformations=timed(dataset.copy(deep=True).load()),
        clock=clock,
    )


def _fit_one(spec: Spec, series: ChunkSeries, *, rest: float) -> ComponentFit:
    """Fit a model to a series; without one, its value is ``rest``."""
    if isinstance(spec, Uncorrected):
        return UncorrectedFit(series.name, label(spec), 0, None, rest)
    if isinstance(spec, Spline):
        require_chunks(series, label(spec), 1)
        return fit_spline(spec, series, label(spec))
    return fit_least_squares(spec, series)


def _value_at_origin(
    fits: tuple[ComponentFit, ...], dataset: xr.Dataset, valid: IntArray, origin: str
) -> FloatArray:
    """Return what to subtract from the offsets at the centre, shape (components,)."""
    clock = clock_of(dataset)
    frames = clock.values(dataset["frame"].values[valid].astype(np.float64))
    if origin == "first_frame":
        start = clock.values(dataset["frame_start"].values[valid[:1]].astype(np.float64))
        values = [fit.eval(start)[0] for fit in fits]
    elif origin == "mean":
        counts = np.maximum(dataset["n_localizations"].values[valid], 1)
        values = [np.average(fit.eval(frames), weights=counts) for fit in fits]
    else:
        first = -drift_of(dataset).values[valid[0]]
        values = [fit.eval(frames[:1])[0] - at for fit, at in zip(fits, first, strict=True)]
    return np.array(
        [
            0.0 if isinstance(fit, UncorrectedFit) else value
            for fit, value in zip(fits, values, strict=True)
        ]
    )
