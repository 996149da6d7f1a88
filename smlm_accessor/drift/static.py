"""Transformations that hold for all frames alike, such as that from one channel to another."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlm_accessor.drift.dataset import build
from smlm_accessor.drift.segments import segments_of
from smlm_accessor.drift.spec import center_of, components_of
from smlm_accessor.drift.times import TIME_UNIT

KEY = "static"


def is_static(dataset: xr.Dataset) -> bool:
    """Whether frames play no part in the transformation: ``attrs["static"]`` says so."""
    return bool(dataset.attrs.get(KEY, 0))


def with_chunks_of(dataset: xr.Dataset, other: xr.Dataset) -> xr.Dataset:
    """Return a static transformation as one with the chunks of another, the same in each.

    Examples
    --------
    >>> still = build(offset=[[-3, 1]], components="xy", frame=[0],
    ...                               frame_start=[0], frame_stop=[1], attrs={"static": 1})
    >>> drift = build(offset=[[0, 0], [5, 5]], components="xy", frame=[4, 14],
    ...                               frame_start=[0, 10], frame_stop=[10, 20])
    >>> with_chunks_of(still, drift).offset.values
    array([[-3.,  1.],
           [-3.,  1.]])
    """
    k = other.sizes["chunk"]
    repeated = dataset.isel(chunk=np.zeros(k, dtype=np.int64))
    result = build(
        matrix=repeated["matrix"].values,
        offset=repeated["offset"].values,
        offset_std=repeated["offset_std"].values,
        components=components_of(dataset),
        frame=other["frame"].values,
        frame_start=other["frame_start"].values,
        frame_stop=other["frame_stop"].values,
        n_localizations=other["n_localizations"].values,
        valid=repeated["valid"].values,
        quality=repeated["quality"].values,
        center=center_of(dataset),
        segment=segments_of(other),
        attrs=dataset.attrs,
    )
    if TIME_UNIT in other.attrs:
        result.attrs[TIME_UNIT] = other.attrs[TIME_UNIT]
    del result.attrs[KEY]
    return result
