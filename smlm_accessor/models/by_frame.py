"""Values of a model with their labels, by frame and component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.drift import build, center_of, components_of, poses
from smlm_accessor.drift.between_chunks import FrameTransformations
from smlm_accessor.drift.local import local_like, with_local
from smlm_accessor.drift.times import clock_of, counted, timed
from smlm_accessor.errors import OptionError


def as_frames(frames: npt.ArrayLike) -> npt.NDArray[Any]:
    """Return frames as an array of finite numbers, shape (n,), or raise `OptionError`."""
    array = np.atleast_1d(np.asarray(frames))
    if array.ndim != 1 or array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise OptionError(f"frames={frames!r} must be finite numbers, a single one or a list")
    return array


def transformations_by_frame(
    frames: npt.NDArray[Any],
    per_frame: FrameTransformations,
    std: FloatArray,
    described: dict[str, FloatArray],
    *,
    components: Sequence[str],
    center: Sequence[float],
    attrs: dict[str, Any],
    when: str = "frame",
    local_std: FloatArray | None = None,
) -> xr.Dataset:
    """Return ``matrix``, ``offset``, ``offset_std`` and what else is known by frame, or time."""
    matrix, axes = per_frame.matrix, list(components)
    if matrix is None:
        matrix = np.tile(np.eye(len(axes)), (len(frames), 1, 1))
        matrix[np.isnan(per_frame.offset).any(axis=1)] = np.nan
    dataset = xr.Dataset(
        {
            "matrix": ((when, "component", "component_in"), matrix),
            "offset": ((when, "component"), per_frame.offset),
            "offset_std": ((when, "component"), std),
        },
        coords={
            when: frames,
            "component": axes,
            "component_in": axes,
            "center": ("component", np.array(center)),
        },
        attrs=attrs,
    )
    if "length_unit" in attrs:
        for name in ("offset", "offset_std", "center"):
            dataset[name].attrs["units"] = attrs["length_unit"]
    if per_frame.local is not None:
        field, coefficient = per_frame.local
        dataset = with_local(dataset, field, coefficient, local_std, over=when)
    return _with_pose(dataset, described, when)


def chunk_for_each_frame(values: xr.Dataset, segment: IntArray) -> xr.Dataset:
    """Return a Dataset of transformations from values by frame, which are in order.

    Frames are whole, or seconds.
    """
    values = counted(values)
    frames = clock_of(values).counts(values["frame"].values / clock_of(values).per_unit)
    dataset = build(
        matrix=values["matrix"].values,
        offset=values["offset"].values,
        offset_std=values["offset_std"].values,
        frame=frames,
        frame_start=frames,
        frame_stop=frames + 1,
        components=components_of(values),
        center=center_of(values),
        segment=segment,
        attrs=values.attrs,
    )
    stds = {name: values[name].values for name in poses.STDS if name in values}
    return timed(_with_pose(local_like(dataset, values), stds, "chunk"))


def _with_pose(dataset: xr.Dataset, values: dict[str, FloatArray], over: str) -> xr.Dataset:
    """Return a Dataset with rotation, scale, or their standard deviations, by name."""
    if not values:
        return dataset
    turned = poses.rotation_dims(over, dataset.sizes["component"])
    dims = {name: turned if name.startswith("rotation") else (over,) for name in values}
    if len(turned) == 2:
        dataset = dataset.assign_coords(axis=dataset["component"].values)
    return poses.labelled(
        dataset.assign({name: (dims[name], value) for name, value in values.items()})
    )
