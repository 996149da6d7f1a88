"""The Dataset of transformations: what is in it, how it is built, and how it is checked.

A transformation registers the localizations of a chunk: ``corrected = matrix @ position + offset``.
The drift is what the sample did, ``+d``; for a pure shift ``offset = -d``. This module is the one
place that turns one into the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift.validation import wrong_values
from smlm_accessor.errors import DriftError, listing
from smlm_accessor.table.attributes import plain_attrs

_DIMS: dict[str, tuple[str, ...]] = {
    "matrix": ("chunk", "component", "component_in"),
    "offset": ("chunk", "component"),
    "offset_std": ("chunk", "component"),
    "n_localizations": ("chunk",),
    "valid": ("chunk",),
    "quality": ("chunk",),
    "frame": ("chunk",),
    "frame_start": ("chunk",),
    "frame_stop": ("chunk",),
    "component": ("component",),
    "component_in": ("component_in",),
}
_MEANING = {
    "matrix": "corrected = matrix @ position + offset",
    "offset": "corrected = matrix @ position + offset; a sample that moved by +d has offset -d",
    "offset_std": "one standard deviation of the offset at the centre, but for a constant",
    "n_localizations": "localizations in the chunk",
    "valid": "False where the chunk could not be registered",
    "quality": "higher is better",
    "frame": "mean frame of the chunk's localizations",
    "frame_start": "first frame of the chunk",
    "frame_stop": "first frame after the chunk",
    "segment": "changes where the sample jumps",
}


def build(
    *,
    offset: npt.ArrayLike,
    components: Sequence[str],
    frame: npt.ArrayLike,
    frame_start: npt.ArrayLike,
    frame_stop: npt.ArrayLike,
    matrix: npt.ArrayLike | None = None,
    offset_std: npt.ArrayLike | None = None,
    n_localizations: npt.ArrayLike | None = None,
    valid: npt.ArrayLike | None = None,
    quality: npt.ArrayLike | None = None,
    center: npt.ArrayLike | None = None,
    segment: npt.ArrayLike | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Build the Dataset of transformations.

    Parameters
    ----------
    offset : array_like, shape (chunks, components)
        In the length unit of the table.
    components : sequence of str
        ``("x", "y")`` or ``("x", "y", "z")``.
    frame, frame_start, frame_stop : array_like, shape (chunks,)
        Mean frame, first frame and first frame after each chunk.
    matrix : array_like, shape (chunks, components, components), optional
        Identity if not given.
    offset_std : array_like, shape (chunks, components), optional
        One standard deviation of the offset at the centre, but for the constant that no method can
        know: the difference of two chunks has the variance of both. NaN if not given.
    n_localizations, valid, quality : array_like, shape (chunks,), optional
        0, finite offset, and NaN if not given.
    center : array_like, shape (components,), optional
        Middle of the localizations: the point about which matrices are modelled. 0 if not given.
    segment : array_like, shape (chunks,), optional
        Changes from one chunk to the next if the sample jumps there; all 0 if not given.
    attrs : mapping, optional
        Strings and numbers are kept as they are; the mapping under ``"parameters"`` is stored as
        JSON, so that every file format takes it.

    Returns
    -------
    xarray.Dataset

    Examples
    --------
    >>> drift = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[4.5, 14.5],
    ...               frame_start=[0, 10], frame_stop=[10, 20])
    >>> drift.offset.sel(chunk=1, component="x").item()
    -3.0
    """
    shift = np.array(offset, dtype=np.float64)
    n_chunks, d = shift.shape
    axes = np.array([str(c) for c in components], dtype=object)  # zarr warns of fixed length
    full_matrix = np.broadcast_to(np.eye(d), (n_chunks, d, d)) if matrix is None else matrix
    values: dict[str, npt.NDArray[Any]] = {
        "matrix": np.array(full_matrix, dtype=np.float64),
        "offset": shift,
        "offset_std": _or_full(offset_std, shift.shape, np.nan),
        "n_localizations": np.array(
            np.zeros(n_chunks) if n_localizations is None else n_localizations, dtype=np.int64
        ),
        "valid": np.array(np.isfinite(shift).all(axis=1) if valid is None else valid, dtype=bool),
        "quality": _or_full(quality, (n_chunks,), np.nan),
    }
    coords: dict[str, Any] = {
        "chunk": np.arange(n_chunks),
        "component": axes,
        "component_in": axes,
        "frame": ("chunk", np.array(frame, dtype=np.float64)),
        "frame_start": ("chunk", np.array(frame_start, dtype=np.int64)),
        "frame_stop": ("chunk", np.array(frame_stop, dtype=np.int64)),
        "center": ("component", _or_full(center, (d,), 0.0)),
        "segment": ("chunk", np.full(n_chunks, 0 if segment is None else segment, np.int64)),
    }
    dataset = xr.Dataset(
        {name: (_DIMS[name], value) for name, value in values.items()},
        coords=coords,
        attrs=plain_attrs(attrs or {}),
    )
    for name, meaning in _MEANING.items():
        dataset[name].attrs["long_name"] = meaning
    unit = dataset.attrs.get("length_unit")
    if unit:
        for name in ("offset", "offset_std", "center"):
            dataset[name].attrs["units"] = unit
    return dataset


def components(dataset: xr.Dataset) -> tuple[str, ...]:
    """Return the names of the axes."""
    return tuple(str(c) for c in dataset["component"].values)


def center(dataset: xr.Dataset) -> FloatArray:
    """Return the point about which matrices are modelled, shape (components,), 0 if not named."""
    if "center" in dataset.coords:
        return np.asarray(dataset["center"].values, dtype=np.float64)
    return np.zeros(dataset.sizes["component"])


def is_shift_only(dataset: xr.Dataset) -> bool:
    """Whether every matrix of a valid chunk is the identity."""
    matrix = dataset["matrix"].values[dataset["valid"].values.astype(bool)]
    return bool((matrix == np.eye(matrix.shape[-1])).all())


def offset_about(matrix: FloatArray, offset: FloatArray, point: FloatArray) -> FloatArray:
    """Return the offset of the same transformation written about a point.

    ``matrix @ p + offset == matrix @ (p - point) + point + offset_about(...)``. Minus this is the
    drift at that point.

    Parameters
    ----------
    matrix : ndarray, shape (..., d, d)
    offset : ndarray, shape (..., d)
    point : ndarray, shape (d,)

    Examples
    --------
    >>> offset_about(2 * np.eye(2), np.zeros(2), np.array([1.0, 5.0]))
    array([1., 5.])
    """
    return np.asarray(offset + (matrix - np.eye(len(point))) @ point)


def offset_from_about(matrix: FloatArray, about: FloatArray, point: FloatArray) -> FloatArray:
    """Undo `offset_about`: return the offset of ``matrix @ p + offset``."""
    return np.asarray(about - (matrix - np.eye(len(point))) @ point)


def drift(dataset: xr.Dataset) -> xr.DataArray:
    """Return the drift of the sample at its centre, ``+d``, with dims chunk and component."""
    about = offset_about(dataset["matrix"].values, dataset["offset"].values, center(dataset))
    result = dataset["offset"].copy(data=0.0 - about).rename("drift")  # 0 - a: no negative zeros
    result.attrs["long_name"] = "drift"
    return result


def check(dataset: xr.Dataset) -> None:
    """Raise if a Dataset does not hold transformations, and say all that is wrong with it.

    Raises
    ------
    DriftError
        One line for each problem.

    Examples
    --------
    >>> import xarray as xr
    >>> check(xr.Dataset())
    Traceback (most recent call last):
    smlm_accessor.errors.DriftError: ...
    """
    missing = [name for name in _DIMS if name not in dataset.variables]
    problems = [f"variable {name!r} is missing" for name in missing]
    for name, dims in _DIMS.items():
        if name not in missing and dataset[name].dims != dims:
            problems.append(f"{name!r} has dims {dataset[name].dims}; it needs {dims}")
    if not problems:
        problems = wrong_values(dataset, components(dataset))
    if problems:
        raise DriftError(
            "This Dataset does not hold drift: "
            + listing(problems)
            + "\nUse a Dataset from table.smlm.drift(...), or build one with "
            "smlm_accessor.drift.transformations.build(...)."
        )


def _or_full(value: npt.ArrayLike | None, shape: tuple[int, ...], fill: float) -> FloatArray:
    if value is None:
        return np.full(shape, fill, dtype=np.float64)
    return np.array(np.broadcast_to(value, shape), dtype=np.float64)
