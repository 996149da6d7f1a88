"""The Dataset of transformations: what is in it.

A transformation registers the localizations of a chunk: ``corrected = matrix @ position + offset``.
The drift is what the sample did, ``+d``; for a pure shift ``offset = -d``.

All variables below have to be there, with these dims; ``center`` and ``segment`` may be left out,
and stand for 0. Components are x, y or x, y, z in this order. Chunks are in the order of time and
do not overlap. A drift in seconds has ``time``, ``time_start`` and ``time_stop`` instead of
``frame``, ``frame_start`` and ``frame_stop``, and ``attrs["time_unit"] == "s"``.

``attrs`` are strings and numbers: ``schema_version``, ``package_version``, and as far as known
``method``, ``target``, ``origin``, ``length_unit``, ``frame_duration`` in seconds, and
``parameters`` as JSON.

Of several tables (`smlm_accessor.align`) the Dataset has the dim ``table`` instead of ``chunk``, or
both; ``dataset.sel(table=...)`` is that of one, see `smlm_accessor.drift.by_table`.

`smlm_accessor.drift.dataset` builds such a Dataset, `smlm_accessor.drift.validation` checks one.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor._typing import FloatArray

COMPONENTS = ("x", "y", "z")


class Variable(NamedTuple):
    """Dims and meaning of a variable or coordinate."""

    dims: tuple[str, ...]
    meaning: str


_OF_CHUNK = ("chunk",)
REQUIRED = {
    "matrix": Variable(
        ("chunk", "component", "component_in"), "corrected = matrix @ position + offset"
    ),
    "offset": Variable(
        ("chunk", "component"),
        "corrected = matrix @ position + offset; a sample that moved by +d has offset -d",
    ),
    "offset_std": Variable(
        ("chunk", "component"),
        "one standard deviation of the offset at the centre, but for a constant",
    ),
    "n_localizations": Variable(_OF_CHUNK, "localizations in the chunk"),
    "valid": Variable(_OF_CHUNK, "False where the chunk could not be registered"),
    "quality": Variable(_OF_CHUNK, "higher is better"),
    "frame": Variable(_OF_CHUNK, "mean frame of the chunk's localizations"),
    "frame_start": Variable(_OF_CHUNK, "first frame of the chunk"),
    "frame_stop": Variable(_OF_CHUNK, "first frame after the chunk"),
    "component": Variable(("component",), ""),
    "component_in": Variable(("component_in",), ""),
}
OPTIONAL = {
    "center": Variable(("component",), "middle of the localizations"),
    "segment": Variable(_OF_CHUNK, "changes where the sample jumps"),
}
VARIABLES = REQUIRED | OPTIONAL
LENGTHS = ("offset", "offset_std", "center")  # in the length unit


def of_numpy(
    dims: tuple[Hashable, ...], array: npt.NDArray[Any], attrs: Mapping[Any, Any] | None = None
) -> xr.Variable:
    """Return a variable of xarray that holds an array of numpy.

    To see that an array is none of dask, xarray imports dask, which takes a third of a second.
    """
    return xr.Variable(dims, array, attrs, fastpath=True)


def components_of(dataset: xr.Dataset) -> tuple[str, ...]:
    """Return the names of the axes."""
    return tuple(str(c) for c in dataset["component"].values)


def center_of(dataset: xr.Dataset) -> FloatArray:
    """Return the middle of the localizations, about which matrices are modelled; 0 if not named."""
    if "center" in dataset.coords:
        return np.asarray(dataset["center"].values, dtype=np.float64)
    return np.zeros(dataset.sizes["component"])


def is_shift_only(dataset: xr.Dataset) -> bool:
    """Whether every matrix of a valid chunk is the identity."""
    matrix = dataset["matrix"].values[dataset["valid"].values.astype(bool)]
    return bool((matrix == np.eye(matrix.shape[-1])).all())
