"""The time of a Dataset of transformations: coordinates ``frame...``, or ``time...`` in seconds.

Everything inside the package counts: of a drift in seconds it takes a Dataset whose ``frame``,
``frame_start`` and ``frame_stop`` are ticks of `SECONDS`. `counted` makes one of what a user gives,
`timed` makes what a user gets. Of a drift in frames both return it as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.table.clock import FRAMES, SECONDS, Clock

TIME_UNIT, FRAME_DURATION = "time_unit", "frame_duration"  # in attrs
_NAMES = {"frame": "time", "frame_start": "time_start", "frame_stop": "time_stop"}
_MEANING = {
    "time": "mean time of the chunk's localizations",
    "time_start": "first time of the chunk",
    "time_stop": "first time after the chunk",
}


def clock_of(dataset: xr.Dataset) -> Clock:
    """Return how a drift counts time."""
    is_time = dataset.attrs.get(TIME_UNIT) == "s" or has_times(dataset)
    return SECONDS if is_time else FRAMES


def has_times(dataset: xr.Dataset) -> bool:
    """Whether the coordinates of a Dataset are those of time, in seconds."""
    return "time_start" in dataset.variables or (
        "time" in dataset.variables and "frame" not in dataset.variables
    )


def spelled(dataset: xr.Dataset, name: str) -> str:
    """Return what a variable of `VARIABLES` is called in this Dataset."""
    return _NAMES.get(name, name) if has_times(dataset) else name


def counted(dataset: xr.Dataset) -> xr.Dataset:
    """Return the drift by counts of its clock.

    Examples
    --------
    >>> from smlm_accessor.drift import build
    >>> drift = build(offset=[[0, 0]], components="xy", time=[0.5], time_start=[0], time_stop=[1])
    >>> counted(drift).frame_stop.values, timed(counted(drift)).identical(drift)
    (array([1000000]), True)
    """
    if not has_times(dataset):
        return dataset
    found = dataset.drop_vars([name for name in _NAMES if name in dataset.variables])
    there = {theirs: ours for ours, theirs in _NAMES.items() if theirs in found.variables}
    found = found.rename(there).assign_attrs({TIME_UNIT: "s"})
    coords = {n: found[n].copy(data=SECONDS.counts(found[n].values)) for n in there.values()}
    if "time" in there:
        mean = found["frame"].values.astype(np.float64) * SECONDS.per_unit
        if "time_start" in there and "time_stop" in there:
            mean = _inside(mean, coords["frame_start"].values, coords["frame_stop"].values)
        coords["frame"] = found["frame"].copy(data=mean)
    return found.assign_coords(coords)


def _inside(mean: FloatArray, start: IntArray, stop: IntArray) -> FloatArray:
    """Return the mean times of chunks that rounding has put out of them by less than a tick."""
    if not mean.shape == start.shape == stop.shape:
        return mean  # a checker says so
    mean = np.where((mean < start) & (mean > start - 1), start, mean)
    return np.where((mean >= stop) & (mean < stop + 1), stop - 1, mean)


def timed(dataset: xr.Dataset) -> xr.Dataset:
    """Return a drift that is counted with the times of its clock."""
    if not clock_of(dataset).is_time or has_times(dataset):
        return dataset
    there = {ours: theirs for ours, theirs in _NAMES.items() if ours in dataset.variables}
    found = dataset.rename(there)
    coords: dict[str, Any] = {}
    for name in there.values():
        attrs = {"long_name": _MEANING[name], "units": "s"}
        coords[name] = (found[name].dims, SECONDS.values(found[name].values), attrs)
    return found.assign_coords(coords)


def in_own_time(function: Callable[..., xr.Dataset]) -> Callable[..., xr.Dataset]:
    """Let a function of Datasets that are counted take and return those of users."""

    @wraps(function)
    def call(*datasets: Any, **options: Any) -> xr.Dataset:
        given = [counted(d) if isinstance(d, xr.Dataset) else d for d in datasets]
        return timed(function(*given, **options))

    return call
