"""A quantity of a drift over frames, as arrays: what figures, notebooks and pages show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift.between_chunks import DEFAULT_BY, evaluate
from smlm_accessor.drift.local import is_local
from smlm_accessor.drift.poses import drift_of, pose
from smlm_accessor.drift.segments import jump_frames
from smlm_accessor.drift.spec import center_of, components_of
from smlm_accessor.drift.times import clock_of, counted
from smlm_accessor.errors import OptionError
from smlm_accessor.options import require_choice
from smlm_accessor.table.clock import FRAMES, Clock

QUANTITIES = ("drift", "offset", "matrix", "rotation", "scale", "local")
MANY = 150  # chunks: beyond that a line shows more than dots
N_FRAMES = 1000  # through which a continuous curve is drawn: about the width of a figure in pixels
_VARIABLES = {"rotation": "rotation", "scale": "log_scale"}  # of a pose


@dataclass(frozen=True)
class Curves:
    """Values over frames, one column for each component."""

    names: tuple[str, ...]  # such as "x"; of a matrix the entries, such as "xy"
    frames: FloatArray  # (n,) increasing
    values: FloatArray  # (n, k) NaN where they are not known
    std: FloatArray  # (n, k) one standard deviation
    jumps: IntArray  # first frame of each segment but the first
    clock: Clock = FRAMES  # of which frames are counts

    def select(self, component: str | Sequence[str] | None) -> Curves:
        """Return only the named ones; all of them for None."""
        if component is None:
            return self
        wanted = (component,) if isinstance(component, str) else tuple(component)
        if not wanted or not set(wanted) <= set(self.names):
            known = ", ".join(f'"{name}"' for name in self.names)
            raise OptionError(f"component={component!r} is not there; take one or more of {known}")
        columns = [self.names.index(name) for name in wanted]
        return replace(self, names=wanted, values=self.values[:, columns], std=self.std[:, columns])

    def segments(self) -> list[slice]:
        """Return the rows of each segment that has any."""
        edges = [0, *np.searchsorted(self.frames, self.jumps).tolist(), len(self.frames)]
        return [slice(a, b) for a, b in pairwise(edges) if b > a]

    def broken(self) -> Curves:
        """Return the same with a row of NaN before the first frame of each segment."""
        at = np.unique(np.searchsorted(self.frames, self.jumps))
        frames, values, std = (
            np.insert(array, at, np.nan, axis=0) for array in (self.frames, self.values, self.std)
        )
        return replace(self, frames=frames, values=values, std=std)


def curves_of(
    dataset: xr.Dataset,
    quantity: str = "drift",
    *,
    shift: Sequence[float] | None = None,
    jumps: IntArray | None = None,
) -> Curves:
    """Return a quantity of transformations, by chunk or by frame; NaN where they are not valid.

    They are those of chunks, or those that `DriftModel.eval` gives for frames. For quantities see
    ``drift.smlm.plot``. ``shift`` is added to the drift of each component, whose constant is free;
    jumps are as the chunks have them if not given.
    """
    require_choice("quantity", quantity, QUANTITIES)
    dataset = counted(dataset)
    at = jump_frames(dataset) if jumps is None else jumps
    axes = components_of(dataset)
    names: tuple[str, ...] = axes
    if quantity in _VARIABLES:
        described = pose(dataset) if "chunk" in dataset.dims else dataset
        variable = _VARIABLES[quantity]
        names = axes if quantity == "rotation" and len(axes) == 3 else (quantity,)
        if variable in described:
            values, std = (
                1000.0 * described[name].values.reshape(-1, len(names))
                for name in (variable, f"{variable}_std")
            )
        else:  # a model of shifts
            values = std = np.zeros((dataset.sizes["frame"], len(names)))
    else:
        matrix = dataset["matrix"].values.astype(np.float64)
        std = dataset["offset_std"].values.astype(np.float64)
        if quantity == "local":
            names, values, std = _coefficients(dataset, axes)
        elif quantity == "matrix":
            names = tuple(row + column for row in axes for column in axes)
            values = matrix.reshape(-1, len(names))
            std = np.full(values.shape, np.nan)
        elif quantity == "drift":
            values = drift_of(dataset).values.astype(np.float64)
            values = values + np.array(0.0 if shift is None else shift)
        else:
            values = dataset["offset"].values - np.array(0.0 if shift is None else shift)
            if not (np.isnan(matrix) | (matrix == np.eye(len(axes)))).all():
                std[:] = np.nan  # it is known at the centre, not at the origin of the coordinates
        if "valid" in dataset:
            invalid = ~dataset["valid"].values.astype(bool)
            values[invalid] = std[invalid] = np.nan
    frames = dataset["frame"].values.astype(np.float64)
    return Curves(names, frames, values, std, at, clock_of(dataset))


def _coefficients(
    dataset: xr.Dataset, axes: tuple[str, ...]
) -> tuple[tuple[str, ...], FloatArray, FloatArray]:
    """Return names, values and std of what the sample did, in which parts of the field differ."""
    if not is_local(dataset):
        raise OptionError(
            "quantity='local' is of drifts that differ over the field: "
            "table.smlm.drift(transformation='local')"
        )
    names = tuple(f"{axis} by {term}" for term in dataset["term"].values for axis in axes)
    values, std = (dataset[n].values.reshape(-1, len(names)) for n in ("local", "local_std"))
    return names, 0.0 - values, std.copy()


def drift_between_chunks(
    dataset: xr.Dataset, frames: IntArray | None = None, *, by: str | None = None
) -> Curves:
    """Return the drift ``+d`` at the centre that a correction removes from frame to frame.

    Frames are evenly spread over the estimate, with both sides of jumps, if they are not given.
    """
    dataset = counted(dataset)
    jumps = jump_frames(dataset)
    if frames is None:
        first, stop = dataset["frame_start"].values[0], dataset["frame_stop"].values[-1]
        frames = spread_frames(int(first), int(stop), jumps)
    per_frame = evaluate(dataset, frames, by=by or DEFAULT_BY, outside="hold")
    values = 0.0 - per_frame.about(center_of(dataset))
    unknown = np.full(values.shape, np.nan)
    names = components_of(dataset)
    return Curves(names, frames.astype(np.float64), values, unknown, jumps, clock_of(dataset))


def spread_frames(first: int, stop: int, jumps: npt.ArrayLike, most: int = N_FRAMES) -> IntArray:
    """Return whole frames from ``first`` to ``stop - 1``, evenly spread, and both sides of jumps.

    Examples
    --------
    >>> spread_frames(0, 101, [42], most=3)
    array([  0,  41,  42,  50, 100])
    """
    even = np.linspace(first, stop - 1, min(most, stop - first)).round().astype(np.int64)
    at = np.asarray(jumps, dtype=np.int64)
    inside = at[(at > first) & (at < stop)]
    return np.unique(np.concatenate([even, inside - 1, inside]))


def invalid_spans(dataset: xr.Dataset) -> list[tuple[int, int]]:
    """Return the frames (first, first after) of chunks that are not valid, neighbours joined."""
    dataset = counted(dataset)
    spans: list[tuple[int, int]] = []
    invalid = dataset.isel(chunk=~dataset["valid"].values.astype(bool))
    starts, stops = invalid["frame_start"].values.tolist(), invalid["frame_stop"].values.tolist()
    for start, stop in zip(starts, stops, strict=True):
        joins = bool(spans) and spans[-1][1] == start
        spans[-1 if joins else len(spans) :] = [(spans[-1][0] if joins else start, stop)]
    return spans
