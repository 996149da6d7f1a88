"""Transformations of several tables in one Dataset: ``table`` is a dimension.

Tables that were only moved have one transformation each, with ``table`` instead of ``chunk``. With
the drift within each, there are both dimensions; chunks are filled up with ones that are not valid
and have no localizations. Either way ``dataset.sel(table=...)`` is what corrects that table.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from smlm_accessor.drift.spec import VARIABLES
from smlm_accessor.errors import DriftError

#: Second dim of ``covariance``, shape (component, table, table_in): of the shifts of two tables.
COVARIANCE_DIM = "table_in"


def stacked(datasets: Sequence[xr.Dataset], names: npt.ArrayLike) -> xr.Dataset:
    """Return several Datasets of transformations as one; attrs are those of the first.

    Examples
    --------
    >>> from smlm_accessor.drift import build
    >>> one, other = (build(offset=[[x, 0]], components="xy", frame=[0], frame_start=[0],
    ...                     frame_stop=[1], attrs={"static": 1}) for x in (3, 5))
    >>> both = stacked([one, other], ["red", "green"])
    >>> both.offset.dims, both.sel(table="green").offset.values
    (('table', 'component'), array([5., 0.]))
    """
    n = max(dataset.sizes["chunk"] for dataset in datasets)
    filled = [_filled(dataset, n) for dataset in datasets]
    labels = xr.DataArray(np.asarray(names), dims="table", name="table")
    by_chunk = [name for name, variable in VARIABLES.items() if "chunk" in variable.dims]
    of_table = [name for name in (*by_chunk, "center") if name in filled[0].coords]
    both = xr.concat(
        *(filled, labels),
        data_vars="all",
        coords=of_table,
        compat="equals",
        join="exact",
        combine_attrs="override",
    )
    return both.isel(chunk=0, drop=True) if n == 1 else both


def one_table(dataset: xr.Dataset) -> xr.Dataset:
    """Return a Dataset with chunks of what was selected for one table; any other as it is.

    Raises
    ------
    DriftError
        If there are several tables in it.
    """
    if "table" not in dataset.coords and "table" not in dataset.dims:
        return dataset
    if dataset.sizes.get("table", 1) != 1:
        names = ", ".join(repr(str(name)) for name in dataset["table"].values[:3])
        raise DriftError(
            f"This Dataset holds the transformations of {dataset.sizes['table']} tables ({names} "
            "...). Choose one: dataset.sel(table=...)"
        )
    one = dataset.isel(table=0) if "table" in dataset.dims else dataset
    one = one.drop_vars("table", errors="ignore").drop_dims(COVARIANCE_DIM, errors="ignore")
    if "chunk" not in one.dims:
        of_chunk = [n for n, v in VARIABLES.items() if "chunk" in v.dims and n in one.variables]
        coords = [name for name in of_chunk if name in one.coords]
        one = one.reset_coords(coords)
        for name in of_chunk:
            one[name] = one[name].expand_dims(chunk=1)
        return one.set_coords(coords).assign_coords(chunk=[0])
    filled = (one["n_localizations"].values == 0) & ~one["valid"].values.astype(bool)
    last = int(np.flatnonzero(~filled)[-1]) if (~filled).any() else 0
    return one.isel(chunk=slice(0, last + 1))


def tables_of(dataset: xr.Dataset) -> list[xr.Dataset]:
    """Return the Dataset of each table, or the only one."""
    if "table" not in dataset.dims:
        return [one_table(dataset)]
    return [one_table(dataset.isel(table=k)) for k in range(dataset.sizes["table"])]


def held_for(dataset: xr.Dataset) -> xr.Dataset:
    """Return what the verbs of a Dataset work on: with chunks, if it is that of one table."""
    return one_table(dataset) if dataset.sizes.get("table", 1) == 1 else dataset


def _filled(dataset: xr.Dataset, n: int) -> xr.Dataset:
    """Return a Dataset with ``n`` chunks; those that are added come last and are not valid."""
    more = n - dataset.sizes["chunk"]
    if not more:
        return dataset
    last = dataset.isel(chunk=np.full(more, -1)).copy(deep=True)
    start = int(dataset["frame_stop"].values[-1]) + np.arange(more)
    for name in ("offset", "offset_std", "quality"):
        last[name] = last[name].copy(data=np.full(last[name].shape, np.nan))
    last = last.assign(
        valid=("chunk", np.zeros(more, dtype=bool)),
        n_localizations=("chunk", np.zeros(more, dtype=np.int64)),
    ).assign_coords(
        frame_start=("chunk", start),
        frame_stop=("chunk", start + 1),
        frame=("chunk", start.astype(np.float64)),
        chunk=np.arange(n - more, n),
    )
    return xr.concat(
        *([dataset, last], "chunk"),
        data_vars="minimal",
        coords="minimal",
        compat="override",
        join="exact",
        combine_attrs="override",
    )
