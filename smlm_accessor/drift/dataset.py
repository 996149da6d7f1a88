"""Build the Dataset of transformations from arrays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.drift.spec import LENGTHS, VARIABLES, of_numpy
from smlm_accessor.drift.times import TIME_UNIT, timed
from smlm_accessor.errors import OptionError
from smlm_accessor.table.attributes import plain_attrs
from smlm_accessor.table.clock import SECONDS


def build(
    *,
    offset: npt.ArrayLike,
    components: Sequence[str],
    frame: npt.ArrayLike | None = None,
    frame_start: npt.ArrayLike | None = None,
    frame_stop: npt.ArrayLike | None = None,
    time: npt.ArrayLike | None = None,
    time_start: npt.ArrayLike | None = None,
    time_stop: npt.ArrayLike | None = None,
    matrix: npt.ArrayLike | None = None,
    offset_std: npt.ArrayLike | None = None,
    n_localizations: npt.ArrayLike | None = None,
    valid: npt.ArrayLike | None = None,
    quality: npt.ArrayLike | None = None,
    center: npt.ArrayLike | None = None,
    segment: npt.ArrayLike | None = None,
    attrs: Mapping[str, Any] | None = None,
) -> xr.Dataset:
    """Build the Dataset of transformations; see `smlm_accessor.drift.spec` for all that is in it.

    Parameters
    ----------
    offset : array_like, shape (chunks, components)
        In the length unit of the table.
    components : sequence of str
        ``("x", "y")`` or ``("x", "y", "z")``.
    frame, frame_start, frame_stop : array_like, shape (chunks,)
    time, time_start, time_stop : array_like, shape (chunks,)
        Instead of these, in seconds.
    matrix : array_like, shape (chunks, components, components), optional
        Identity if not given.
    offset_std : array_like, shape (chunks, components), optional
        One standard deviation of the offset at the centre, but for the constant that no method can
        know: the difference of two chunks has the variance of both. NaN if not given.
    n_localizations, valid, quality : array_like, shape (chunks,), optional
        0, finite offset, and NaN if not given.
    center : array_like, shape (components,), optional
        The point about which matrices are modelled. 0 if not given.
    segment : array_like, shape (chunks,), optional
        Changes from one chunk to the next if the sample jumps there; all 0 if not given.
    attrs : mapping, optional
        Strings and numbers are kept as they are; the mapping under ``"parameters"`` is stored as
        JSON, so that every file format takes it.

    Returns
    -------
    Dataset
        What `drift` gives, with ``drift.smlm``.

    Raises
    ------
    OptionError
        If neither frames nor times are given, or both.

    Examples
    --------
    >>> drift = build(offset=[[0, 0], [-3, 1]], components="xy", frame=[4.5, 14.5],
    ...               frame_start=[0, 10], frame_stop=[10, 20])
    >>> drift.offset.sel(chunk=1, component="x").item()
    -3.0
    """
    of_time = (time, time_start, time_stop)
    if (frame is None) == (time is None):
        raise OptionError("give frame, frame_start and frame_stop, or time, time_start, time_stop")
    if time is not None:
        frame = np.asarray(time, dtype=np.float64) * SECONDS.per_unit
        frame_start, frame_stop = (SECONDS.counts(at) for at in of_time[1:] if at is not None)
        attrs = {**(attrs or {}), TIME_UNIT: SECONDS.unit}
    shift = np.array(offset, dtype=np.float64)
    n_chunks, d = shift.shape
    # An object each: zarr warns of strings of fixed length.
    axes = pd.Index([str(c) for c in components], dtype=object)
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
    coords: dict[str, npt.NDArray[Any]] = {
        "frame": np.array(frame, dtype=np.float64),
        "frame_start": np.array(frame_start, dtype=np.int64),
        "frame_stop": np.array(frame_stop, dtype=np.int64),
        "center": _or_full(center, (d,), 0.0),
        "segment": np.full(n_chunks, 0 if segment is None else segment, np.int64),
    }
    dataset = xr.Dataset(
        {name: of_numpy(VARIABLES[name].dims, value) for name, value in values.items()},
        coords={"component": axes, "component_in": axes}
        | {name: of_numpy(VARIABLES[name].dims, value) for name, value in coords.items()},
        attrs=plain_attrs(attrs or {}),
    ).assign_coords(chunk=pd.Index(np.arange(n_chunks)))
    unit = dataset.attrs.get("length_unit")
    for name, variable in VARIABLES.items():
        said = dataset.variables[name].attrs
        if variable.meaning:
            said["long_name"] = variable.meaning
        if unit and name in LENGTHS:
            said["units"] = unit
    return dataset if time is None else timed(dataset)


def _or_full(value: npt.ArrayLike | None, shape: tuple[int, ...], fill: float) -> FloatArray:
    if value is None:
        return np.full(shape, fill, dtype=np.float64)
    return np.array(np.broadcast_to(value, shape), dtype=np.float64)
