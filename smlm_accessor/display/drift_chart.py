"""The chart of drift over frames, and the drift in a few numbers."""

from __future__ import annotations

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray
from smlm_accessor.display.svg_chart import COLORS, Chart, limits
from smlm_accessor.display.tables import number
from smlm_accessor.drift.curves import MANY, Curves, invalid_spans
from smlm_accessor.drift.times import clock_of, counted
from smlm_accessor.table.clock import TimeAxis

_BINS_OF_NOTEBOOK = 80  # of its smaller picture; so that a notebook stays small


def draw_drift(
    source: xr.Dataset, chunks: Curves, curve: Curves | None = None, *, bins: int = 500
) -> Chart:
    """Draw the drift of chunks, and a curve through or beside them, with one standard deviation.

    Without a curve the line goes from chunk to chunk. The band is that of the curve; where the
    curve has none, as that of a correction, it is that of the chunks. Chunks are dots with error
    bars beside a band of the curve, and small dots where they are many. Ends, jumps and chunks that
    are not valid are those of ``source``.
    """
    n = source.sizes["chunk"]
    start, stop = _ends(source)
    axis = time_axis(source)
    line = chunks if curve is None else curve
    band = line if np.isfinite(line.std).any() else chunks
    shown = [chunks.values, line.values, *_edges(chunks), *_edges(line)]
    ends = axis.at([start, max(stop, start + 1)])
    chart = Chart((float(ends[0]), float(ends[1])), limits(*shown), bins)
    chart.level(0.0, "zero")
    for frame in chunks.jumps if len(chunks.jumps) < bins else []:
        chart.upright(float(axis.at(frame)), "jump")
    for j, color in enumerate(COLORS[: len(chunks.names)]):
        low, high = (edge[:, j] for edge in _edges(band))
        for rows in band.segments():
            chart.band(axis.at(band.frames[rows]), low[rows], high[rows], color)
        for rows in line.segments():
            chart.line(axis.at(line.frames[rows]), line.values[rows, j], color)
        if n <= MANY and band is not chunks:
            low, high = (edge[:, j] for edge in _edges(chunks))
            chart.bars(axis.at(chunks.frames), low, high, color)
        if n <= MANY or line is not chunks:
            size = 5 if n <= MANY else 2
            chart.dots(axis.at(chunks.frames), chunks.values[:, j], color, size=size)
    for first, after in invalid_spans(source):
        chart.strip(float(axis.at(first)), float(axis.at(after)), "not registered")
    return chart


def time_axis(source: xr.Dataset) -> TimeAxis:
    """Return the axis of the chart of a drift."""
    start, stop = _ends(source)
    return clock_of(source).axis(start, stop)


def _ends(source: xr.Dataset) -> tuple[int, int]:
    if not source.sizes["chunk"]:
        return 0, 1
    source = counted(source)
    return int(source["frame_start"][0]), int(source["frame_stop"][-1])


def drift_svg(source: xr.Dataset, chunks: Curves, curve: Curves | None = None) -> str:
    """Return the chart as a picture for a notebook."""
    unit, axis = source.attrs.get("length_unit"), time_axis(source)
    return draw_drift(source, chunks, curve, bins=_BINS_OF_NOTEBOOK).svg(
        says=f"Drift over {'time' if axis.unit else 'frames'}",
        x_name=f"{axis.name.lower()} ({axis.unit})" if axis.unit else "frame",
        y_name=f"drift ({unit})" if unit else "drift",
        names=chunks.names,
    )


def curve_rows(curves: Curves, unit: str | None) -> list[list[str]]:
    """Return the range and the errors of each component, after a row of headings."""
    name = f"drift ({unit})" if unit else "drift"
    rows = [[name, "lowest", "highest", "range", "std, median", "std, largest"]]
    for name, values, std in zip(curves.names, curves.values.T, curves.std.T, strict=True):
        known, sure = values[np.isfinite(values)], std[np.isfinite(std)]
        low, high = (known.min(), known.max()) if len(known) else (np.nan, np.nan)
        middle, most = (np.median(sure), sure.max()) if len(sure) else (np.nan, np.nan)
        found = (low, high, high - low, middle, most)
        rows.append([name, *(number(v) if np.isfinite(v) else "unknown" for v in found)])
    return rows


def _edges(curves: Curves) -> tuple[FloatArray, FloatArray]:
    return curves.values - curves.std, curves.values + curves.std
