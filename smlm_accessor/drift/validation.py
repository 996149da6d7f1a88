"""What is wrong with a Dataset of transformations."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlm_accessor.table.attributes import SCHEMA_VERSION

AXES = ("x", "y", "z")


def wrong_values(dataset: xr.Dataset, axes: tuple[str, ...]) -> list[str]:
    """Return what is wrong with the values, a line each, if all variables are there.

    Parameters
    ----------
    dataset : Dataset
        Transformations.
    axes : tuple of str
        Its components.
    """
    problems = []
    version = dataset.attrs.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        problems.append(
            f"schema_version is {version} but this smlm_accessor reads {SCHEMA_VERSION}: update it"
        )
    if axes not in (AXES[:2], AXES):
        problems.append(f"components are {axes}; they must be x, y or x, y, z in this order")
    if tuple(str(c) for c in dataset["component_in"].values) != axes:
        problems.append("component_in differs from component")
    start, stop = dataset["frame_start"].values, dataset["frame_stop"].values
    frame, valid = dataset["frame"].values, dataset["valid"].values.astype(bool)
    finite = np.isfinite(frame) & np.isfinite(dataset["offset"].values).all(axis=1)
    finite &= np.isfinite(dataset["matrix"].values).all(axis=(1, 2))
    wrong_chunks = {
        "ends before it starts (frame_stop <= frame_start)": stop <= start,
        "overlaps the one before it": np.append(False, start[1:] < stop[:-1]),
        "has a mean frame that is not one of its frames": (frame < start) | (frame >= stop),
        "is valid but has no finite offset, matrix or frame": valid & ~finite,
    }
    if "segment" in dataset.coords:
        back = np.append(False, np.diff(dataset["segment"].values) < 0)
        wrong_chunks["has a smaller number of its segment than the one before it"] = back
    for what, wrong in wrong_chunks.items():
        if wrong.any():
            problems.append(f"chunk {np.flatnonzero(wrong)[0]} {what}")
    if (dataset["offset_std"].values < 0).any():
        problems.append("offset_std has negative values")
    return problems
