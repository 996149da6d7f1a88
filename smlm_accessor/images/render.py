"""Images of localizations: histograms of x and y as labelled arrays, free of any plotting."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.backends import Source, is_partitioned, source_of
from smlm_accessor.errors import OptionError
from smlm_accessor.images.bins import MAX_BINS, MAX_BINS_OF_DASK, BinRange, Ranges, make_bins
from smlm_accessor.images.counting import CountedImage, Weighted, count_images, table_extent
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
    """Render localizations as an image: a histogram of x and y; see ``table.smlm.render``."""
    check_rescale(rescale)
    source = source_of(table)
    columns = replace(
        find_columns(source.example), uncertainty_x=None, uncertainty_y=None, uncertainty_z=None
    )
    only = selection(source.example, other_property, columns=columns)
    values_of = partial(_values, other_property=other_property)
    values_of(source.example)  # a wrong property is an error here
    ranges = None
    if bin_range is None:
        ranges = _known_range(source, columns) if is_partitioned(table) else None
        if ranges is None:
            extent = source.result(table_extent(source, values_of, only=only))
            ends = list(zip(extent.lower.tolist(), extent.upper.tolist(), strict=True))
            ranges = ends[:2] if extent.n_located else None
    most = MAX_BINS_OF_DASK if is_partitioned(table) else MAX_BINS
    grid = make_bins(ranges, bin_size, bin_range, most)
    weighted = partial(_weighted, other_property=other_property)
    counted = count_images(source, [grid], weighted, only=only)
    image = source.call(_image, counted, other_property is not None, rescale)

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
        (total,) = source.result(counted)
        n_located, n_inside = total.n_positions, int(total.counts.sum())
        known = {
            "n_localizations": n_inside,
            "n_outside": n_located - n_inside,
            "n_left_out": len(table) - n_located,
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


def _known_range(source: Source, columns: Columns) -> Ranges | None:
    """Return the range of x and of y as far as it is known without reading rows."""
    ranges = []
    for component in ("x", "y"):
        known = source.range_of(columns.positions[component])
        if known is None or not np.isfinite(known).all():
            return None
        scale = columns.scale(component)
        ranges.append((known[0] * scale, known[1] * scale))
    return ranges


def _values(block: pd.DataFrame, *, other_property: Hashable | None) -> FloatArray:
    """Return x and y, and the property if there is one, of the rows in which they are finite."""
    locs = read_localizations(block, need_frames=False)
    values = locs.positions[:, :2]
    if other_property is not None:
        values = np.column_stack([values, _property(block, other_property, locs)])
    return np.asarray(values[np.isfinite(values).all(axis=1)])


def _weighted(block: pd.DataFrame, *, other_property: Hashable | None) -> list[Weighted]:
    values = _values(block, other_property=other_property)
    return [(values[:, :2], values[:, 2:].T)]


def _image(counted: list[CountedImage], is_mean: bool, rescale: Rescale | None) -> Image:
    counts = counted[0].counts
    image: Image = counts
    if is_mean:
        nothing = np.full(counts.shape, np.nan)
        image = np.divide(counted[0].sums[0], counts, out=nothing, where=counts > 0)
    return image if rescale is None else rescaled(image, counts > 0, rescale)


def _property(table: pd.DataFrame, name: Hashable, locs: Localizations) -> FloatArray:
    known: dict[str, Any] = dict(zip(locs.components, locs.positions.T, strict=True))
    if locs.columns.when is not None:
        known[locs.clock.name] = locs.clock.values(locs.frames)
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
