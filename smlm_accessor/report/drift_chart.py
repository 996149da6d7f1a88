"""The chart of drift over frames."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import xarray as xr

from smlm_accessor._typing import FloatArray, IntArray
from smlm_accessor.assess.case import Drift
from smlm_accessor.display.traces import invalid_spans
from smlm_accessor.drift import segments, transformations
from smlm_accessor.models import DriftModel
from smlm_accessor.plot.curves import Curves, chunk_curves, model_curves
from smlm_accessor.plot.drift import MANY
from smlm_accessor.plot.over_frames import drift_over_frames
from smlm_accessor.plot.style import COLORS, with_unit
from smlm_accessor.report.chart import Chart, limits

_MOST = 1000  # points of a line
_MOST_CHUNKS = 2000


def drift_chart(drift: Drift, by: str | None) -> str:
    """Return the chart: chunks, their band, and the curve that is removed."""
    model = drift if isinstance(drift, DriftModel) else None
    source = model.transformations if model else drift
    assert isinstance(source, xr.Dataset)
    axes = transformations.components(source)
    start, stop = int(source["frame_start"][0]), int(source["frame_stop"][-1])
    jumps = segments.jumps(source)
    some = source.isel(chunk=slice(None, None, -(-source.sizes["chunk"] // _MOST_CHUNKS)))
    chunks = chunk_curves(some, "drift", model)
    frames = segments.spread_frames(start, stop, jumps, _MOST)
    curve: Curves | None = None
    if model:
        curve = model_curves(model, "drift", frames)
    elif source["valid"].any():
        values = drift_over_frames(source, frames, by)
        curve = Curves(axes, values, np.full(values.shape, np.nan))

    shown = [chunks.values] if curve is None else [chunks.values, curve.values]
    least = float(np.nanmax(chunks.std, initial=1e-6))
    chart = Chart((start, max(stop, start + 1)), limits(*shown, least=4 * least))
    chart.level(0.0, "zero")
    for frame in jumps:
        chart.upright(frame, "jump")
    at, few = some["frame"].values, source.sizes["chunk"] <= MANY
    for j, color in enumerate(COLORS[: len(axes)]):
        values, std = chunks.values[:, j], chunks.std[:, j]
        if model and few:
            chart.bars(at, values - std, values + std, color)
        elif not model:
            _draw_band(chart, at, values, std, color, jumps)
        if curve is not None:
            if model:
                _draw_band(chart, frames, curve.values[:, j], curve.std[:, j], color, jumps)
            for piece in _pieces(frames, jumps):
                chart.line(frames[piece], curve.values[piece, j], color)
        if few:
            chart.dots(at, values, color)
        elif model or curve is None:
            chart.dots(at, values, color, size=2)
    for first, after in invalid_spans(source):
        chart.strip(first, after)
    return chart.html(
        says=_says(axes, start, stop, source),
        x_name="Frame",
        y_name=with_unit("Drift", source.attrs.get("length_unit")),
        legend=_legend(axes, source, chunks, curve, model, jumps=bool(len(jumps)), few=few),
    )


def _pieces(frames: IntArray | FloatArray, jumps: IntArray) -> list[slice]:
    edges = [0, *np.searchsorted(frames, jumps).tolist(), len(frames)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]


def _draw_band(
    chart: Chart,
    at: IntArray | FloatArray,
    values: FloatArray,
    std: FloatArray,
    color: str,
    jumps: IntArray,
) -> None:
    for piece in _pieces(at, jumps):
        chart.band(at[piece], (values - std)[piece], (values + std)[piece], color)


def _says(axes: tuple[str, ...], start: int, stop: int, source: xr.Dataset) -> str:
    spread = np.ptp(np.nan_to_num(transformations.drift(source).values), axis=0)
    each = ", ".join(f"{axis} {size:.3g}" for axis, size in zip(axes, spread, strict=True))
    unit = source.attrs.get("length_unit") or "in the unit of the table"
    return f"Drift over frames {start} to {stop - 1}; largest minus smallest: {each} {unit}"


def _legend(
    axes: tuple[str, ...],
    source: xr.Dataset,
    chunks: Curves,
    curve: Curves | None,
    model: DriftModel | None,
    *,
    jumps: bool,
    few: bool,
) -> list[tuple[str, str]]:
    keys = [
        (f'<i class="key" style="background:{color}"></i>', axis)
        for axis, color in zip(axes, COLORS, strict=False)
    ]
    if few or model:
        keys.append(('<i class="key dot"></i>', "chunk"))
    if curve is not None:
        keys.append(('<i class="key"></i>', "model" if model else "removed by the correction"))
    if np.isfinite((curve if curve is not None and model else chunks).std).any():
        keys.append(('<i class="key wide"></i>', "one standard deviation"))
    if jumps:
        keys.append(('<i class="key jump"></i>', "jump of the stage"))
    if not source["valid"].all():
        keys.append(('<i class="key strip"></i>', "not registered"))
    return keys
