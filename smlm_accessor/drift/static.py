"""Transformations that hold for all frames alike, such as that from one channel to another."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlm_accessor.drift import segments, transformations

KEY = "static"


def is_static(dataset: xr.Dataset) -> bool:
    """Whether frames play no part in the transformation: ``attrs["static"]`` says so."""
    return bool(dataset.attrs.get(KEY, 0))


def with_chunks_of(dataset: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """Return a static transformation as one with the chunks of another, the same in each.

    Examples
    --------
    >>> still = transformations.build(offset=[[-3, 1]], components="xy", frame=[0],
    ...                               frame_start=[0], frame_stop=[1], attrs={"static": 1})
    >>> drift = transformations.build(offset=[[0, 0], [5, 5]], components="xy", frame=[4, 14],
    ...                               frame_start=[0, 10], frame_stop=[10, 20])
    >>> with_chunks_of(still, drift).offset.values
    array([[-3.,  1.],
           [-3.,  1.]])
    """
    k = other.sizes["chunk"]
    repeated = dataset.isel(chunk=np.zeros(k, dtype=np.int64))
    result = transformations.build(
        matrix=repeated["matrix"].values,
        offset=repeated["offset"].values,
        offset_std=repeated["offset_std"].values,
        components=transformations.components(dataset),
        frame=other["frame"].values,
        frame_start=other["frame_start"].values,
        frame_stop=other["frame_stop"].values,
        n_localizations=other["n_localizations"].values,
        valid=repeated["valid"].values,
        quality=repeated["quality"].values,
        center=transformations.center(dataset),
        segment=segments.of_chunks(other),
        attrs=dataset.attrs,
    )
    del result.attrs[KEY]
    return result
