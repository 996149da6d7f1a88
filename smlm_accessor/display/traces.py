"""Drift over frames as a few arrays, of a Dataset or of a model."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.display.tables import number
from smlm_accessor.drift import segments, transformations

_MODEL_FRAMES = 200
_MOST_DOTS = 100  # chunks; more would hide the curve

Spans = list[tuple[int, int]]


@dataclass(frozen=True)
class Trace:
    """Drift ``+d`` over frames.

    Parameters
    ----------
    names : tuple of str
        Of the components.
    frames : ndarray, shape (n,)
        Increasing.
    values, std : ndarray, shape (n, d)
        Drift and its standard deviation, NaN where it is not known.
    ends : (int, int)
        First frame, and first frame after the last.
    invalid : list of (int, int)
        Frames (first, first after) without drift of their own.
    jumps : list of int
        First frames after a jump.
    unit : str or None
    dot_frames : ndarray, shape (m,), optional
        Of chunks, if they are few.
    dots : ndarray, shape (m, d), optional
    """

    names: tuple[str, ...]
    frames: FloatArray
    values: FloatArray
    std: FloatArray
    ends: tuple[int, int]
    invalid: Spans
    jumps: list[int]
    unit: str | None
    dot_frames: FloatArray | None = None
    dots: FloatArray | None = None

    def facts(self) -> list[list[str]]:
        """Return a row for each component, after a row of headings."""
        unit = f" ({self.unit})" if self.unit else ""
        heads = [f"drift{unit}", "lowest", "highest", "range", "std, median", "std, largest"]
        rows = [heads]
        for name, values, std in zip(self.names, self.values.T, self.std.T, strict=True):
            known, sure = values[np.isfinite(values)], std[np.isfinite(std)]
            low, high = (known.min(), known.max()) if len(known) else (np.nan, np.nan)
            middle, most = (np.median(sure), sure.max()) if len(sure) else (np.nan, np.nan)
            found = (low, high, high - low, middle, most)
            rows.append([name, *(number(v) if np.isfinite(v) else "unknown" for v in found)])
        return rows


class Curve(Protocol):
    """What is needed of a `DriftModel`."""

    @property
    def components(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def shift(self) -> tuple[float, ...]: ...  # noqa: D102
    @property
    def frame_start(self) -> int: ...  # noqa: D102
    @property
    def frame_stop(self) -> int: ...  # noqa: D102
    @property
    def length_unit(self) -> str | None: ...  # noqa: D102
    @property
    def transformations(self) -> xr.Dataset: ...  # noqa: D102
    def drift(self, frames: Any) -> xr.DataArray: ...  # noqa: D102
    def eval(self, frames: Any) -> xr.Dataset: ...  # noqa: D102


def dataset_trace(dataset: xr.Dataset) -> Trace:
    """Return the drift of each chunk at its mean frame; NaN where it is not valid."""
    invalid = ~dataset["valid"].values.astype(bool)
    values = transformations.drift(dataset).values.astype(np.float64)
    std = dataset["offset_std"].values.astype(np.float64)
    values[invalid] = np.nan
    std[invalid] = np.nan
    n = dataset.sizes["chunk"]
    ends = (int(dataset["frame_start"][0]), int(dataset["frame_stop"][-1])) if n else (0, 1)
    unit = dataset.attrs.get("length_unit")
    frames = dataset["frame"].values.astype(np.float64)
    few = n <= _MOST_DOTS
    return Trace(
        names=transformations.components(dataset),
        frames=frames,
        values=values,
        std=std,
        ends=ends,
        invalid=invalid_spans(dataset),
        jumps=segments.jumps(dataset).tolist(),
        unit=None if unit is None else str(unit),
        dot_frames=frames if few else None,
        dots=values if few else None,
    )


def model_trace(model: Curve) -> Trace:
    """Return the curve of a model, and the chunks it was fitted to, moved to its zero."""
    chunks = dataset_trace(model.transformations)
    start, stop = model.frame_start, model.frame_stop
    frames = segments.spread_frames(start, stop, chunks.jumps, _MODEL_FRAMES).astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what there is to say was said when it was fitted
        values, std = model.drift(frames).values, model.eval(frames)["offset_std"].values
    return Trace(
        names=model.components,
        frames=frames,
        values=np.asarray(values, dtype=np.float64),
        std=np.asarray(std, dtype=np.float64),
        ends=(start, stop),
        invalid=chunks.invalid,
        jumps=chunks.jumps,
        unit=model.length_unit,
        dot_frames=chunks.dot_frames,
        dots=None if chunks.dots is None else chunks.dots + np.array(model.shift),
    )


def invalid_spans(dataset: xr.Dataset) -> Spans:
    """Return the frames (first, first after) of chunks that are not valid, neighbours joined."""
    invalid = ~dataset["valid"].values.astype(bool)
    starts = dataset["frame_start"].values[invalid]
    stops = dataset["frame_stop"].values[invalid]
    spans: Spans = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        if spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], stop)
        else:
            spans.append((start, stop))
    return spans
