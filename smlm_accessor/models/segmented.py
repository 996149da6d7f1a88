"""Models that are continuous within segments, and free between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift import drift_of
from smlm_accessor.drift.segments import checked_jumps, with_segments
from smlm_accessor.drift.times import clock_of
from smlm_accessor.errors import OptionError
from smlm_accessor.models.chunk_series import ChunkSeries
from smlm_accessor.models.component_fit import ComponentFit, Within
from smlm_accessor.models.specs import Constant, Linear, Polynomial, Spec, Uncorrected, label


@dataclass(frozen=True, eq=False)
class SegmentedFit(ComponentFit):
    """One fit for each segment."""

    parts: tuple[ComponentFit, ...]
    jumps: FloatArray | IntArray  # first frame, or time, of each segment but the first

    def eval(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Evaluate at each frame the fit of its segment."""
        return self._each(frames, lambda part, at: part.eval(at, within))

    def std(self, frames: FloatArray, within: Within | None = None) -> FloatArray:
        """Return one standard deviation of the fit of the segment that each frame is in."""
        return self._each(frames, lambda part, at: part.std(at, within))

    def figures(self) -> dict[str, str]:
        """Key figures of each segment, with bars between."""
        each = [part.figures() for part in self.parts]
        names = dict.fromkeys(name for figures in each for name in figures)
        return {name: " | ".join(figures.get(name, "-") for figures in each) for name in names}

    def _each(
        self, frames: FloatArray, value: Callable[[ComponentFit, FloatArray], FloatArray]
    ) -> FloatArray:
        result = np.empty(len(frames))
        segment = np.searchsorted(self.jumps, frames, side="right")
        for k in np.unique(segment):
            rows = segment == k
            result[rows] = value(self.parts[k], frames[rows])
        return result


def fit_in_segments(
    fit: Callable[[Spec, ChunkSeries], ComponentFit],
    spec: Spec,
    series: ChunkSeries,
    jumps: FloatArray | IntArray,
) -> ComponentFit:
    """Fit a model to each segment of a series; ``jumps`` are the first frames of all but one.

    Where a segment has too few chunks for a line or a polynomial, it gets one of lower degree;
    where it has none, the fit of the segment before, or else of the first that has any.
    """
    fixed = isinstance(spec, Uncorrected) or (isinstance(spec, Constant) and spec.value is not None)
    if fixed or not len(jumps):
        return fit(spec, series)
    segment = np.searchsorted(jumps, series.frames, side="right")
    parts: dict[int, ComponentFit] = {}
    for k in np.unique(segment).tolist():
        rows = segment == k
        part = series._replace(
            name=f"{series.name}, segment {k}",
            frames=series.frames[rows],
            values=series.values[rows],
            weights=None if series.weights is None else series.weights[rows],
        )
        parts[k] = fit(_within_reach(spec, int(rows.sum())), part)
    known = np.array(list(parts))
    nearest = np.maximum(np.searchsorted(known, np.arange(len(jumps) + 1), side="right") - 1, 0)
    n_needed = max(part.n_needed for part in parts.values())
    found = tuple(parts[k] for k in known[nearest].tolist())
    results = tuple(part.result for part in found)
    return SegmentedFit(series.name, label(spec), n_needed, results, found, jumps)


def _within_reach(spec: Spec, n_chunks: int) -> Spec:
    """Return the model, or one that so few chunks can tell."""
    degree = 1 if isinstance(spec, Linear) else getattr(spec, "degree", 0)
    if not isinstance(spec, Linear | Polynomial) or n_chunks > degree:
        return spec
    if n_chunks == 1:
        return Constant()
    return Linear() if n_chunks == 2 else Polynomial(n_chunks - 1)


def in_segments(dataset: xr.Dataset, segments: str | npt.ArrayLike | None) -> xr.Dataset:
    """Return the Dataset in the segments that are asked for; see `fit`."""
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
    clock = clock_of(dataset)
    at = checked_jumps(segments, clock)
    first, stop = int(dataset["frame_start"].values[0]), int(dataset["frame_stop"].values[-1])
    beyond = at[(at <= first) | (at >= stop)]
    if len(beyond):
        raise OptionError(
            f"segments={segments!r}: no segment can begin with {clock.said(beyond[0])}, since the "
            f"drift is of {clock.span(first, stop).replace('frames', 'the frames')}"
        )
    return with_segments(dataset, at)


def _found(dataset: xr.Dataset) -> npt.NDArray[np.int64]:
    from smlm_accessor.kernels.time_series.steps import find_steps

    valid = np.flatnonzero(dataset["valid"].values.astype(bool))
    drift = drift_of(dataset).values[valid]
    first = find_steps(drift, dataset["offset_std"].values[valid])
    return np.asarray(dataset["frame_start"].values[valid[first]], dtype=np.int64)
