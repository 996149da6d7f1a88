"""Images of localizations: histograms of x and y as labelled arrays, free of any plotting."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.backends import Source, is_partitioned, source_of
from smlm_accessor.errors import OptionError
from smlm_accessor.images.bins import (
    MAX_BINS,
    MAX_BINS_OF_DASK,
    BinRange,
    Grid,
    Ranges,
    bins_of,
    make_bins,
)
from smlm_accessor.images.rescale import RESCALED, Image, Rescale, check_rescale, rescaled
from smlm_accessor.table.columns import Columns, find_columns, selection
from smlm_accessor.table.localizations import Localizations, read_localizations


def render(
    table: pd.DataFrame,
    *,
    bin_size: float | None = None,
    bin_range: BinRange | None = None,
    rescale: Rescale | None = None,
    other_property: Hashable | None = None,
) -> xr.DataArray:
    """Render localizations as an image; see ``table.smlm.render``.

    Bin ``i`` along x holds ``x0 + i * bin_size <= x < x0 + (i + 1) * bin_size``, so images of
    neighbouring ranges add up without counting anything twice.
    """
    check_rescale(rescale)
    source = source_of(table)
    columns = replace(
        find_columns(source.example), uncertainty_x=None, uncertainty_y=None, uncertainty_z=None
    )
    only = selection(source.example, other_property, columns=columns)
    points_of = partial(_points, other_property=other_property)
    points_of(source.example)  # a wrong property is an error here
    ranges = None
    if bin_range is None:
        ranges = known_range(source, columns) if is_partitioned(table) else None
        if ranges is None:
            ranges = source.result(source.reduce(partial(_range, points_of), _widest, only=only))
    most = MAX_BINS_OF_DASK if is_partitioned(table) else MAX_BINS
    grid = make_bins(ranges, bin_size, bin_range, most)
    counted = source.reduce(partial(_count, points_of, grid), _added, only=only)
    image = source.call(_image, counted, grid, other_property is not None, rescale)

    label = "localizations per bin" if other_property is None else f"mean {other_property}"
    if rescale is not None:
        label += f", {RESCALED.get(str(rescale), f'percentiles {rescale}')}"
    unit = columns.length_unit
    units = {} if unit is None else {"units": unit}
    coords = {
        axis: (axis, 0.5 * (edges[:-1] + edges[1:]), {"long_name": axis, **units})
        for axis, edges in zip("yx", (grid.edges_y, grid.edges_x), strict=True)
    }
    known = {}
    if not is_partitioned(table):
        total = source.result(counted)
        known = {
            "n_localizations": total.n_inside,
            "n_outside": total.n_points - total.n_inside,
            "n_left_out": len(table) - total.n_points,
        }
    is_count = other_property is None and rescale is None
    return xr.DataArray(
        source.as_array(image, grid.shape, np.int64 if is_count else np.float64),
        dims=("y", "x"),
        coords=coords,
        name="localizations" if other_property is None else str(other_property),
        attrs={
            "long_name": label,
            "bin_size": grid.bin_size,
            **({} if unit is None else {"length_unit": unit}),
            "rescale": str(rescale).lower(),
            **known,
        },
    )


class Counted(NamedTuple):
    """Localizations, and the sum of a property, in each bin; and how many points there were."""

    counts: IntArray
    sums: FloatArray | None
    n_inside: int
    n_points: int


def known_range(source: Source, columns: Columns) -> Ranges | None:
    """Return the range of x and of y as far as it is known without reading rows."""
    ranges = []
    for component in ("x", "y"):
        known = source.range_of(columns.positions[component])
        if known is None or not np.isfinite(known).all():
            return None
        scale = columns.scale(component)
        ranges.append((known[0] * scale, known[1] * scale))
    return ranges


def _points(table: pd.DataFrame, *, other_property: Hashable | None) -> FloatArray:
    """Return finite x and y, and the property if there is one, by row."""
    locs = read_localizations(table, need_frames=False)
    points = locs.positions[:, :2]
    if other_property is not None:
        points = np.column_stack([points, _property(table, other_property, locs)])
    return np.asarray(points[np.isfinite(points).all(axis=1)])


def _range(points_of: Callable[[pd.DataFrame], FloatArray], part: pd.DataFrame) -> Ranges | None:
    xy = points_of(part)[:, :2]
    if not len(xy):
        return None
    return list(zip(xy.min(axis=0).tolist(), xy.max(axis=0).tolist(), strict=True))


def _widest(parts: Sequence[Ranges | None]) -> Ranges | None:
    several = [part for part in parts if part is not None]
    if not several:
        return None
    return [
        (min(low for low, _ in axis), max(high for _, high in axis))
        for axis in zip(*several, strict=True)
    ]


def _count(
    points_of: Callable[[pd.DataFrame], FloatArray], grid: Grid, part: pd.DataFrame
) -> Counted:
    points, (size, edges_x, edges_y) = points_of(part), grid
    column, inside_x = bins_of(points[:, 0], edges_x, size)
    row, inside = bins_of(points[:, 1], edges_y, size)
    inside &= inside_x
    flat = (row * grid.shape[1] + column)[inside]
    counts = np.bincount(flat, minlength=math.prod(grid.shape))
    sums: FloatArray | None = None
    if points.shape[1] > 2:
        sums = np.bincount(flat, weights=points[inside, 2], minlength=counts.size).astype(float)
    return Counted(counts, sums, len(flat), len(points))


def _added(parts: Sequence[Counted]) -> Counted:
    sums = [part.sums for part in parts if part.sums is not None]
    return Counted(
        reduce(np.add, [part.counts for part in parts]),
        reduce(np.add, sums) if sums else None,
        sum(part.n_inside for part in parts),
        sum(part.n_points for part in parts),
    )


def _image(counted: Counted, grid: Grid, is_mean: bool, rescale: Rescale | None) -> Image:
    counts = counted.counts
    image: Image = counts
    if is_mean:
        assert counted.sums is not None
        nothing = np.full(counts.size, np.nan)
        image = np.divide(counted.sums, counts, out=nothing, where=counts > 0)
    if rescale is not None:
        image = rescaled(image, counts > 0, rescale)
    return image.reshape(grid.shape)


def _property(table: pd.DataFrame, name: Hashable, locs: Localizations) -> FloatArray:
    known: dict[str, Any] = dict(zip(locs.components, locs.positions.T, strict=True))
    if locs.columns.frame is not None:
        known["frame"] = locs.frames
    column: Any = table[name] if name in table.columns else None
    if column is None and name in known:
        column = pd.Series(known[str(name)])
    elif column is None and name in table.index.names:
        column = table.index.get_level_values(name).to_series()  # type: ignore[arg-type]
    types = pd.api.types
    if column is None or column.ndim > 1 or not types.is_any_real_numeric_dtype(column.dtype):
        names = ", ".join(map(repr, table.select_dtypes("number").columns))
        raise OptionError(f"other_property={name!r} is not a column of numbers; take {names}")
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))
