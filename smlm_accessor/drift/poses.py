"""What the sample did, whole: how far it moved, by how much it turned and grew.

Where a matrix corrects, ``corrected = matrix @ position + offset``, the sample did the opposite: it
turned by ``rotation`` and grew by ``exp(log_scale)`` about the centre of the localizations, and the
centre moved by the drift, for a pure shift ``-offset``. So a sample that turns from x to y has a
positive rotation, and a matrix that turns from y to x. This module is the one place that turns
transformations into what the sample did, and back.

A Dataset of transformations may carry ``rotation_std`` and ``log_scale_std``, one standard
deviation of each; that of a model does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift.spec import center_of, components_of
from smlm_accessor.drift.times import in_own_time
from smlm_accessor.drift.validation import require_drift
from smlm_accessor.errors import DriftError

STDS = ("rotation_std", "log_scale_std")
_MEANING = {
    "drift": "how far the sample moved at its centre",
    "drift_std": "one standard deviation of drift",
    "rotation": "by how much the sample turned about its centre, positive from x to y",
    "rotation_std": "one standard deviation of rotation",
    "log_scale": "logarithm of the factor by which the sample grew about its centre",
    "log_scale_std": "one standard deviation of log_scale",
}


def offset_about(matrix: FloatArray, offset: FloatArray, point: FloatArray) -> FloatArray:
    """Return the offset of the same transformation written about a point.

    ``matrix @ p + offset == matrix @ (p - point) + point + offset_about(...)``. Minus this is the
    drift at that point.

    Examples
    --------
    >>> offset_about(2 * np.eye(2), np.zeros(2), np.array([1.0, 5.0]))
    array([1., 5.])
    """
    return np.asarray(offset + (matrix - np.eye(len(point))) @ point)


def offset_from_about(matrix: FloatArray, about: FloatArray, point: FloatArray) -> FloatArray:
    """Undo `offset_about`: return the offset of ``matrix @ p + offset``."""
    return np.asarray(about - (matrix - np.eye(len(point))) @ point)


def drift_of(dataset: xr.Dataset) -> xr.DataArray:
    """Return the drift of the sample at its centre, ``+d``, with dims chunk and component."""
    about = offset_about(dataset["matrix"].values, dataset["offset"].values, center_of(dataset))
    result = dataset["offset"].copy(data=0.0 - about).rename("drift")  # 0 - a: no negative zeros
    result.attrs["long_name"] = "drift"
    return result


def of_matrices(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return by how much the sample turned and grew where matrices, shape (n, d, d), correct it.

    The rotation is the angle from x to y in 2D, (n, 1), the rotation vector in 3D, (n, 3), in
    radians. It goes on beyond half a turn if it changes by less than that from one to the next. NaN
    where the matrix is not a rotation with one scale. The logarithm of the scale has shape (n,).

    Examples
    --------
    >>> rotation, log_scale = of_matrices(np.array([[[0.0, 0.5], [-0.5, 0.0]]]))
    >>> rotation.round(3).tolist(), log_scale.round(3).tolist()
    ([[1.571]], [0.693])
    """
    from smlm_accessor.kernels.geometry import similarity

    rotation, log_scale = similarity.to_rotation(matrix)
    return similarity.unwrapped(0.0 - rotation), 0.0 - log_scale  # 0 - a: no negative zeros


def to_matrices(rotation: FloatArray, log_scale: FloatArray) -> FloatArray:
    """Return the matrices, shape (n, d, d), that correct a sample that turned and grew so."""
    from smlm_accessor.kernels.geometry import similarity

    return similarity.to_matrix(0.0 - rotation, 0.0 - log_scale)


def all_similar(matrix: FloatArray) -> bool:
    """Whether all matrices, shape (n, d, d), turn and scale, but neither shear nor mirror."""
    from smlm_accessor.kernels.geometry import similarity

    return bool(similarity.are_similarities(matrix).all())


def rotation_dims(over: str, n_components: int) -> tuple[str, ...]:
    """Return the dims of rotation: in the plane there is only one axis."""
    return (over,) if n_components == 2 else (over, "axis")


@in_own_time
def pose(dataset: xr.Dataset) -> xr.Dataset:
    """Return what the sample did by chunk: its drift, rotation and scale; see ``drift.smlm.pose``.

    Rotation has shape (chunk,) in 2D and (chunk, axis) in 3D. All is NaN in chunks that are not
    valid.
    """
    require_drift(dataset)
    valid = dataset["valid"].values.astype(bool)
    matrix = np.where(valid[:, None, None], dataset["matrix"].values, np.nan).astype(np.float64)
    rotation, log_scale = of_matrices(matrix)
    other = valid & np.isnan(log_scale)
    if other.any():
        raise DriftError(
            f"The matrix of chunk {np.flatnonzero(other)[0]} is not a rotation with one scale: it "
            "shears, mirrors, or scales axes differently. See its entries: drift.matrix, "
            "drift.smlm.plot(quantity='matrix'), drift.smlm.fit(matrix='spline')"
        )
    axes = components_of(dataset)
    turned = rotation_dims("chunk", len(axes))
    by_component = ("chunk", "component")
    values: dict[str, tuple[tuple[str, ...], FloatArray]] = {
        "drift": (by_component, np.where(valid[:, None], drift_of(dataset).values, np.nan)),
        "drift_std": (by_component, np.where(valid[:, None], dataset["offset_std"].values, np.nan)),
        "rotation": (turned, rotation if len(turned) == 2 else rotation[:, 0]),
        "rotation_std": (turned, std_of(dataset, "rotation_std")),
        "log_scale": (("chunk",), log_scale),
        "log_scale_std": (("chunk",), std_of(dataset, "log_scale_std")),
    }
    kept = ("chunk", "component", "frame", "frame_start", "frame_stop")
    coords: dict[str, Any] = {name: dataset[name] for name in kept}
    coords["center"] = ("component", center_of(dataset))
    if len(turned) == 2:
        coords["axis"] = list(axes)
    return labelled(xr.Dataset(values, coords, dataset.attrs))


def labelled(dataset: xr.Dataset) -> xr.Dataset:
    """Write units and meanings beside rotation, scale and drift; the Dataset itself is changed."""
    unit = dataset.attrs.get("length_unit")
    for name in _MEANING.keys() & dataset.keys():
        dataset[name].attrs["long_name"] = _MEANING[name]
        if name.startswith("rotation"):
            dataset[name].attrs["units"] = "rad"
        elif name.startswith("drift") and unit:
            dataset[name].attrs["units"] = unit
    return dataset


def std_of(dataset: xr.Dataset, name: str) -> FloatArray:
    """Return a std of `STDS` that transformations carry; NaN if they do not, or of other axes."""
    n, d = dataset.sizes["chunk"], dataset.sizes["component"]
    dims = rotation_dims("chunk", d) if name == "rotation_std" else ("chunk",)
    shape = (n, d) if len(dims) == 2 else (n,)
    if name in dataset and dataset[name].dims == dims and dataset[name].shape == shape:
        return np.array(dataset[name].values, dtype=np.float64)
    return np.full(shape, np.nan)


def with_std(dataset: xr.Dataset, pose_std: Mapping[str, FloatArray]) -> xr.Dataset:
    """Return a Dataset with standard deviations of `STDS`, by chunk."""
    turned = rotation_dims("chunk", dataset.sizes["component"])
    dims = {"rotation_std": turned, "log_scale_std": ("chunk",)}
    added = dataset.assign({name: (dims[name], std) for name, std in pose_std.items()})
    if pose_std and len(turned) == 2:
        added = added.assign_coords(axis=list(components_of(dataset)))
    return labelled(added)


def with_std_of_both(result: xr.Dataset, first: xr.Dataset, second: xr.Dataset) -> xr.Dataset:
    """Return a Dataset with the standard deviations of two rotations, small ones, in turn."""
    both = {
        name: first[name].copy(data=np.hypot(std_of(first, name), std_of(second, name)))
        for name in STDS
        if name in first and name in second
    }
    return result.drop_vars(STDS, errors="ignore").assign(both)
