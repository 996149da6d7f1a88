"""Images of localizations: histograms of x and y as labelled arrays, free of any plotting."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from smlm_accessor._typing import BoolArray, FloatArray, IntArray
from smlm_accessor.errors import OptionError, TableError
from smlm_accessor.table import Localizations, read_localizations

MAX_BINS = 200_000_000  # 1.6 GB of counts
BINS_ACROSS = 1024  # at most, if no bin_size is given

Image = npt.NDArray[Any]
BinRange = tuple[tuple[float, float], tuple[float, float]]
Rescale = str | tuple[float, float]

_RESCALED = {"equal": "equalized", "log": "log scale", "unity": "scaled to 0–1"}


def render(
    table: pd.DataFrame,
    *,
    bin_size: float | None = None,
    bin_range: BinRange | None = None,
    rescale: Rescale | None = None,
    other_property: Hashable | None = None,
) -> xr.DataArray:
    """Render localizations as an image: a two-dimensional histogram of x and y.

    Bin ``i`` along x holds ``x0 + i * bin_size <= x < x0 + (i + 1) * bin_size``, so images of
    neighbouring ranges add up without counting anything twice. Three-dimensional tables are
    projected along z.

    Parameters
    ----------
    table : DataFrame
    bin_size : float, optional
        Side of the square bins, in the length unit of the table. By default the smallest of 1, 2, 5
        times a power of ten that gives no more than about 1000 bins across.
    bin_range : ((x0, x1), (y0, y1)), optional
        What to show; the last bin ends at or just beyond x1. By default all localizations, with
        edges at multiples of `bin_size`, so that images of the same bin size lie on one grid.
    rescale : None, "equal", "log", "unity" or (low, high)
        How values become brightness between 0 and 1. ``"equal"``: histogram equalization over
        the occupied bins (`skimage.exposure.equalize_hist`). ``"unity"``: linear from 0 (a
        property: from its smallest value) to the largest. ``"log"``: the same with the logarithm
        of one plus the value. Two percentiles of the occupied bins: linear between them, clipped
        outside; 0 stands for where ``"unity"`` begins. None leaves the values as they are.
    other_property : label, optional
        A column or index level of numbers, or ``"frame"`` or ``"z"`` whatever their columns are
        called: show its mean in each bin instead of a count; NaN where there is no localization.

    Returns
    -------
    DataArray
        Dims ``("y", "x")``; coords are the centres of the bins. ``attrs``: ``long_name``,
        ``bin_size``, ``length_unit`` if known, ``rescale``, ``n_localizations`` in the image,
        ``n_outside`` of the range, and ``n_left_out`` for want of a finite x, y or property.

    Raises
    ------
    OptionError
        If an argument makes no sense, or there would be more than 2e8 bins.
    TableError
        If the table cannot be read, or has no localizations and no `bin_range` is given.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"x": [0.5, 2.5, 2.6], "y": [0.5, 1.5, 1.6], "frame": [0, 4, 8]})
    >>> render(table, bin_size=1).values
    array([[1, 0, 0],
           [0, 0, 2]])
    >>> render(table, bin_size=1, other_property="frame").sel(x=2.5, y=1.5).item()
    6.0
    """
    _check_rescale(rescale)
    locs = read_localizations(table, need_frames=False)
    points = locs.positions[:, :2]
    if other_property is not None:
        points = np.column_stack([points, _property(table, other_property, locs)])
    points = points[np.isfinite(points).all(axis=1)]

    size, edges_x, edges_y = _grid(points[:, :2], bin_size, bin_range)
    shape = (len(edges_y) - 1, len(edges_x) - 1)
    column, inside_x = _bins(points[:, 0], edges_x, size)
    row, inside = _bins(points[:, 1], edges_y, size)
    inside &= inside_x
    flat = (row * shape[1] + column)[inside]
    counts = np.bincount(flat, minlength=shape[0] * shape[1])
    image: Image = counts
    if other_property is not None:
        sums = np.bincount(flat, weights=points[inside, 2], minlength=counts.size)
        image = np.divide(sums, counts, out=np.full(counts.size, np.nan), where=counts > 0)

    label = "localizations per bin" if other_property is None else f"mean {other_property}"
    if rescale is not None:
        image = _brightness(image, counts > 0, rescale)
        label += f", {_RESCALED.get(str(rescale), f'percentiles {rescale}')}"
    unit = locs.length_unit
    units = {} if unit is None else {"units": unit}
    coords = {
        axis: (axis, 0.5 * (edges[:-1] + edges[1:]), {"long_name": axis, **units})
        for axis, edges in zip("yx", (edges_y, edges_x), strict=True)
    }
    return xr.DataArray(
        image.reshape(shape),
        dims=("y", "x"),
        coords=coords,
        name="localizations" if other_property is None else str(other_property),
        attrs={
            "long_name": label,
            "bin_size": size,
            **({} if unit is None else {"length_unit": unit}),
            "rescale": str(rescale).lower(),
            "n_localizations": len(flat),
            "n_outside": len(points) - len(flat),
            "n_left_out": len(table) - len(points),
        },
    )


def nice_length(length: float) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that is not below a length."""
    power = math.floor(math.log10(length))
    ladder = [float(f"{digit}e{power + up}") for up in (0, 1) for digit in (1, 2, 5)]
    return next(step for step in ladder if step >= length * (1 - 1e-12))


def _grid(
    xy: FloatArray, bin_size: float | None, bin_range: BinRange | None
) -> tuple[float, FloatArray, FloatArray]:
    """Return the bin size and the edges of the bins along x and y."""
    if bin_range is not None:
        ranges = _checked_range(bin_range)
    elif len(xy):
        ranges = list(zip(xy.min(axis=0).tolist(), xy.max(axis=0).tolist(), strict=True))
    else:
        raise TableError(
            "There is no localization with finite values; give bin_range=((x0, x1), (y0, y1)) for "
            "an empty image"
        )
    extents = [high - low for low, high in ranges]
    if bin_size is None:
        size = nice_length(max(extents) / BINS_ACROSS) if max(extents) > 0 else 1.0
    else:
        size = float(bin_size)
        if not 0 < size < math.inf:
            raise OptionError(f"bin_size={bin_size!r} must be a positive length")
    fits = size
    while math.prod(extent / fits + 1 for extent in extents) > MAX_BINS:
        fits = nice_length(2 * fits)
    if fits > size:
        raise OptionError(
            f"bin_size={bin_size!r} gives more than {MAX_BINS:.0e} bins; take bin_size={fits:g}, "
            "or show less with bin_range"
        )
    edges = [_edges(low, high, size, aligned=bin_range is None) for low, high in ranges]
    return size, edges[0], edges[1]


def _checked_range(bin_range: BinRange) -> list[tuple[float, float]]:
    values = np.array(bin_range, dtype=np.float64) if np.shape(bin_range) == (2, 2) else None
    if values is None or not np.isfinite(values).all() or (values[:, 0] >= values[:, 1]).any():
        raise OptionError(
            f"bin_range={bin_range!r} must be ((x0, x1), (y0, y1)) with x0 < x1 and y0 < y1"
        )
    return [(low, high) for low, high in values.tolist()]


def _edges(low: float, high: float, size: float, *, aligned: bool) -> FloatArray:
    """Return edges from low to high, or at multiples of the size around all from low to high."""
    if not aligned:
        n_bins = max(1, math.ceil((high - low) / size * (1 - 1e-12)))
        return np.asarray(low + size * np.arange(n_bins + 1.0))
    start = size * math.floor(low / size)
    start -= size * (start > low)  # rounding may cost a bin at either end
    n_bins = math.floor((high - start) / size) + 1
    edges = np.asarray(start + size * np.arange(n_bins + 2.0))
    return edges if edges[-2] <= high else edges[:-1]


def _bins(values: FloatArray, edges: FloatArray, size: float) -> tuple[IntArray, BoolArray]:
    """Return the bin of each value, and which values lie within the edges."""
    inside = (values >= edges[0]) & (values < edges[-1])
    last = len(edges) - 2
    index = np.clip((values - edges[0]) / size, 0, last).astype(np.int64)
    index -= values < edges[index]  # division rounds; what the edges say counts
    index += values >= edges[index + 1]
    return index, inside


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


def _check_rescale(rescale: Any) -> None:
    if rescale is None or (isinstance(rescale, str) and rescale in _RESCALED):
        return
    pair = np.asarray(rescale)
    if pair.shape != (2,) or pair.dtype.kind not in "if" or not 0 <= pair[0] < pair[1] <= 100:
        known = ", ".join(f'"{name}"' for name in _RESCALED)
        raise OptionError(
            f"rescale={rescale!r} is not known; take None, {known}, or two percentiles like (0, 99)"
        )


def _brightness(image: Image, occupied: BoolArray, rescale: Rescale) -> FloatArray:
    """Return 0 to 1 for the occupied bins, and elsewhere 0 (counts) or NaN (a property)."""
    is_count = image.dtype.kind == "i"
    result = np.full(image.shape, 0.0 if is_count else np.nan)
    filled = image[occupied]
    if not filled.size:
        return result
    if rescale == "equal":
        from skimage.exposure import equalize_hist

        result[occupied] = equalize_hist(filled)  # type: ignore[no-untyped-call]
        return result
    start = 0 if is_count else filled.min()
    if rescale == "log":
        filled, start = np.log1p(filled - start), 0
    low, high = start, filled.max()
    if not isinstance(rescale, str):
        low, high = np.percentile(filled, rescale)
        low = start if rescale[0] == 0 else low
    span = high - low
    result[occupied] = np.clip((filled - low) / span, 0, 1) if span > 0 else filled >= high
    return result
