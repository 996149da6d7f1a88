"""Whether a Dataset holds transformations, and all that is wrong if not."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor.drift.by_table import one_table
from smlm_accessor.drift.local import problems_of_local
from smlm_accessor.drift.spec import COMPONENTS, REQUIRED, components_of
from smlm_accessor.drift.times import clock_of, counted, has_times, spelled
from smlm_accessor.errors import DriftError, listing
from smlm_accessor.table.attributes import SCHEMA_VERSION


def require_drift(value: Any, usage: str = "table.smlm.correct(drift)") -> xr.Dataset:
    """Return what holds drift, by counts of its clock, or raise and say all that is wrong with it.

    The message has one line for each problem; ``usage`` is a line of code in which ``drift`` is
    right.

    Examples
    --------
    >>> require_drift(xr.Dataset())
    Traceback (most recent call last):
    smlm_accessor.errors.DriftError: ...
    """
    if not isinstance(value, xr.Dataset):
        raise DriftError(
            f"Give a drift or a model, not a {type(value).__name__}: "
            f"drift = table.smlm.drift(...); {usage}"
        )
    dataset = one_table(value)
    problems = problems_of(dataset)
    if problems:
        raise DriftError(
            "This Dataset does not hold drift: "
            + listing(problems)
            + "\nUse a Dataset from table.smlm.drift(...), or build one with "
            "smlm_accessor.drift.build(...)."
        )
    return counted(dataset)


def problems_of(dataset: xr.Dataset) -> list[str]:
    """Return what is wrong with a Dataset of transformations, a line each.

    Its values are looked at if all variables are there.
    """
    required = {spelled(dataset, name): variable for name, variable in REQUIRED.items()}
    missing = [name for name in required if name not in dataset.variables]
    problems = [f"variable {name!r} is missing" for name in missing]
    for name, variable in required.items():
        if name not in missing and dataset[name].dims != variable.dims:
            problems.append(f"{name!r} has dims {dataset[name].dims}; it needs {variable.dims}")
    return problems or _wrong_times(dataset) or _wrong_values(counted(dataset))


def _wrong_times(dataset: xr.Dataset) -> list[str]:
    """Return whether times are no numbers; what they have to be as counts is told by these."""
    names = [spelled(dataset, name) for name in ("frame_start", "frame_stop")]
    if not has_times(dataset):
        return []
    return [f"{name!r} is not finite" for name in names if not np.isfinite(dataset[name]).all()]


def _wrong_values(dataset: xr.Dataset) -> list[str]:
    problems = []
    axes = components_of(dataset)
    version = dataset.attrs.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        problems.append(
            f"schema_version is {version} but this smlm_accessor reads {SCHEMA_VERSION}: update it"
        )
    if axes not in (COMPONENTS[:2], COMPONENTS):
        problems.append(f"components are {axes}; they must be x, y or x, y, z in this order")
    if tuple(str(c) for c in dataset["component_in"].values) != axes:
        problems.append("component_in differs from component")
    when = clock_of(dataset).name
    start, stop = dataset["frame_start"].values, dataset["frame_stop"].values
    frame, valid = dataset["frame"].values, dataset["valid"].values.astype(bool)
    finite = np.isfinite(frame) & np.isfinite(dataset["offset"].values).all(axis=1)
    finite &= np.isfinite(dataset["matrix"].values).all(axis=(1, 2))
    wrong_chunks = {
        f"ends before it starts ({when}_stop <= {when}_start)": stop <= start,
        "overlaps the one before it": np.append(False, start[1:] < stop[:-1]),
        f"has a mean {when} that is not one of its {when}s": (frame < start) | (frame >= stop),
        f"is valid but has no finite offset, matrix or {when}": valid & ~finite,
    }
    if "segment" in dataset.coords:
        back = np.append(False, np.diff(dataset["segment"].values) < 0)
        wrong_chunks["has a smaller number of its segment than the one before it"] = back
    for what, wrong in wrong_chunks.items():
        if wrong.any():
            problems.append(f"chunk {np.flatnonzero(wrong)[0]} {what}")
    if (dataset["offset_std"].values < 0).any():
        problems.append("offset_std has negative values")
    return problems + problems_of_local(dataset)
