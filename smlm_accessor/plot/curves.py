"""What `plot_drift` draws, as arrays: free of matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift import segments, transformations
from smlm_accessor.drift.pose import pose
from smlm_accessor.errors import OptionError

if TYPE_CHECKING:
    from smlm_accessor.models import DriftModel

WHAT = ("drift", "offset", "matrix", "rotation", "scale")
_POSE = {"rotation": "rotation", "scale": "log_scale"}  # what is drawn, and its variable


@dataclass(frozen=True)
class Curves:
    """Values and standard deviations (NaN if unknown) over frames, one column per name."""

    names: tuple[str, ...]
    values: FloatArray
    std: FloatArray

    def select(self, element: str | Sequence[str] | None) -> Curves:
        """Return only the named ones; all of them for None."""
        if element is None:
            return self
        wanted = (element,) if isinstance(element, str) else tuple(element)
        if not wanted or not set(wanted) <= set(self.names):
            known = ", ".join(f'"{name}"' for name in self.names)
            raise OptionError(f"element={element!r} is not there; take one or more of {known}")
        columns = [self.names.index(name) for name in wanted]
        return Curves(wanted, self.values[:, columns], self.std[:, columns])

    def broken(self, frames: FloatArray | IntArray, jumps: IntArray) -> tuple[FloatArray, Curves]:
        """Return frames and curves with a gap before the first frame of each segment."""
        at = np.unique(np.searchsorted(frames, jumps))
        gaps = (np.insert(a, at, np.nan, axis=0) for a in (self.values, self.std))
        return np.insert(frames.astype(np.float64), at, np.nan), Curves(self.names, *gaps)


def chunk_curves(dataset: xr.Dataset, what: str, model: DriftModel | None = None) -> Curves:
    """Return what the Dataset says of each chunk; NaN where it is not valid.

    The constant of a drift is free. If the model was fitted to this Dataset and is zero elsewhere,
    the chunks are moved to its zero, where they belong.
    """
    if what in _POSE:
        return _pose_curves(pose(dataset), what, transformations.components(dataset))
    drift = transformations.drift(dataset) if what == "drift" else dataset["offset"]
    curves = _curves(dataset, drift, what, "chunk")
    curves.values[~dataset["valid"].values.astype(bool)] = np.nan
    if what != "matrix" and model and dataset.attrs == model.transformations.attrs:
        curves.values[:] += np.array(model.shift) * (1.0 if what == "drift" else -1.0)
    return curves


def model_curves(model: DriftModel, what: str, frames: IntArray) -> Curves:
    """Return what a model says at each of the frames."""
    evaluated = model.eval(frames)
    if what in _POSE:
        if model.matrix is not None:
            raise OptionError(
                f"the model is of the entries of the matrix, not of its {what}: draw them with "
                "component='matrix', or fit without matrix="
            )
        return _pose_curves(evaluated, what, model.components)
    drift = model.drift(frames) if what == "drift" else evaluated["offset"]
    return _curves(evaluated, drift, what, "frame")


def model_frames(model: DriftModel, most: int = 1000) -> IntArray:
    """Return whole frames of the estimate, evenly spread, and those on both sides of jumps."""
    jumps = segments.jumps(model.transformations)
    return segments.spread_frames(model.frame_start, model.frame_stop, jumps, most)


def _curves(dataset: xr.Dataset, shift: xr.DataArray, what: str, over: str) -> Curves:
    axes = transformations.components(dataset)
    if what == "matrix":
        matrix = dataset["matrix"].transpose(over, "component", "component_in").values
        names = tuple(row + column for row in axes for column in axes)
        values = matrix.reshape(len(matrix), len(names)).astype(np.float64)
        return Curves(names, values, np.full(values.shape, np.nan))
    values, std = (
        np.array(array.transpose(over, "component").values, dtype=np.float64)
        for array in (shift, dataset["offset_std"])
    )
    matrix = dataset["matrix"].transpose(over, "component", "component_in").values
    turned = ~(np.isnan(matrix) | (matrix == np.eye(len(axes)))).all()
    if what == "offset" and turned:
        std[:] = np.nan  # it is known at the centre, not at the origin of the coordinates
    return Curves(axes, values, std)


def _pose_curves(described: xr.Dataset, what: str, axes: Sequence[str]) -> Curves:
    """Return rotation or log of the scale, in thousandths; zero where a model has none."""
    name = _POSE[what]
    names = tuple(axes) if what == "rotation" and len(axes) == 3 else (what,)
    if name not in described:
        still = np.zeros((described.sizes["frame"], len(names)))
        return Curves(names, still, still)
    values, std = (
        1000 * described[column].values.reshape(-1, len(names)) for column in (name, f"{name}_std")
    )
    return Curves(names, values, std)
